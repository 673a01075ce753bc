//! Reductions over segments on the GPU: the steps, and the safe calls.

mod partition;
mod steps;
mod workspace;

use kernel_params::{Divisor, IndexLayout, NarrowDivisor, SegmentParams};

use super::{
    DeviceTensor, Stream, Workspace,
    call::{self, Call},
    check::{self, group_count},
    kernel::Load,
    kernels::Kernels,
    pointers::ReductionPointers,
    queue::{PlacedLayout, Queue, StreamQueue},
    tuning::{PACK_BYTES, Tuning, WARP_SIZE, order},
};
use crate::{
    BadIndex, Error, Index, IndexType, Reduce, Reduced, Scalar, ScalarType, SegmentCooOptions, SegmentCsrOptions,
    SegmentPlan, broadcast::Layout, index_rules::IndexRules, reduction::Reduction, segment::Segments,
};

pub use steps::{preload_segment_coo, preload_segment_csr};

pub(super) use partition::Partition;
pub(super) use steps::combine_kernel;
pub(super) use workspace::{WorkspaceLayout, allowance, most_bytes_with_values};

use steps::{Selection, Step};
use workspace::{made_indptr, tiles};

impl SegmentPlan {
    /// The most bytes of workspace that [`enqueue_segment`] needs, for these shapes and all smaller ones.
    ///
    /// Records of long segments take at most a quarter of src's bytes and 8 MiB. With an index there are an indptr (4
    /// or 8 bytes for each of the N + 1 entries of a row) and 4 bytes for each 128 elements of the index. If src has
    /// more than two axes, there are 8 bytes for each position on the axes before the reduced one. `usize::MAX` if the
    /// number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        workspace::most_bytes(self, scalar, workspace::allowance(self, scalar))
    }

    /// How many elements a segment has on average.
    pub(super) fn average_length(&self) -> usize {
        self.e / self.n.max(1)
    }

    /// Whether positions in `out` and in the rows of `src` are below 2^31.
    fn fits_32_bits(&self) -> bool {
        [self.out.element_count(), self.b.saturating_mul(self.e)].into_iter().all(|count| i32::try_from(count).is_ok())
    }

    /// The layout of the leading axes, in rows of the index.
    pub(super) fn place_layout(&self, pointers: &ReductionPointers, workspace: &WorkspaceLayout) -> PlacedLayout {
        let mut layout = Layout { leading: self.layout.leading, ..Layout::default() };
        // Every stride of a leading axis is a whole number of rows. If rows have no elements, it does not matter which
        // one is read.
        let row = self.index_row().max(1) as u64;
        layout.leading.runs.iter_mut().for_each(|run| run.stride /= row);
        PlacedLayout::new(&layout, self.b, 0, pointers.workspace + workspace.offsets as u64)
    }

    pub(super) fn params(
        &self,
        pointers: &ReductionPointers,
        layout: IndexLayout,
        partition: &Partition,
        workspace: &WorkspaceLayout,
        columns: usize,
        tuning: &Tuning,
    ) -> SegmentParams {
        let chunks_per_b = partition.chunks_per_b(self);
        let address = |offset: usize| pointers.workspace + offset as u64;
        let is_coo = self.segments == Segments::Index;
        let indptr_type = if is_coo { made_indptr(self) } else { pointers.index_type };
        let column_parts = self.k.div_ceil(partition.lanes * columns);
        let chunk_tile = tuning.chunk_tile(self.b * chunks_per_b, column_parts, self.average_length());
        SegmentParams {
            src: pointers.src,
            index: if is_coo { pointers.index } else { 0 },
            indptr: if is_coo { address(workspace.indptr) } else { pointers.index },
            holes: if is_coo { address(workspace.holes) } else { 0 },
            base: pointers.base.unwrap_or(0),
            out: pointers.out,
            arg_out: pointers.arg_out.unwrap_or(0),
            args: 0,
            going_on: address(workspace.going_on),
            counts: address(workspace.counts),
            values: address(workspace.values),
            positions: address(workspace.positions),
            b: self.b as u64,
            e: self.e as u64,
            k: self.k as u64,
            n: self.n as u64,
            by_n: Divisor::new(self.n as u64),
            column_parts: Divisor::new(column_parts as u64),
            combine_parts: Divisor::new(self.k.div_ceil(order::combine_lanes(self.k)) as u64),
            chunks_per_b: chunks_per_b as u64,
            by_chunks_per_b: Divisor::new(chunks_per_b as u64),
            by_index_tiles: Divisor::new(tiles(self.e) as u64),
            index_rows: self.index_rows() as u64,
            index_row: self.index_row() as u64,
            index_stride: self.layout.stride_e,
            prefetch_warps: tuning.segment_prefetch_warps as u64,
            chunk_log2: partition.chunk.unwrap_or(1).ilog2(),
            lanes_log2: partition.lanes.ilog2(),
            combine_lanes_log2: order::combine_lanes(self.k).ilog2(),
            ways_log2: partition.ways.ilog2(),
            longest: order::longest_segment(partition.ways) as u32,
            is_mean: (self.reduce == Reduce::Mean).into(),
            index_is_wide: (pointers.index_type == IndexType::I64).into(),
            indptr_is_wide: (indptr_type == IndexType::I64).into(),
            arg_is_wide: (pointers.arg_type == IndexType::I64).into(),
            tile_log2: chunk_tile.ilog2(),
            by_k: NarrowDivisor::new(self.k as u32),
            places: self.out.element_count() as u32,
            layout,
        }
    }
}

