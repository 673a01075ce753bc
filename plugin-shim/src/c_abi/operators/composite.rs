//! The functions of softmax, log_softmax, logsumexp and std, their options, and their queries.

use tensorrt_scatter::{Composite, CompositeOptions, CompositePlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    Softmax: trts_softmax(src: values, index: index; out: out)
    -> softmax_into with composite, with_float_types<T: Float, I: Index>
}
operator! {
    LogSoftmax: trts_log_softmax(src: values, index: index; out: out)
    -> log_softmax_into with composite, with_float_types<T: Float, I: Index>
}
operator! {
    LogSumExp: trts_logsumexp(src: values, index: index; out: out)
    -> logsumexp_into with composite, with_float_types<T: Float, I: Index>
}
operator! {
    Std: trts_std(src: values, index: index; out: out)
    -> std_into with composite, with_float_types<T: Float, I: Index>
}

impl Options {
    pub(super) fn composite(&self) -> CompositeOptions {
        let options =
            CompositeOptions::new().dim(self.dim).bad_index(self.bad_index).eps(self.eps).unbiased(self.unbiased);
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }
}

impl Query {
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_composite(&mut self, composite: Composite) -> Result<Answer, Failure> {
        let (src, index, scalar) = (self.src(), self.index(), self.scalar());
        if self.options.dim_size.is_none() {
            CompositePlan::new(composite, &src, &index, &self.options.composite().dim_size(0))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.used_group_count()? });
        }
        let plan = CompositePlan::new(composite, &src, &index, &self.options.composite())?;
        self.found(plan.out_shape(), || plan.workspace_bytes(scalar), Some(src.axis(self.options.dim)?))
    }
}
