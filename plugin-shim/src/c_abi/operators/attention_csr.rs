//! attention_csr: its function, its options, and its query.

use tensorrt_scatter::{AttentionCsrOptions, AttentionCsrPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    AttentionCsr: trts_attention_csr(src: values, index: index, indptr: index, score: score; out: out)
    -> attention_csr_into with attention_csr, with_float_types<T: Float, I: Index>
}

impl Options {
    pub(super) fn attention_csr(&self) -> AttentionCsrOptions {
        AttentionCsrOptions::new().bad_index(self.bad_index)
    }
}

impl Query {
    pub(super) fn answer_attention_csr(&self) -> Result<Answer, Failure> {
        let (indptr, score) = (self.input("indptr"), self.input("score"));
        let plan = AttentionCsrPlan::new(&self.src(), &self.index(), &indptr, &score)?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.scalar()), None)
    }
}
