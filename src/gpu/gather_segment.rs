//! Reductions over segments of rows that are read through an index, on the GPU: the steps, and the safe calls.

mod steps;

use std::ffi::c_void;

use kernel_params::{Divisor, GatherSegmentParams, SegmentParams, entry::Params};

use super::{
    DeviceTensor, Stream, Workspace,
    call::{self, Call},
    kernel::Kernel,
    kernels::Kernels,
    pointers::ReductionPointers,
    queue::{PlacedLayout, Queue, StreamQueue, offset_words},
    segment::{Partition, WorkspaceLayout, most_bytes_with_values},
    tuning::{PACK_BYTES, Tuning, WARP_SIZE},
};
use crate::{
    BadIndex, Error, GatherSegmentCsrOptions, GatherSegmentPlan, Index, IndexType, Reduced, Scalar, ScalarType, Shape,
    broadcast::Layout,
    gather_segment::{WEIGHT, check_float32_beside},
    index_rules::IndexRules,
    reduction::Reduction,
};

pub use steps::preload_gather_segment_csr;

pub(super) use steps::{Selection, Step, kernels};

/// The bytes for each element that chunks may take of the workspace. The rows that are read are never stored, so the
/// workspace must not grow to their size.
const BYTES_PER_ELEMENT: usize = 8;

/// The same where the elements are grouped first. They then share the memory in which the grouping was sorted.
const BYTES_PER_GROUPED_ELEMENT: usize = 4;

/// The bytes that chunks may take in any case. With less, a small input would be cut into too few chunks.
const SPARE_BYTES: usize = 1 << 18;

/// Where the tensors of a gather_segment lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub struct GatherSegmentPointers {
    /// Where the tensors lie that any reduction has. `index` is the indptr, or the destinations of a gather_scatter; it has
    /// the same type as the index.
    pub reduction: ReductionPointers,
    /// Address of the index that names rows of `src`.
    pub index: u64,
    /// Address of the weights; given where, and only where, the plan has them.
    pub weight: Option<u64>,
    /// Whether the weights are float32 beside a `src` of 16-bit floats. Otherwise they have src's type.
    pub weights_are_float32: bool,
}

impl GatherSegmentPlan {
    /// The most bytes of workspace that [`enqueue_gather_segment`] needs, for these shapes and all smaller ones: 8 bytes
    /// for each element and 256 KiB, at most. If src has more than two axes, there are 24 bytes for each position on the
    /// axes before the gathered one. `usize::MAX` if the number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        self.workspace_bytes_with_values(scalar.accumulator_bytes())
    }

    /// [`workspace_bytes`](Self::workspace_bytes) for records of `value_bytes` bytes for each column.
    pub(super) fn workspace_bytes_with_values(&self, value_bytes: usize) -> usize {
        let offsets = self.offset_bytes().saturating_mul(2);
        most_bytes_with_values(&self.segments, value_bytes, self.allowance()).saturating_add(offsets)
    }

    /// The bytes of workspace for the offsets of the index, or of the weights.
    fn offset_bytes(&self) -> usize {
        offset_words(&self.segments.src, self.segments.b, 0).saturating_mul(size_of::<u64>())
    }

    /// The leading axes of the index and of the weights, in elements. Their offsets are the last parts of the workspace,
    /// which ends at `behind`.
    fn place_layouts(&self, behind: u64) -> [PlacedLayout; 2] {
        let place = |leading, nth: u64| {
            let layout = Layout { leading, ..Layout::default() };
            PlacedLayout::new(&layout, self.segments.b, 0, behind - nth * self.offset_bytes() as u64)
        };
        [place(self.rows.leading, 2), place(self.weight.map(|weight| weight.leading).unwrap_or_default(), 1)]
    }

    /// The most bytes that chunks may take.
    fn allowance(&self) -> usize {
        let elements = self.segments.b.saturating_mul(self.segments.e);
        let bytes = if self.is_grouped { BYTES_PER_GROUPED_ELEMENT } else { BYTES_PER_ELEMENT };
        elements.saturating_mul(bytes).saturating_add(SPARE_BYTES)
    }

    /// H: the number of weights of an element. 1 without weights.
    fn heads(&self) -> usize {
        self.weight.map_or(1, |weight| weight.heads.max(1))
    }

    /// The number of neighbouring columns that have one weight.
    pub(super) fn columns_of_head(&self) -> usize {
        self.segments.k / self.heads()
    }
}

