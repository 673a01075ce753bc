//! gather_segment_csr: its function, its options, and its query.

use tensorrt_scatter::{GatherSegmentCsrOptions, GatherSegmentPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    GatherSegmentCsr: trts_gather_segment_csr(
        src: values, index: index, indptr: index, weight: weight; out: out, arg_out: positions
    )
    -> gather_segment_csr_into with gather_segment_csr, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn gather_segment_csr(&self) -> GatherSegmentCsrOptions {
        GatherSegmentCsrOptions::new(self.reduce).bad_index(self.bad_index)
    }
}

impl Query {
    pub(super) fn answer_gather_segment_csr(&self) -> Result<Answer, Failure> {
        let (indptr, weight) = (self.input("indptr"), self.optional_input("weight"));
        let options = self.options.gather_segment_csr();
        let plan = GatherSegmentPlan::csr(&self.src(), &self.index(), &indptr, weight.as_ref(), &options)?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), None)
    }
}
