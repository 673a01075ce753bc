//! gather_dot: its function, its options, and its query.

use tensorrt_scatter::{GatherDotOptions, GatherDotPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    GatherDot: trts_gather_dot(
        src: values, index: index, other: values, other_index: index, weight: weight; out: out
    )
    -> gather_dot_into with gather_dot, with_float_types<T: Float, I: Index>
}

impl Options {
    pub(super) fn gather_dot(&self) -> GatherDotOptions {
        GatherDotOptions::new(self.combine)
            .heads(self.heads)
            .negative_slope(self.negative_slope)
            .bad_index(self.bad_index)
    }
}

impl Query {
    pub(super) fn answer_gather_dot(&self) -> Result<Answer, Failure> {
        let (other, other_index) = (self.input("other"), self.input("other_index"));
        let (weight, options) = (self.optional_input("weight"), self.options.gather_dot());
        let plan = GatherDotPlan::new(&self.src(), &self.index(), &other, &other_index, weight.as_ref(), &options)?;
        self.found(plan.out_shape(), || 0, None)
    }
}
