//! Scatter on the GPU: the steps of each reduction, and the safe calls.

mod groups;
mod steps;
mod sums;

use kernel_params::{Divisor, IndexLayout, ScatterParams};

use super::{
    DeviceTensor, Stream, Workspace,
    call::{self, Call},
    check,
    grouped::{GroupedPointers, enqueue_grouped},
    kernel::{Best, NarrowKey},
    kernels::Kernels,
    parts::Parts,
    pointers::ReductionPointers,
    queue::{PlacedLayout, Queue, StreamQueue, offset_words},
};
use crate::{
    BadIndex, Error, Index, Reduced, Scalar, ScalarType, ScatterOptions, ScatterPlan, broadcast,
    index_rules::IndexRules, reduction::Reduction,
};

pub use steps::preload_scatter;
use steps::{Method, Step};

/// The longest reduced axis whose positions fit beside a key in one 64-bit word.
const MAX_PACKED_AXIS: usize = u32::MAX as usize;

/// Where each part of a scatter's workspace is, as an offset in bytes; None for a part that is not used.
struct WorkspaceLayout {
    /// Sums in integers: high limbs, low limbs, and scales.
    integers: Option<[usize; 3]>,
    counts: Option<usize>,
    /// The bytes at the start of the workspace that must be zeros, for deterministic sums.
    zeroed: usize,
    accumulators: Option<usize>,
    best: Option<usize>,
    positions: Option<usize>,
    offsets: usize,
    bytes: usize,
}

impl WorkspaceLayout {
    fn new(plan: &ScatterPlan, scalar: ScalarType) -> Self {
        let out = plan.out.element_count();
        let method = plan.method(scalar);
        let mut parts = Parts::default();
        let integers = match method {
            Method::AddInIntegers(_) => Some([
                parts.take(out, size_of::<i64>()),
                parts.take(out, size_of::<i64>()),
                parts.take(out, size_of::<u32>()),
            ]),
            Method::Join(_) | Method::Select(_) => None,
        };
        let counts = steps::counts(plan.reduce).then(|| parts.take(plan.count_elements(), size_of::<u64>()));
        let zeroed = parts.bytes();
        let (is_sum, selects) = match method {
            Method::Join(_) | Method::AddInIntegers(_) => (true, false),
            Method::Select(_) => (false, true),
        };
        let accumulators = (is_sum && scalar.is_half()).then(|| parts.take(out, size_of::<f32>()));
        let best = selects.then(|| parts.take(out, size_of::<u64>()));
        let positions = (selects && plan.packed_key(scalar).is_none()).then(|| parts.take(out, size_of::<u64>()));
        let offsets = parts.take(offset_words(&plan.src, plan.b, plan.k), size_of::<u64>());
        Self { integers, counts, zeroed, accumulators, best, positions, offsets, bytes: parts.bytes() }
    }
}

