//! Attention over segments of rows that are read through an index, on the GPU: the steps, and the safe calls.

mod steps;

use std::ffi::c_void;

use super::{
    DeviceTensor, DeviceWeight, Stream, Workspace,
    call::{self, Call},
    gather_segment::{GatherSegmentPointers, Prepared, Reading},
    kernel::FloatType,
    kernels::Kernels,
    pointers::ReductionPointers,
    queue::{Queue, StreamQueue},
};
use crate::{
    AttentionCsrOptions, AttentionCsrPlan, BadIndex, Error, Float, Index, ScalarType, attention_csr::SCORE,
    gather_segment::check_float32_beside, index_rules::IndexRules,
};

pub use steps::preload_attention_csr;

impl AttentionCsrPlan {
    /// The most bytes of workspace that [`enqueue_attention_csr`] needs, for these shapes and all smaller ones: 8 bytes
    /// for each element and 256 KiB, at most. If src has more than two axes, there are 24 bytes for each position on the
    /// axes before the gathered one. `usize::MAX` if the number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        // In the smallest heads, of one column each.
        self.gather.workspace_bytes_with_values(value_bytes(scalar, 1))
    }
}

/// The bytes of a record for each column, in heads of `columns` columns: a sum for each column; a largest score and a sum
/// of exponentials for each head.
fn value_bytes(scalar: ScalarType, columns: usize) -> usize {
    let number = scalar.accumulator_bytes();
    number + (2 * number).div_ceil(columns.max(1))
}