/// Gives the steps of a reduction over segments to a queue. It allocates nothing on the device and does not wait.
/// Elements with an index outside [0, N) are left out, and elements of an indptr are clamped to [0, E].
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NoArgOut`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say and that stays valid until the queue
/// has executed the work given to it; outputs and workspace must not overlap anything but `base`.
pub unsafe fn enqueue_segment(
    queue: &mut impl Queue,
    plan: &SegmentPlan,
    pointers: &ReductionPointers,
) -> Result<(), Error> {
    let scalar = pointers.scalar;
    let needed = plan.workspace_bytes(scalar);
    pointers.check(plan, needed)?;
    if plan.out.element_count() == 0 {
        return Ok(());
    }
    let tuning = *queue.tuning();
    let bytes = queue.bytes_to_weigh(plan.src.element_count().saturating_mul(scalar.bytes()));
    let partition = Partition::new(plan, scalar, bytes);
    let is_aligned = |address: u64| address.is_multiple_of(PACK_BYTES as u64);
    let all_aligned = is_aligned(pointers.src) && is_aligned(pointers.out) && pointers.base.is_none_or(is_aligned);
    let is_packs = all_aligned && partition.pack > 1;
    let columns = if is_packs { partition.pack } else { 1 };
    let load = match is_packs {
        true if tuning.is_large_src(bytes) => Load::LargePacks,
        true => Load::Packs,
        false => Load::Columns,
    };
    let chunks = plan.b.saturating_mul(partition.chunks_per_b(plan));
    let workspace = WorkspaceLayout::new(plan, scalar, chunks);
    debug_assert!(workspace.bytes <= needed, "{plan:?}");
    let placed = plan.place_layout(pointers, &workspace);
    let params = plan.params(pointers, placed.layout, &partition, &workspace, columns, &tuning);
    let column_parts = params.column_parts.value as usize;
    let row_warps = (plan.b * plan.n * column_parts).div_ceil(WARP_SIZE / (partition.lanes * partition.ways));
    let selection =
        Selection { source: plan.segments, fold: steps::fold(plan.segments, plan.reduce)?, types: pointers.types() };
    // SAFETY: the caller's promise about the addresses; counts and sizes follow from the plan's shapes.
    unsafe {
        placed.enqueue(queue)?;
        match plan.segments {
            Segments::Index => {
                let warps = plan.index_rows() * tiles(plan.e);
                let kernel = Step::FromIndex(made_indptr(plan)).kernel(selection);
                queue.launch_for_each(kernel, warps, &params)?;
            }
            Segments::Indptr => {}
        }
        let first = match partition.chunk {
            None => Step::Whole { is_packs },
            Some(_) if partition.is_short => Step::Short,
            Some(_) => Step::Cut(load),
        };
        let items = if partition.is_short { params.places as usize } else { row_warps };
        queue.launch_for_each(first.kernel(selection), items, &params)?;
        if chunks == 0 {
            return Ok(());
        }
        let blocks = tuning.chunk_blocks(chunks.div_ceil(1 << params.tile_log2), plan.average_length());
        let kernel = Step::Chunks(load).kernel(selection);
        queue.launch_for_each(kernel, blocks, &params)?;
        queue.launch(Step::Combine.kernel(selection), tuning.combine_blocks(chunks) as u32, &params)
    }
}

/// [`enqueue_segment`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_segment_coo`] or [`preload_segment_csr`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_segment`].
///
/// # Safety
/// Those of [`enqueue_segment`] and [`StreamQueue::new`].
pub unsafe fn segment_raw(
    kernels: &Kernels,
    plan: &SegmentPlan,
    pointers: &ReductionPointers,
    stream: *mut std::ffi::c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_segment(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<1> for SegmentPlan {
    type Pointers = ReductionPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 1] {
        [(self.segments.name(), self)]
    }

    fn key(&self, pointers: &ReductionPointers) -> [&'static str; 4] {
        let operator = match self.segments {
            Segments::Index => "segment_coo",
            Segments::Indptr => "segment_csr",
        };
        [operator, self.reduce.name(), pointers.scalar.name(), pointers.index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &ReductionPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_segment(queue, self, pointers) }
    }
}

/// Reduces the elements of `src` that share an index, where the index is sorted along its last axis:
/// [`cpu::segment_coo`](crate::cpu::segment_coo), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. The call
/// allocates its workspace on the device; [`segment_coo_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::segment_coo`](crate::cpu::segment_coo); [`Error::Cuda`] where the driver refuses.
pub fn segment_coo<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    base: Option<&DeviceTensor<T>>,
    options: &SegmentCooOptions,
) -> Result<Reduced<DeviceTensor<T>, DeviceTensor<I>>, Error> {
    let mut workspace = Workspace::new(stream.gpu())?;
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        SegmentPlan::check_coo(src.shape(), index.shape(), &options)?;
        options.dim_size = Some(group_count(stream, index, &mut workspace)?);
    }
    let plan = SegmentPlan::coo(src.shape(), index.shape(), base.map(DeviceTensor::shape), &options)?;
    run_owned(stream, &plan, Inputs { src, index, base }, options.bad_index, &mut workspace)
}

/// [`segment_coo`] that writes to the caller's tensors and uses the caller's workspace. `arg_out` is for min and max
/// only, and is optional.
///
/// # Errors
/// Those of [`segment_coo`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
#[expect(clippy::too_many_arguments, reason = "torch_scatter's own, plus a stream and its workspace")]
pub fn segment_coo_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    base: Option<&DeviceTensor<T>>,
    options: &SegmentCooOptions,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        let axis = SegmentPlan::check_coo(src.shape(), index.shape(), &options)?;
        options.dim_size = out.shape().dims().get(axis).copied();
    }
    let plan = SegmentPlan::coo(src.shape(), index.shape(), base.map(DeviceTensor::shape), &options)?;
    run(stream, &plan, Inputs { src, index, base }, options.bad_index, out, arg_out, workspace)
}

/// Reduces the segments of `src` that `indptr` delimits: [`cpu::segment_csr`](crate::cpu::segment_csr), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. The call
/// allocates its workspace on the device; [`segment_csr_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::segment_csr`](crate::cpu::segment_csr); [`Error::Cuda`] where the driver refuses.
pub fn segment_csr<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    indptr: &DeviceTensor<I>,
    options: &SegmentCsrOptions,
) -> Result<Reduced<DeviceTensor<T>, DeviceTensor<I>>, Error> {
    let mut workspace = Workspace::new(stream.gpu())?;
    let plan = SegmentPlan::csr(src.shape(), indptr.shape(), options)?;
    run_owned(stream, &plan, Inputs { src, index: indptr, base: None }, options.bad_index, &mut workspace)
}

/// [`segment_csr`] that writes to the caller's tensors, to every element of them, and uses the caller's workspace.
/// `arg_out` is for min and max only, and is optional.
///
/// # Errors
/// Those of [`segment_csr`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
pub fn segment_csr_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    indptr: &DeviceTensor<I>,
    options: &SegmentCsrOptions,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let plan = SegmentPlan::csr(src.shape(), indptr.shape(), options)?;
    run(stream, &plan, Inputs { src, index: indptr, base: None }, options.bad_index, out, arg_out, workspace)
}

/// The tensors that a reduction reads.
#[derive(Clone, Copy)]
struct Inputs<'a, T, I> {
    src: &'a DeviceTensor<T>,
    index: &'a DeviceTensor<I>,
    base: Option<&'a DeviceTensor<T>>,
}

fn run_owned<T: Scalar, I: Index>(
    stream: &Stream,
    plan: &SegmentPlan,
    inputs: Inputs<'_, T, I>,
    bad_index: BadIndex,
    workspace: &mut Workspace,
) -> Result<Reduced<DeviceTensor<T>, DeviceTensor<I>>, Error> {
    let gpu = stream.gpu();
    let mut out = DeviceTensor::uninitialized(gpu, *plan.out_shape())?;
    let mut arg_out = plan.reduce.has_arg().then(|| DeviceTensor::uninitialized(gpu, *plan.out_shape())).transpose()?;
    run(stream, plan, inputs, bad_index, &mut out, arg_out.as_mut(), workspace)?;
    Ok(Reduced { out, arg_out })
}

fn run<T: Scalar, I: Index>(
    stream: &Stream,
    plan: &SegmentPlan,
    inputs: Inputs<'_, T, I>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    plan.check_outputs(out.shape(), arg_out.as_ref().map(|arg_out| arg_out.shape()))?;
    plan.no_position::<I>()?;
    let pointers = |workspace: &Workspace, address| {
        Ok(ReductionPointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            arg_type: I::TYPE,
            src: inputs.src.address_on(stream, "src")?,
            index: inputs.index.address_on(stream, plan.segments.name())?,
            base: inputs.base.map(|base| base.address_on(stream, "base")).transpose()?,
            out: out.address_on(stream, "out")?,
            arg_out: arg_out.map(|arg_out| arg_out.address_on(stream, "arg_out")).transpose()?,
            workspace: address,
            workspace_bytes: workspace.bytes(),
        })
    };
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [inputs.index], bad_index, plan.workspace_bytes(T::TYPE), workspace, pointers) }
}

/// Checks an index or indptr. Stores the position of its first element that is out of range, or below the one before it
/// in its row, as a u64 at `result`. All bits are 1 if there is none.
///
/// # Errors
/// Those of the queue.
///
/// # Safety
/// `index` must point to a tensor of the plan's index shape, `result` to 8 bytes, valid until the queue has executed
/// the work given to it.
pub unsafe fn enqueue_segment_check(
    queue: &mut impl Queue,
    plan: &SegmentPlan,
    index_type: IndexType,
    index: u64,
    result: u64,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { check::enqueue_check(queue, plan, index_type, index, result) }
}
