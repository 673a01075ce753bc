//! segment_csr: its function, its options, and its query.

use tensorrt_scatter::{SegmentCsrOptions, SegmentPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    SegmentCsr: trts_segment_csr(src: values, indptr: index; out: out, arg_out: positions)
    -> segment_csr_into with segment_csr, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn segment_csr(&self) -> SegmentCsrOptions {
        SegmentCsrOptions::new(self.reduce).bad_index(self.bad_index)
    }
}

impl Query {
    pub(super) fn answer_segment_csr(&self) -> Result<Answer, Failure> {
        let plan = SegmentPlan::csr(&self.src(), &self.index(), &self.options.segment_csr())?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), None)
    }
}