/// Gives the steps of an attention to a queue. It allocates nothing on the device and does not wait. The scores are the
/// weights of the pointers. Elements with an index outside [0, R) are left out, and entries of indptr are clamped to
/// [0, E].
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NotAFloat`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; `out` and the workspace must not overlap anything.
pub unsafe fn enqueue_attention_csr(
    queue: &mut impl Queue,
    plan: &AttentionCsrPlan,
    pointers: &GatherSegmentPointers,
) -> Result<(), Error> {
    let (gather, scalar) = (&plan.gather, pointers.reduction.scalar);
    let Some(float) = FloatType::of(scalar) else {
        return Err(Error::NotAFloat { given: scalar });
    };
    let needed = plan.workspace_bytes(scalar);
    pointers.reduction.check(gather, needed)?;
    if plan.out_shape().element_count() == 0 {
        return Ok(());
    }
    let reading = Reading::in_order(pointers.reduction.index_type);
    let tuning = *queue.tuning();
    let value_bytes = value_bytes(scalar, gather.columns_of_head());
    let work = Prepared::new(gather, pointers, reading, value_bytes, needed, &tuning);
    // SAFETY: the caller's promise about the addresses; counts and sizes follow from the plan's shapes.
    unsafe { work.enqueue(queue, |step| steps::kernel(step, float), &work.params) }
}

/// [`enqueue_attention_csr`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_attention_csr`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_attention_csr`].
///
/// # Safety
/// Those of [`enqueue_attention_csr`] and [`StreamQueue::new`].
pub unsafe fn attention_csr_raw(
    kernels: &Kernels,
    plan: &AttentionCsrPlan,
    pointers: &GatherSegmentPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_attention_csr(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<2> for AttentionCsrPlan {
    type Pointers = GatherSegmentPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 2] {
        self.gather.rules()
    }

    fn key(&self, pointers: &GatherSegmentPointers) -> [&'static str; 4] {
        let ReductionPointers { scalar, index_type, .. } = pointers.reduction;
        ["attention_csr", "", scalar.name(), index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &GatherSegmentPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_attention_csr(queue, self, pointers) }
    }
}

/// The rows of `src` that an index names in each segment, each times the softmax of its score, summed:
/// [`cpu::attention_csr`](crate::cpu::attention_csr), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. The call
/// allocates its workspace on the device; [`attention_csr_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::attention_csr`](crate::cpu::attention_csr); [`Error::Cuda`] where the driver refuses.
pub fn attention_csr<T: Float, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    indptr: &DeviceTensor<I>,
    score: DeviceWeight<'_, T>,
    options: &AttentionCsrOptions,
) -> Result<DeviceTensor<T>, Error> {
    let inputs = Inputs { src, index, indptr, score };
    let plan = inputs.plan()?;
    let mut workspace = Workspace::new(stream.gpu())?;
    let mut out = DeviceTensor::uninitialized(stream.gpu(), *plan.out_shape())?;
    run(stream, &plan, inputs, options.bad_index, &mut out, &mut workspace)?;
    Ok(out)
}

/// [`attention_csr`] that writes to the caller's tensor, to every element of it, and uses the caller's workspace.
///
/// # Errors
/// Those of [`attention_csr`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is written
/// then.
#[expect(clippy::too_many_arguments, reason = "the operator's own, plus a stream and its workspace")]
pub fn attention_csr_into<T: Float, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    indptr: &DeviceTensor<I>,
    score: DeviceWeight<'_, T>,
    options: &AttentionCsrOptions,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let inputs = Inputs { src, index, indptr, score };
    let plan = inputs.plan()?;
    plan.check_output(out.shape())?;
    run(stream, &plan, inputs, options.bad_index, out, workspace)
}

/// The tensors that are read.
#[derive(Clone, Copy)]
struct Inputs<'a, T, I> {
    src: &'a DeviceTensor<T>,
    index: &'a DeviceTensor<I>,
    indptr: &'a DeviceTensor<I>,
    score: DeviceWeight<'a, T>,
}

impl<T: Float, I: Index> Inputs<'_, T, I> {
    fn plan(&self) -> Result<AttentionCsrPlan, Error> {
        if let DeviceWeight::Float32(_) = self.score {
            check_float32_beside(T::TYPE, SCORE)?;
        }
        let [src, index, indptr] = [self.src.shape(), self.index.shape(), self.indptr.shape()];
        AttentionCsrPlan::new(src, index, indptr, self.score.shape())
    }
}

fn run<T: Float, I: Index>(
    stream: &Stream,
    plan: &AttentionCsrPlan,
    inputs: Inputs<'_, T, I>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let pointers = |workspace: &Workspace, address| {
        let reduction = ReductionPointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            arg_type: I::TYPE,
            src: inputs.src.address_on(stream, "src")?,
            index: inputs.indptr.address_on(stream, "indptr")?,
            base: None,
            out: out.address_on(stream, "out")?,
            arg_out: None,
            workspace: address,
            workspace_bytes: workspace.bytes(),
        };
        Ok(GatherSegmentPointers {
            reduction,
            index: inputs.index.address_on(stream, "index")?,
            weight: Some(inputs.score.address_on(stream, SCORE)?),
            weights_are_float32: matches!(inputs.score, DeviceWeight::Float32(_)),
        })
    };
    let bytes = plan.workspace_bytes(T::TYPE);
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [inputs.index, inputs.indptr], bad_index, bytes, workspace, pointers) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    #[test]
    fn smaller_shapes_need_no_more_workspace() {
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        let bytes = |b: usize, e: usize, k: usize, heads: usize, n: usize, scalar| {
            let (src, index, indptr) = (shape(&[b, 50, k]), shape(&[b, e]), shape(&[b, n + 1]));
            let score = shape(&[b, e, heads]);
            AttentionCsrPlan::new(&src, &index, &indptr, &score).unwrap().workspace_bytes(scalar)
        };
        for scalar in [ScalarType::F32, ScalarType::F16, ScalarType::F64] {
            let mut of_smaller = 0;
            for (b, e, k, n) in [(1, 100, 4, 3), (1, 5000, 4, 30), (1, 5000, 64, 300), (3, 5000, 64, 300)] {
                let of_heads: Vec<_> = [1, 2, 4].map(|heads| bytes(b, e, k, heads, n, scalar)).to_vec();
                assert!(of_heads.iter().all(|&bytes| bytes == of_heads[0]), "{of_heads:?}");
                assert!(of_heads[0] >= of_smaller);
                of_smaller = of_heads[0];
            }
            let (b, e) = (4, 100_000);
            assert!(bytes(b, e, 64, 64, 1000, scalar) <= 8 * b * e + (1 << 18) + 24 * b + 64);
        }
    }
}
