//! gather_coo: its function, its options, and its query.

use tensorrt_scatter::{GatherCooOptions, GatherPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    GatherCoo: trts_gather_coo(src: values, index: index; out: out)
    -> gather_coo_into with gather_coo, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn gather_coo(&self) -> GatherCooOptions {
        GatherCooOptions::new().bad_index(self.bad_index)
    }
}

impl Query {
    pub(super) fn answer_gather_coo(&self) -> Result<Answer, Failure> {
        let plan = GatherPlan::coo(&self.src(), &self.index())?;
        self.found(plan.out_shape(), || 0, None)
    }
}
