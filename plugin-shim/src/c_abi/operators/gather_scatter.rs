//! gather_scatter: its function, its options, and its query.

use tensorrt_scatter::{GatherScatterOptions, GatherScatterPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    GatherScatter: trts_gather_scatter(
        src: values, index: index, destination: index, weight: weight; out: out, arg_out: positions
    )
    -> gather_scatter_into with gather_scatter, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn gather_scatter(&self) -> GatherScatterOptions {
        let options = GatherScatterOptions::new(self.reduce).bad_index(self.bad_index);
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }
}

impl Query {
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_gather_scatter(&mut self) -> Result<Answer, Failure> {
        let (src, index, destination) = (self.src(), self.index(), self.input("destination"));
        let weight = self.optional_input("weight");
        if self.index_decides() {
            // The shapes are checked before the destinations are read: their message says more.
            let options = self.options.gather_scatter().dim_size(0);
            GatherScatterPlan::new(&src, &index, &destination, weight.as_ref(), &options)?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.group_count_of("destination")? });
        }
        let options = self.options.gather_scatter();
        let plan = GatherScatterPlan::new(&src, &index, &destination, weight.as_ref(), &options)?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), Some(index.rank() - 1))
    }
}
