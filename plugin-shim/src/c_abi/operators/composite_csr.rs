//! The functions of softmax_csr, log_softmax_csr, logsumexp_csr and std_csr, their options, and their queries.

use tensorrt_scatter::{Composite, CompositeCsrOptions, CompositeCsrPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    SoftmaxCsr: trts_softmax_csr(src: values, indptr: index; out: out)
    -> softmax_csr_into with composite_csr, with_float_types<T: Float, I: Index>
}
operator! {
    LogSoftmaxCsr: trts_log_softmax_csr(src: values, indptr: index; out: out)
    -> log_softmax_csr_into with composite_csr, with_float_types<T: Float, I: Index>
}
operator! {
    LogSumExpCsr: trts_logsumexp_csr(src: values, indptr: index; out: out)
    -> logsumexp_csr_into with composite_csr, with_float_types<T: Float, I: Index>
}
operator! {
    StdCsr: trts_std_csr(src: values, indptr: index; out: out)
    -> std_csr_into with composite_csr, with_float_types<T: Float, I: Index>
}

impl Options {
    pub(super) fn composite_csr(&self) -> CompositeCsrOptions {
        CompositeCsrOptions::new().bad_index(self.bad_index).eps(self.eps).unbiased(self.unbiased)
    }
}

impl Query {
    pub(super) fn answer_composite_csr(&self, composite: Composite) -> Result<Answer, Failure> {
        let plan = CompositeCsrPlan::new(composite, &self.src(), &self.index(), &self.options.composite_csr())?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), None)
    }
}
