//! Softmax, log_softmax, logsumexp and std over segments on the GPU: the steps, and the safe calls.

mod steps;

use std::ffi::c_void;

use kernel_params::{CompositeCsrParams, SegmentParams};

use super::{
    DeviceTensor, Stream, Workspace,
    call::{self, Call},
    kernel::FloatType,
    kernels::Kernels,
    pointers::ReductionPointers,
    queue::{Queue, StreamQueue},
    segment::{Partition, WorkspaceLayout, allowance, most_bytes_with_values},
    tuning::WARP_SIZE,
};
use crate::{
    BadIndex, Composite, CompositeCsrOptions, CompositeCsrPlan, Error, Float, Index, IndexType, ScalarType,
    index_rules::IndexRules,
};

pub use steps::preload_composite_csr;

use steps::{Selection, Step};

/// Where the tensors of a composite over segments lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub struct CompositeCsrPointers {
    /// Type of `src` and `out`, a floating-point one.
    pub scalar: ScalarType,
    /// Type of `indptr`.
    pub index_type: IndexType,
    /// Address of `src`.
    pub src: u64,
    /// Address of the indptr, of the plan's shape.
    pub indptr: u64,
    /// Address of `out`.
    pub out: u64,
    /// Address of the workspace, aligned to 8: [`CompositeCsrPlan::workspace_bytes`] bytes.
    pub workspace: u64,
    /// The number of bytes at `workspace`.
    pub workspace_bytes: usize,
}

/// The bytes of a record for each column: two accumulators.
fn value_bytes(scalar: ScalarType) -> usize {
    2 * scalar.accumulator_bytes()
}

impl CompositeCsrPlan {
    /// The most bytes of workspace that [`enqueue_composite_csr`] needs, for these shapes and all smaller ones: a
    /// quarter of src's bytes and 8 MiB, at most. If src has more than two axes, there are 8 bytes for each position on
    /// the axes before the reduced one. `usize::MAX` if the number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        most_bytes_with_values(&self.segments, value_bytes(scalar), allowance(&self.segments, scalar))
    }
}

