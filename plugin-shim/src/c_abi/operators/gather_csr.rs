//! gather_csr: its function, its options, and its query.

use tensorrt_scatter::{GatherCsrOptions, GatherPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    GatherCsr: trts_gather_csr(src: values, indptr: index; out: out)
    -> gather_csr_into with gather_csr, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn gather_csr(&self) -> GatherCsrOptions {
        let options = GatherCsrOptions::new().bad_index(self.bad_index);
        self.dim_size.map_or(options, |size| options.size(size))
    }
}

impl Query {
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_gather_csr(&mut self) -> Result<Answer, Failure> {
        let (src, indptr) = (self.src(), self.index());
        let size = match (self.options.dim_size, self.base()) {
            (Some(size), _) => size,
            (None, Some(out)) => out.dims().get(indptr.rank().wrapping_sub(1)).copied().unwrap_or(0),
            (None, None) => {
                GatherPlan::csr(&src, &indptr, 0)?;
                // SAFETY: the caller's promise.
                unsafe { self.last_element()? }
            }
        };
        let plan = GatherPlan::csr(&src, &indptr, size)?;
        self.found(plan.out_shape(), || 0, Some(indptr.rank() - 1))
    }
}