/// How the elements of segments are read, where their positions are not all that is known of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Type of the index that names rows of `src`. The type of the pointers' `reduction` is that of the indptr.
    pub(super) index_type: IndexType,
    /// Address of the numbers, of the indptr's type, at which the index and the weights are read. None: they are read at
    /// the positions themselves.
    pub(super) perm: Option<u64>,
    /// Address of the numbers, of the indptr's type, that `arg_out` has for positions. None: it has the positions.
    pub(super) args: Option<u64>,
    /// Whether the index is a permutation. Then each row is read once, and the caches have nothing to keep.
    pub(super) is_permutation: bool,
}

impl Reading {
    /// Of elements in the order of their positions.
    pub(super) fn in_order(index_type: IndexType) -> Self {
        Self { index_type, perm: None, args: None, is_permutation: false }
    }
}

/// Gives the steps of a gather_segment to a queue. It allocates nothing on the device and does not wait. Elements with an
/// index outside [0, R) are left out, and entries of indptr are clamped to [0, E].
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NoArgOut`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; outputs and workspace must not overlap anything.
pub unsafe fn enqueue_gather_segment(
    queue: &mut impl Queue,
    plan: &GatherSegmentPlan,
    pointers: &GatherSegmentPointers,
) -> Result<(), Error> {
    let reading = Reading::in_order(pointers.reduction.index_type);
    // SAFETY: the caller's promise.
    unsafe { enqueue_reading(queue, plan, pointers, reading) }
}

/// [`enqueue_gather_segment`] in another order of elements. A perm needs rows of fewer than 2^32 elements.
///
/// # Errors
/// Those of [`enqueue_gather_segment`].
///
/// # Safety
/// That of [`enqueue_gather_segment`], for the addresses in `reading` too: they are of a number for each element of each
/// row of the indptr. Those of a perm must be below E.
pub(super) unsafe fn enqueue_reading(
    queue: &mut impl Queue,
    plan: &GatherSegmentPlan,
    pointers: &GatherSegmentPointers,
    reading: Reading,
) -> Result<(), Error> {
    let scalar = pointers.reduction.scalar;
    let needed = plan.workspace_bytes(scalar);
    pointers.reduction.check(plan, needed)?;
    if plan.segments.out.element_count() == 0 {
        return Ok(());
    }
    let tuning = *queue.tuning();
    let work = Prepared::new(plan, pointers, reading, scalar.accumulator_bytes(), needed, &tuning);
    let selection = Selection { fold: steps::fold(plan.segments.reduce)?, scalar };
    // SAFETY: the caller's promise about the addresses; counts and sizes follow from the plan's shapes.
    unsafe { work.enqueue(queue, |step| step.kernel(selection), &work.params.segments) }
}

/// What the steps over gathered rows are launched with.
pub(super) struct Prepared {
    pub(super) params: GatherSegmentParams,
    /// The leading axes of the indptr, the index and the weights.
    layouts: [PlacedLayout; 3],
    /// Whether a lane takes a pack of columns.
    is_packs: bool,
    /// The work items of the first step.
    row_warps: usize,
    /// The number of chunks. Without chunks, the first step is the only one.
    chunks: usize,
    /// The work items of the second step.
    chunk_blocks: usize,
    /// The blocks of the third step.
    combine_blocks: u32,
}

impl Prepared {
    /// For records of `value_bytes` bytes for each column, in a workspace of `bytes` bytes.
    pub(super) fn new(
        plan: &GatherSegmentPlan,
        pointers: &GatherSegmentPointers,
        reading: Reading,
        value_bytes: usize,
        bytes: usize,
        tuning: &Tuning,
    ) -> Self {
        let (segments, reduction) = (&plan.segments, &pointers.reduction);
        let scalar = reduction.scalar;
        let partition = Partition::of_gathered(segments, scalar, plan.columns_of_head(), value_bytes, plan.allowance());
        let is_aligned = |address: u64| address.is_multiple_of(PACK_BYTES as u64);
        let is_packs = partition.pack > 1 && is_aligned(reduction.src) && is_aligned(reduction.out);
        let columns = if is_packs { partition.pack } else { 1 };
        let chunks = segments.b.saturating_mul(partition.chunks_per_b(segments));
        let workspace = WorkspaceLayout::with_values(segments, value_bytes, chunks);
        debug_assert!(workspace.bytes <= bytes, "{plan:?}");
        let placed = segments.place_layout(reduction, &workspace);
        let [index, weight] = plan.place_layouts(reduction.workspace + bytes as u64);
        let column_parts = segments.k.div_ceil(partition.lanes * columns);
        let inner = if reading.is_permutation { column_parts } else { segments.b * segments.n };
        let chunk_tile = tuning.chunk_tile(chunks, 1, segments.average_length());
        let params = GatherSegmentParams {
            segments: SegmentParams {
                tile_log2: chunk_tile.ilog2(),
                args: reading.args.unwrap_or(0),
                ..segments.params(reduction, placed.layout, &partition, &workspace, columns, tuning)
            },
            index: pointers.index,
            perm: reading.perm.unwrap_or(0),
            weight: pointers.weight.unwrap_or(0),
            rows: plan.rows.s as u64,
            by_inner: Divisor::new(inner as u64),
            one_part: Divisor::new(1),
            by_head: Divisor::new(plan.columns_of_head() as u64),
            heads: plan.heads() as u32,
            weight_bytes: if pointers.weights_are_float32 { size_of::<f32>() } else { scalar.bytes() } as u32,
            weights_are_float32: pointers.weights_are_float32.into(),
            parts_are_neighbours: reading.is_permutation.into(),
            index_is_wide: (reading.index_type == IndexType::I64).into(),
            index_layout: index.layout,
            weight_layout: weight.layout,
        };
        let groups = WARP_SIZE / (partition.lanes * partition.ways);
        Self {
            params,
            layouts: [placed, index, weight],
            is_packs,
            row_warps: (segments.b * segments.n * column_parts).div_ceil(groups),
            chunks,
            chunk_blocks: tuning.chunk_blocks(chunks.div_ceil(chunk_tile), segments.average_length()),
            combine_blocks: tuning.combine_blocks(chunks) as u32,
        }
    }

    /// Gives the steps to a queue, each with its kernel. `of_combine` is the parameter of the last one.
    ///
    /// # Errors
    /// Those of the queue.
    ///
    /// # Safety
    /// The addresses must be those of memory as large as the plan's shapes say, and the kernels must take these
    /// parameters.
    pub(super) unsafe fn enqueue<P: Params>(
        &self,
        queue: &mut impl Queue,
        kernel: impl Fn(Step) -> Kernel,
        of_combine: &P,
    ) -> Result<(), Error> {
        let is_packs = self.is_packs;
        // SAFETY: the caller's promise.
        unsafe {
            for layout in &self.layouts {
                layout.enqueue(queue)?;
            }
            queue.launch_for_each(kernel(Step::Cut { is_packs }), self.row_warps, &self.params)?;
            if self.chunks == 0 {
                return Ok(());
            }
            queue.launch_for_each(kernel(Step::Chunks { is_packs }), self.chunk_blocks, &self.params)?;
            queue.launch(kernel(Step::Combine), self.combine_blocks, of_combine)
        }
    }
}

/// [`enqueue_gather_segment`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_gather_segment_csr`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_gather_segment`].
///
/// # Safety
/// Those of [`enqueue_gather_segment`] and [`StreamQueue::new`].
pub unsafe fn gather_segment_raw(
    kernels: &Kernels,
    plan: &GatherSegmentPlan,
    pointers: &GatherSegmentPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_gather_segment(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<2> for GatherSegmentPlan {
    type Pointers = GatherSegmentPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 2] {
        [("index", &self.rows), (self.segments.segments.name(), &self.segments)]
    }

    fn key(&self, pointers: &GatherSegmentPointers) -> [&'static str; 4] {
        let ReductionPointers { scalar, index_type, .. } = pointers.reduction;
        ["gather_segment_csr", self.segments.reduce.name(), scalar.name(), index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &GatherSegmentPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_gather_segment(queue, self, pointers) }
    }
}

/// The weights of the elements, or their scores, in device memory: values of src's type, or float32 beside 16-bit floats.
#[derive(Clone, Copy)]
pub enum DeviceWeight<'a, T> {
    /// Of src's type.
    Same(&'a DeviceTensor<T>),
    /// Of type float32, where src has 16-bit floats.
    Float32(&'a DeviceTensor<f32>),
}

impl<T: Scalar> DeviceWeight<'_, T> {
    pub(super) fn shape(&self) -> &Shape {
        match self {
            Self::Same(weight) => weight.shape(),
            Self::Float32(weight) => weight.shape(),
        }
    }

    /// The address. In messages the tensor is `name`.
    pub(super) fn address_on(&self, stream: &Stream, name: &'static str) -> Result<u64, Error> {
        match self {
            Self::Same(weight) => weight.address_on(stream, name),
            Self::Float32(weight) => weight.address_on(stream, name),
        }
    }
}

/// Reduces segments of rows of `src` that `index` names, each times its weight:
/// [`cpu::gather_segment_csr`](crate::cpu::gather_segment_csr), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. The call
/// allocates its workspace on the device; [`gather_segment_csr_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::gather_segment_csr`](crate::cpu::gather_segment_csr); [`Error::Cuda`] where the driver refuses.
pub fn gather_segment_csr<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    indptr: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherSegmentCsrOptions,
) -> Result<Reduced<DeviceTensor<T>, DeviceTensor<I>>, Error> {
    let gpu = stream.gpu();
    let mut workspace = Workspace::new(gpu)?;
    let inputs = Inputs { src, index, indptr, weight };
    let plan = inputs.plan(options)?;
    let mut out = DeviceTensor::uninitialized(gpu, *plan.out_shape())?;
    let has_arg = options.reduce.has_arg();
    let mut arg_out = has_arg.then(|| DeviceTensor::uninitialized(gpu, *plan.out_shape())).transpose()?;
    run(stream, &plan, inputs, options.bad_index, &mut out, arg_out.as_mut(), &mut workspace)?;
    Ok(Reduced { out, arg_out })
}

/// [`gather_segment_csr`] that writes to the caller's tensors, to every element of them, and uses the caller's
/// workspace. `arg_out` is for min and max only, and is optional.
///
/// # Errors
/// Those of [`gather_segment_csr`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
#[expect(clippy::too_many_arguments, reason = "the operator's own, plus a stream and its workspace")]
pub fn gather_segment_csr_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    indptr: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherSegmentCsrOptions,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let inputs = Inputs { src, index, indptr, weight };
    let plan = inputs.plan(options)?;
    run(stream, &plan, inputs, options.bad_index, out, arg_out, workspace)
}

/// The tensors that are read.
#[derive(Clone, Copy)]
struct Inputs<'a, T, I> {
    src: &'a DeviceTensor<T>,
    index: &'a DeviceTensor<I>,
    indptr: &'a DeviceTensor<I>,
    weight: Option<DeviceWeight<'a, T>>,
}

impl<T: Scalar, I: Index> Inputs<'_, T, I> {
    fn plan(&self, options: &GatherSegmentCsrOptions) -> Result<GatherSegmentPlan, Error> {
        if let Some(DeviceWeight::Float32(_)) = self.weight {
            check_float32_beside(T::TYPE, WEIGHT)?;
        }
        let weight = self.weight.as_ref().map(DeviceWeight::shape);
        GatherSegmentPlan::csr(self.src.shape(), self.index.shape(), self.indptr.shape(), weight, options)
    }
}

fn run<T: Scalar, I: Index>(
    stream: &Stream,
    plan: &GatherSegmentPlan,
    inputs: Inputs<'_, T, I>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    plan.check_outputs(out.shape(), arg_out.as_ref().map(|arg_out| arg_out.shape()))?;
    plan.no_position::<I>()?;
    let pointers = |workspace: &Workspace, address| {
        let reduction = ReductionPointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            arg_type: I::TYPE,
            src: inputs.src.address_on(stream, "src")?,
            index: inputs.indptr.address_on(stream, "indptr")?,
            base: None,
            out: out.address_on(stream, "out")?,
            arg_out: arg_out.map(|arg_out| arg_out.address_on(stream, "arg_out")).transpose()?,
            workspace: address,
            workspace_bytes: workspace.bytes(),
        };
        Ok(GatherSegmentPointers {
            reduction,
            index: inputs.index.address_on(stream, "index")?,
            weight: inputs.weight.map(|weight| weight.address_on(stream, WEIGHT)).transpose()?,
            weights_are_float32: matches!(inputs.weight, Some(DeviceWeight::Float32(_))),
        })
    };
    let bytes = plan.workspace_bytes(T::TYPE);
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [inputs.index, inputs.indptr], bad_index, bytes, workspace, pointers) }
}
