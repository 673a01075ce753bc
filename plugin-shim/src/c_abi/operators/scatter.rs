//! scatter: its function, its options, and its query.

use tensorrt_scatter::{ScatterOptions, ScatterPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    Scatter: trts_scatter(src: values, index: index, base: base; out: out, arg_out: positions)
    -> scatter_into with scatter, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn scatter(&self) -> ScatterOptions {
        let options =
            ScatterOptions::new(self.reduce).dim(self.dim).bad_index(self.bad_index).deterministic(self.deterministic);
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }
}

impl Query {
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_scatter(&mut self) -> Result<Answer, Failure> {
        let (src, index, base) = (self.src(), self.index(), self.base());
        if self.index_decides() {
            // The shapes are checked before the index is read: their message says more.
            ScatterPlan::new(&src, &index, None, &self.options.scatter().dim_size(0))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.used_group_count()? });
        }
        let plan = ScatterPlan::new(&src, &index, base.as_ref(), &self.options.scatter())?;
        let axis = src.axis(self.options.dim)?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), Some(axis))
    }
}