impl ScatterPlan {
    /// The bytes of workspace that [`enqueue_scatter`] needs: float32 sums of 16-bit floats, the integers of
    /// deterministic sums, counts for mean, candidates for min and max. If the index is grouped: 8 bytes for each of its
    /// elements, 4 for each group, and 3 MiB, at most. `usize::MAX` if the number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        // Smaller shapes may not be grouped.
        WorkspaceLayout::new(self, scalar).bytes.max(self.grouped_workspace_bytes(scalar))
    }

    /// The number of counts for mean: one for a row of `out` if the index is the same for all columns of a row.
    fn count_elements(&self) -> usize {
        if self.layout.is_row_index() { self.b * self.n } else { self.out.element_count() }
    }

    /// How the elements of a group become one.
    fn method(&self, scalar: ScalarType) -> Method {
        Method::of(self.reduce, self.deterministic, scalar)
    }

    /// The type of the values, if their keys and positions fit in one word.
    fn packed_key(&self, scalar: ScalarType) -> Option<NarrowKey> {
        NarrowKey::of(scalar).filter(|_| self.e <= MAX_PACKED_AXIS)
    }

    /// The layout of the index.
    fn place_layout(&self, pointers: &ReductionPointers, workspace: &WorkspaceLayout) -> PlacedLayout {
        PlacedLayout::new(&self.layout, self.b, self.k, pointers.workspace + workspace.offsets as u64)
    }

    fn params(&self, pointers: &ReductionPointers, workspace: &WorkspaceLayout, layout: IndexLayout) -> ScatterParams {
        let address = |offset: Option<usize>| offset.map(|offset| pointers.workspace + offset as u64);
        ScatterParams {
            src: pointers.src,
            index: pointers.index,
            base: pointers.base.unwrap_or(0),
            out: pointers.out,
            arg_out: pointers.arg_out.unwrap_or(0),
            accumulators: address(workspace.accumulators).unwrap_or(pointers.out),
            counts: address(workspace.counts).unwrap_or(0),
            count_elements: workspace.counts.map_or(0, |_| self.count_elements() as u64),
            best: address(workspace.best).unwrap_or(0),
            positions: address(workspace.positions).unwrap_or(0),
            layout,
            ..self.sizes()
        }
    }

    /// Parameters without addresses and without the layout.
    pub(super) fn sizes(&self) -> ScatterParams {
        ScatterParams {
            b: self.b as u64,
            e: self.e as u64,
            k: self.k as u64,
            n: self.n as u64,
            by_e: Divisor::new(self.e as u64),
            by_k: Divisor::new(self.k as u64),
            by_n: Divisor::new(self.n as u64),
            ..ScatterParams::default()
        }
    }
}

