//! segment_coo: its function, its options, and its query.

use tensorrt_scatter::{SegmentCooOptions, SegmentPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    SegmentCoo: trts_segment_coo(src: values, index: index, base: base; out: out, arg_out: positions)
    -> segment_coo_into with segment_coo, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn segment_coo(&self) -> SegmentCooOptions {
        let options = SegmentCooOptions::new(self.reduce).bad_index(self.bad_index);
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }
}

impl Query {
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_segment_coo(&mut self) -> Result<Answer, Failure> {
        let (src, index, base) = (self.src(), self.index(), self.base());
        if self.index_decides() {
            SegmentPlan::coo(&src, &index, None, &self.options.segment_coo().dim_size(0))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.group_count()? });
        }
        let plan = SegmentPlan::coo(&src, &index, base.as_ref(), &self.options.segment_coo())?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), Some(index.rank() - 1))
    }
}
