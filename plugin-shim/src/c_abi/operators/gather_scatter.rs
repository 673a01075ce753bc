//! gather_scatter: its function, its options, and its query.

use tensorrt_scatter::{Error, GatherScatterOptions, GatherScatterPlan, Shape};

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

/// Plans an operator with destinations: of src, index, destination and weight.
type PlanOf<O> = fn(&Shape, &Shape, &Shape, Option<&Shape>, &O) -> Result<GatherScatterPlan, Error>;

impl Query {
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_gather_scatter(&mut self) -> Result<Answer, Failure> {
        // SAFETY: the caller's promise.
        unsafe { self.answer_by_destination(Options::gather_scatter, GatherScatterPlan::new) }
    }

    /// The answer for an operator with destinations.
    ///
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_by_destination<O>(
        &mut self,
        options: fn(&Options) -> O,
        plan: PlanOf<O>,
    ) -> Result<Answer, Failure> {
        let (src, index, destination) = (self.src(), self.index(), self.input("destination"));
        let weight = self.optional_input("weight");
        if self.index_decides() {
            // The shapes are checked before the destinations are read: their message says more.
            self.options.dim_size = Some(0);
            plan(&src, &index, &destination, weight.as_ref(), &options(&self.options))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.group_count_of("destination")? });
        }
        let plan = plan(&src, &index, &destination, weight.as_ref(), &options(&self.options))?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), Some(index.rank() - 1))
    }
}