/// Gives the steps of a scatter to a queue. It allocates nothing on the device and does not wait. Elements with an
/// index outside [0, N) are left out.
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NoArgOut`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say and that stays valid until the queue
/// has executed the work given to it; outputs and workspace must not overlap anything but `base`.
pub unsafe fn enqueue_scatter(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    pointers: &ReductionPointers,
) -> Result<(), Error> {
    pointers.check(plan, plan.workspace_bytes(pointers.scalar))?;
    if plan.out.element_count() == 0 {
        return Ok(());
    }
    if let Some(grouped) = plan.grouped(pointers.scalar) {
        let pointers = GroupedPointers { reduction: *pointers, rows: None, weight: None, weights_are_float32: false };
        // SAFETY: the caller's promise.
        return unsafe { enqueue_grouped(queue, &grouped, &pointers) };
    }
    let workspace = WorkspaceLayout::new(plan, pointers.scalar);
    let placed = plan.place_layout(pointers, &workspace);
    let params = plan.params(pointers, &workspace, placed.layout);
    // SAFETY: the caller's promise about the addresses; counts and sizes follow from the plan's shapes.
    unsafe {
        placed.enqueue(queue)?;
        match plan.method(pointers.scalar) {
            Method::Join(join) => sums::join(queue, plan, join, pointers, &params),
            Method::AddInIntegers(float) => sums::add_in_integers(queue, plan, float, pointers, &workspace, &params),
            Method::Select(best) => select(queue, plan, best, pointers, &params),
        }
    }
}

/// Min and max.
///
/// # Safety
/// As [`enqueue_scatter`].
unsafe fn select(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    best: Best,
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let types = pointers.types();
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    // SAFETY: the caller's promise.
    unsafe {
        queue.fill_u32(params.best, 0, out_elements * 2)?;
        match plan.packed_key(types.scalar) {
            Some(key) => queue.launch_for_each(Step::BestPacked(best, key).kernel(types), src_elements, params)?,
            None => {
                queue.fill_u32(params.positions, u32::MAX, out_elements * 2)?;
                queue.launch_for_each(Step::BestKey(best).kernel(types), src_elements, params)?;
                queue.launch_for_each(Step::BestPosition(best).kernel(types), src_elements, params)?;
            }
        }
        queue.launch_for_each(Step::Select(best).kernel(types), out_elements, params)
    }
}

/// [`enqueue_scatter`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_scatter`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_scatter`].
///
/// # Safety
/// Those of [`enqueue_scatter`] and [`StreamQueue::new`].
pub unsafe fn scatter_raw(
    kernels: &Kernels,
    plan: &ScatterPlan,
    pointers: &ReductionPointers,
    stream: *mut std::ffi::c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_scatter(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<1> for ScatterPlan {
    type Pointers = ReductionPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 1] {
        [("index", self)]
    }

    fn key(&self, pointers: &ReductionPointers) -> [&'static str; 4] {
        let operator = if self.deterministic { "deterministic scatter" } else { "scatter" };
        [operator, self.reduce.name(), pointers.scalar.name(), pointers.index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &ReductionPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_scatter(queue, self, pointers) }
    }
}

/// Reduces the elements of `src` that share an index: [`cpu::scatter`](crate::cpu::scatter), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. The call
/// allocates its workspace on the device; [`scatter_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::scatter`](crate::cpu::scatter); [`Error::Cuda`] where the driver refuses.
pub fn scatter<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    base: Option<&DeviceTensor<T>>,
    options: &ScatterOptions,
) -> Result<Reduced<DeviceTensor<T>, DeviceTensor<I>>, Error> {
    let gpu = stream.gpu();
    let mut workspace = Workspace::new(gpu)?;
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        let dim = ScatterPlan::reduced_axis(src.shape(), &options)?;
        broadcast::scatter_layout(src.shape(), index.shape(), dim)?;
        let is_used = src.shape().element_count() != 0;
        options.dim_size = Some(if is_used { check::group_count(stream, index, &mut workspace)? } else { 0 });
    }
    let plan = ScatterPlan::new(src.shape(), index.shape(), base.map(DeviceTensor::shape), &options)?;
    let mut out = DeviceTensor::uninitialized(gpu, *plan.out_shape())?;
    let mut arg_out =
        plan.reduce().has_arg().then(|| DeviceTensor::uninitialized(gpu, *plan.out_shape())).transpose()?;
    run(stream, &plan, src, index, base, options.bad_index, &mut out, arg_out.as_mut(), &mut workspace)?;
    Ok(Reduced { out, arg_out })
}

/// [`scatter`] that writes to the caller's tensors and uses the caller's workspace. `arg_out` is for min and max only,
/// and is optional.
///
/// # Errors
/// Those of [`scatter`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
#[expect(clippy::too_many_arguments, reason = "torch_scatter's own, plus a stream and its workspace")]
pub fn scatter_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    base: Option<&DeviceTensor<T>>,
    options: &ScatterOptions,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        let dim = ScatterPlan::reduced_axis(src.shape(), &options)?;
        options.dim_size = out.shape().dims().get(dim).copied();
    }
    let plan = ScatterPlan::new(src.shape(), index.shape(), base.map(DeviceTensor::shape), &options)?;
    plan.check_outputs(out.shape(), arg_out.as_ref().map(|arg_out| arg_out.shape()))?;
    run(stream, &plan, src, index, base, options.bad_index, out, arg_out, workspace)
}

#[expect(clippy::too_many_arguments, reason = "what scatter_into was given, with the plan made of it")]
fn run<T: Scalar, I: Index>(
    stream: &Stream,
    plan: &ScatterPlan,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    base: Option<&DeviceTensor<T>>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    plan.no_position::<I>()?;
    let pointers = |workspace: &Workspace, address| {
        Ok(ReductionPointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            arg_type: I::TYPE,
            src: src.address_on(stream, "src")?,
            index: index.address_on(stream, "index")?,
            base: base.map(|base| base.address_on(stream, "base")).transpose()?,
            out: out.address_on(stream, "out")?,
            arg_out: arg_out.map(|arg_out| arg_out.address_on(stream, "arg_out")).transpose()?,
            workspace: address,
            workspace_bytes: workspace.bytes(),
        })
    };
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [index], bad_index, plan.workspace_bytes(T::TYPE), workspace, pointers) }
}