/// Gives the steps of a composite over segments to a queue. It allocates nothing on the device and does not wait. Entries
/// of indptr are clamped to [0, E].
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NotAFloat`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; `out` and the workspace must not overlap anything.
pub unsafe fn enqueue_composite_csr(
    queue: &mut impl Queue,
    plan: &CompositeCsrPlan,
    pointers: &CompositeCsrPointers,
) -> Result<(), Error> {
    let (segments, scalar) = (&plan.segments, pointers.scalar);
    let Some(float) = FloatType::of(scalar) else {
        return Err(Error::NotAFloat { given: scalar });
    };
    let needed = plan.workspace_bytes(scalar);
    if pointers.workspace_bytes < needed {
        return Err(Error::WorkspaceTooSmall { given: pointers.workspace_bytes, needed });
    }
    if plan.out_shape().element_count() == 0 {
        return Ok(());
    }
    let tuning = *queue.tuning();
    let partition = Partition::of_composite(segments, scalar, value_bytes(scalar));
    // The tensors must be aligned to what one instruction loads.
    let is_aligned = |address: u64| address.is_multiple_of((partition.pack * scalar.bytes()) as u64);
    let is_quads = partition.pack > 1 && is_aligned(pointers.src) && is_aligned(pointers.out);
    let columns = if is_quads { partition.pack } else { 1 };
    let chunks = segments.b.saturating_mul(partition.chunks_per_b(segments));
    let workspace = WorkspaceLayout::with_values(segments, value_bytes(scalar), chunks);
    debug_assert!(workspace.bytes <= needed, "{plan:?}");
    let reduction = ReductionPointers {
        scalar,
        index_type: pointers.index_type,
        arg_type: pointers.index_type,
        src: pointers.src,
        index: pointers.indptr,
        base: None,
        out: pointers.out,
        arg_out: None,
        workspace: pointers.workspace,
        workspace_bytes: pointers.workspace_bytes,
    };
    let placed = segments.place_layout(&reduction, &workspace);
    let params: SegmentParams = segments.params(&reduction, placed.layout, &partition, &workspace, columns, &tuning);
    let column_parts = params.column_parts.value as usize;
    let tile = 1 << params.tile_log2;
    let row_warps = (segments.b * segments.n * column_parts).div_ceil(WARP_SIZE / (partition.lanes * partition.ways));
    let params = CompositeCsrParams {
        segments: params,
        eps: plan.composite.added(plan.eps),
        operator: match plan.composite {
            Composite::Softmax => CompositeCsrParams::SOFTMAX,
            Composite::LogSoftmax => CompositeCsrParams::LOG_SOFTMAX,
            Composite::LogSumExp => CompositeCsrParams::LOGSUMEXP,
            Composite::Std => CompositeCsrParams::STD,
        },
        lost: u32::from(plan.unbiased),
    };
    let selection = Selection { composite: plan.composite, float };
    let blocks = |chunks: usize| tuning.chunk_blocks(chunks.div_ceil(tile), segments.average_length());
    // SAFETY: the caller's promise about the addresses; counts and sizes follow from the plan's shapes.
    unsafe {
        placed.enqueue(queue)?;
        queue.launch_for_each(Step::Cut { is_quads }.kernel(selection), row_warps, &params)?;
        // Without segments, there is nothing to combine.
        if chunks != 0 && segments.n != 0 {
            queue.launch_for_each(Step::Chunks { is_quads }.kernel(selection), blocks(chunks), &params)?;
            queue.launch(Step::Combine.kernel(selection), tuning.combine_blocks(chunks) as u32, &params)?;
        }
        if plan.composite.keeps_shape() {
            let blocks = blocks(chunks.max(segments.b));
            queue.launch_for_each(Step::Rest { is_quads }.kernel(selection), blocks, &params)?;
        }
    }
    Ok(())
}

/// [`enqueue_composite_csr`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_composite_csr`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_composite_csr`].
///
/// # Safety
/// Those of [`enqueue_composite_csr`] and [`StreamQueue::new`].
pub unsafe fn composite_csr_raw(
    kernels: &Kernels,
    plan: &CompositeCsrPlan,
    pointers: &CompositeCsrPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_composite_csr(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<1> for CompositeCsrPlan {
    type Pointers = CompositeCsrPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 1] {
        [(self.segments.segments.name(), &self.segments)]
    }

    fn key(&self, pointers: &CompositeCsrPointers) -> [&'static str; 4] {
        ["composite_csr", self.name(), pointers.scalar.name(), pointers.index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &CompositeCsrPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_composite_csr(queue, self, pointers) }
    }
}

macro_rules! calls {
    ($($name:ident, $name_into:ident, $composite:ident;)+) => {$(
        #[doc = concat!("[`cpu::", stringify!($name), "`](crate::cpu::", stringify!($name), "), on a stream.")]
        ///
        /// The result is in device memory. It is complete when the stream has executed the work given to it so far.
        #[doc = concat!("The call allocates its workspace on the device; [`", stringify!($name_into), "`]")]
        /// uses the caller's workspace.
        ///
        /// # Errors
        #[doc = concat!("Those of [`cpu::", stringify!($name), "`](crate::cpu::", stringify!($name), ");")]
        /// [`Error::Cuda`] where the driver refuses.
        pub fn $name<T: Float, I: Index>(
            stream: &Stream,
            src: &DeviceTensor<T>,
            indptr: &DeviceTensor<I>,
            options: &CompositeCsrOptions,
        ) -> Result<DeviceTensor<T>, Error> {
            let plan = CompositeCsrPlan::new(Composite::$composite, src.shape(), indptr.shape(), options)?;
            let mut workspace = Workspace::new(stream.gpu())?;
            let mut out = DeviceTensor::uninitialized(stream.gpu(), *plan.out_shape())?;
            run(stream, &plan, src, indptr, options.bad_index, &mut out, &mut workspace)?;
            Ok(out)
        }

        #[doc = concat!("[`", stringify!($name), "`] that writes to the caller's tensor, to every element of it, and")]
        /// uses the caller's workspace.
        ///
        /// # Errors
        #[doc = concat!("Those of [`", stringify!($name), "`]; [`Error::OutputShape`] where `out` has another shape")]
        /// than the result. Nothing is written then.
        pub fn $name_into<T: Float, I: Index>(
            stream: &Stream,
            src: &DeviceTensor<T>,
            indptr: &DeviceTensor<I>,
            options: &CompositeCsrOptions,
            out: &mut DeviceTensor<T>,
            workspace: &mut Workspace,
        ) -> Result<(), Error> {
            let plan = CompositeCsrPlan::new(Composite::$composite, src.shape(), indptr.shape(), options)?;
            plan.check_output(out.shape())?;
            run(stream, &plan, src, indptr, options.bad_index, out, workspace)
        }
    )+};
}

calls! {
    softmax_csr, softmax_csr_into, Softmax;
    log_softmax_csr, log_softmax_csr_into, LogSoftmax;
    logsumexp_csr, logsumexp_csr_into, LogSumExp;
    std_csr, std_csr_into, Std;
}

fn run<T: Float, I: Index>(
    stream: &Stream,
    plan: &CompositeCsrPlan,
    src: &DeviceTensor<T>,
    indptr: &DeviceTensor<I>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let pointers = |workspace: &Workspace, address| {
        Ok(CompositeCsrPointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            src: src.address_on(stream, "src")?,
            indptr: indptr.address_on(stream, "indptr")?,
            out: out.address_on(stream, "out")?,
            workspace: address,
            workspace_bytes: workspace.bytes(),
        })
    };
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [indptr], bad_index, plan.workspace_bytes(T::TYPE), workspace, pointers) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    fn plan([b, e, k, n]: [usize; 4]) -> CompositeCsrPlan {
        let (src, indptr) = (Shape::new(&[b, e, k]).unwrap(), Shape::new(&[b, n + 1]).unwrap());
        CompositeCsrPlan::new(Composite::Softmax, &src, &indptr, &CompositeCsrOptions::new()).unwrap()
    }

    /// The bytes that an enqueue takes.
    fn taken(plan: &CompositeCsrPlan, scalar: ScalarType) -> usize {
        let partition = Partition::of_composite(&plan.segments, scalar, value_bytes(scalar));
        let chunks = plan.segments.b * partition.chunks_per_b(&plan.segments);
        WorkspaceLayout::with_values(&plan.segments, value_bytes(scalar), chunks).bytes
    }

    #[test]
    fn no_input_takes_more_than_is_reserved_for_a_larger_one() {
        for b in [1, 2, 100, 10_000] {
            for e in [1, 20, 33, 65, 129, 300, 1025, 3000, 100_000, 20_000_000] {
                for (k, n) in [1, 3, 4, 8, 33, 64, 1000].into_iter().flat_map(|k| [(k, 1), (k, 1000), (k, 100_000)]) {
                    if b * e * k >= 1 << 37 {
                        continue;
                    }
                    for scalar in [ScalarType::F32, ScalarType::F16, ScalarType::F64] {
                        let taken = taken(&plan([b, e, k, n]), scalar);
                        for larger in [[b, e, k, n], [2 * b, e, k, n], [b, e + 1, k, n], [b, 3 * e, k + 1, 2 * n]] {
                            let reserved = plan(larger).workspace_bytes(scalar);
                            assert!(taken <= reserved, "{b} x {e} x {k}, {n}, {}: {taken}", scalar.name());
                        }
                    }
                }
            }
        }
    }
}
