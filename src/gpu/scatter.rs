//! Scatter on the GPU: the steps of each reduction, and the safe calls.

mod preload;
mod sums;

use kernel_params::{Divisor, IndexLayout, MAX_LIMB_BITS, ReproducibleParams, ScatterParams};

use super::{
    DeviceTensor, Kernels, Queue, ReductionPointers, Stream, StreamQueue, Workspace, check,
    kernel::{Best, FloatType, Join, NarrowKey, kernel},
    queue::{Collector, PlacedLayout, offset_words},
};
use crate::{
    BadIndex, Error, Index, Reduce, Reduced, Scalar, ScalarType, ScatterOptions, ScatterPlan, broadcast,
    index_rules::IndexRules, reduction::Reduction,
};

pub use preload::preload_scatter;

/// The longest reduced axis whose positions fit beside a key in one 64-bit word.
const MAX_PACKED_AXIS: usize = u32::MAX as usize;

/// What each part of the workspace starts at a multiple of: the size of its widest elements.
const WORKSPACE_ALIGNMENT: usize = size_of::<u64>();

/// How many words of 64 bits a sum in integers has.
const LIMBS: usize = 2;

/// How many bits of a number each limb of a sum takes, so that a group of as many `numbers` does not overflow it.
fn limb_bits(numbers: usize) -> u32 {
    let carries = numbers.max(1).next_power_of_two().ilog2();
    // One bit is the sign.
    (i64::BITS - 1 - carries).min(MAX_LIMB_BITS)
}

/// Which parts of the workspace a scatter uses, in elements of 8 bytes, in the order they lie in.
struct WorkspaceParts {
    limbs: usize,
    scales: usize,
    accumulators: usize,
    counts: usize,
    best: usize,
    positions: usize,
    offsets: usize,
}

impl WorkspaceParts {
    fn words(&self) -> usize {
        let candidates = self.best + self.positions;
        self.limbs + self.scales + self.accumulators + self.counts + candidates + self.offsets
    }
}

impl ScatterPlan {
    /// How many bytes of scratch [`enqueue_scatter`] needs: sums of 16-bit floats, sums in integers where they are
    /// to be deterministic, counts for mean, candidates for min and max.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        self.workspace_parts(scalar).words() * WORKSPACE_ALIGNMENT
    }

    fn workspace_parts(&self, scalar: ScalarType) -> WorkspaceParts {
        let out = self.out.element_count();
        let has_arg = self.reduce.has_arg();
        let scratch = !has_arg && scalar.is_half();
        let in_integers = self.adds_in_integers(scalar).is_some();
        WorkspaceParts {
            limbs: if in_integers { out * LIMBS } else { 0 },
            scales: if in_integers { (out * size_of::<u32>()).div_ceil(WORKSPACE_ALIGNMENT) } else { 0 },
            accumulators: if scratch { (out * size_of::<f32>()).div_ceil(WORKSPACE_ALIGNMENT) } else { 0 },
            counts: if self.reduce == Reduce::Mean { self.count_elements() } else { 0 },
            best: if has_arg { out } else { 0 },
            positions: if has_arg && self.packed_key(scalar).is_none() { out } else { 0 },
            offsets: offset_words(&self.src, self.b, self.k),
        }
    }

    /// How many groups are counted for mean: one for a whole row where the index is the same along it.
    fn count_elements(&self) -> usize {
        if self.layout.is_row_index() { self.b * self.n } else { self.out.element_count() }
    }

    /// The type of the values, if sums are to have the same bits every time and would not by themselves, as sums of integers do.
    fn adds_in_integers(&self, scalar: ScalarType) -> Option<FloatType> {
        match self.reduce {
            Reduce::Sum | Reduce::Mean if self.deterministic => FloatType::of(scalar),
            Reduce::Sum | Reduce::Mean | Reduce::Mul | Reduce::Min | Reduce::Max => None,
        }
    }

    /// The type of the values, if their keys and positions fit in one word.
    fn packed_key(&self, scalar: ScalarType) -> Option<NarrowKey> {
        NarrowKey::of(scalar).filter(|_| self.e <= MAX_PACKED_AXIS)
    }

    /// The layout of the index, whose offsets lie behind all other scratch.
    fn place_layout(&self, pointers: &ReductionPointers) -> PlacedLayout {
        let parts = self.workspace_parts(pointers.scalar);
        let before = (parts.words() - parts.offsets) * WORKSPACE_ALIGNMENT;
        PlacedLayout::new(&self.layout, self.b, self.k, pointers.workspace + before as u64)
    }

    fn params(&self, pointers: &ReductionPointers, layout: IndexLayout) -> ScatterParams {
        let parts = self.workspace_parts(pointers.scalar);
        let mut end = pointers.workspace + ((parts.limbs + parts.scales) * WORKSPACE_ALIGNMENT) as u64;
        let mut take = |elements: usize| {
            let start = end;
            end += (elements * WORKSPACE_ALIGNMENT) as u64;
            if elements == 0 { 0 } else { start }
        };
        let accumulators = take(parts.accumulators);
        ScatterParams {
            src: pointers.src,
            index: pointers.index,
            base: pointers.base.unwrap_or(0),
            out: pointers.out,
            arg_out: pointers.arg_out.unwrap_or(0),
            accumulators: if accumulators == 0 { pointers.out } else { accumulators },
            counts: take(parts.counts),
            best: take(parts.best),
            positions: take(parts.positions),
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

    /// The parameters of sums in integers, whose scratch lies before all other.
    fn reproducible_params(&self, pointers: &ReductionPointers, scatter: &ScatterParams) -> ReproducibleParams {
        let limb_bytes = (self.out.element_count() * size_of::<i64>()) as u64;
        ReproducibleParams {
            scatter: *scatter,
            high_limbs: pointers.workspace,
            low_limbs: pointers.workspace + limb_bytes,
            scales: pointers.workspace + limb_bytes * LIMBS as u64,
            // All elements of an axis and base.
            limb_bits: limb_bits(self.e + 1),
            unused: 0,
        }
    }
}

/// Gives the steps of a scatter to a queue. Nothing is allocated on the device and nothing waits; elements
/// with an index outside [0, N) are left out.
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NoArgOut`]; what the queue answers.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say and that stays valid until
/// the queue has come so far; outputs and workspace must not overlap anything but `base`.
pub unsafe fn enqueue_scatter(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    pointers: &ReductionPointers,
) -> Result<(), Error> {
    if pointers.arg_out.is_some() {
        plan.check_has_arg()?;
    }
    let needed = plan.workspace_bytes(pointers.scalar);
    if pointers.workspace_bytes < needed {
        return Err(Error::WorkspaceTooSmall { given: pointers.workspace_bytes, needed });
    }
    if plan.out.element_count() == 0 {
        return Ok(());
    }
    let placed = plan.place_layout(pointers);
    let params = plan.params(pointers, placed.layout);
    // SAFETY: the caller's promise about the addresses; counts and sizes follow from the plan's shapes.
    unsafe {
        placed.enqueue(queue)?;
        match plan.reduce {
            Reduce::Sum | Reduce::Mean => sums::accumulate(queue, plan, Join::Sum, pointers, &params),
            Reduce::Mul => sums::accumulate(queue, plan, Join::Mul, pointers, &params),
            Reduce::Min => select(queue, plan, Best::Min, pointers, &params),
            Reduce::Max => select(queue, plan, Best::Max, pointers, &params),
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
    let (scalar, index) = (pointers.scalar, pointers.index_type);
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    // SAFETY: the caller's promise.
    unsafe {
        queue.fill_u32(params.best, 0, out_elements * 2)?;
        match plan.packed_key(scalar) {
            Some(key) => {
                let kernel = kernel!(scatter_best best(best) narrow_key(key) index(index));
                queue.launch_for_each(kernel, src_elements, params)?;
            }
            None => {
                queue.fill_u32(params.positions, u32::MAX, out_elements * 2)?;
                let kernel = kernel!(scatter_best_key best(best) scalar(scalar) index(index));
                queue.launch_for_each(kernel, src_elements, params)?;
                let kernel = kernel!(scatter_best_position best(best) scalar(scalar) index(index));
                queue.launch_for_each(kernel, src_elements, params)?;
            }
        }
        let kernel = kernel!(scatter_select best(best) scalar(scalar) index(pointers.arg_type));
        queue.launch_for_each(kernel, out_elements, params)
    }
}

/// [`enqueue_scatter`] on a raw `CUstream` of the current context: what the plugins call.
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
    unsafe {
        load_first(kernels, plan, pointers, false)?;
        enqueue_scatter(&mut StreamQueue::new(kernels, stream), plan, pointers)
    }
}

/// Before a first call, compiles all its kernels together, with those that look its index over if it `is_checked`.
///
/// # Safety
/// The context must be current.
unsafe fn load_first(
    kernels: &Kernels,
    plan: &ScatterPlan,
    pointers: &ReductionPointers,
    is_checked: bool,
) -> Result<(), Error> {
    let operator = if plan.deterministic { "deterministic scatter" } else { "scatter" };
    let call = [operator, plan.reduce.name(), pointers.scalar.name(), pointers.index_type.name()];
    // SAFETY: the collector launches nothing.
    Collector::load_first(kernels, call, |collector| unsafe {
        if is_checked {
            check::enqueue_groups_check(collector, plan, pointers.index_type, pointers.index, pointers.workspace)?;
        }
        enqueue_scatter(collector, plan, pointers)
    })
}

/// Reduces the elements of `src` that share an index: [`cpu::scatter`](crate::cpu::scatter), on a stream.
///
/// The result is in device memory and complete when the stream has come so far. Scratch space is taken from
/// the device; [`scatter_into`] reuses the caller's.
///
/// # Errors
/// Those of [`cpu::scatter`](crate::cpu::scatter); [`Error::Cuda`] where the driver
/// refuses.
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

/// [`scatter`] into tensors of the caller's, with scratch space of the caller's. `arg_out` is for min and
/// max alone, and may be left out there.
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
    stream.gpu().bind()?;
    let kernels = stream.gpu().kernels();
    let is_checked = bad_index == BadIndex::Error && plan.uses_index();
    let needed = check::workspace_bytes(plan.workspace_bytes(T::TYPE), is_checked);
    let pointers = ReductionPointers {
        scalar: T::TYPE,
        index_type: I::TYPE,
        arg_type: I::TYPE,
        src: src.address_on(stream, "src")?,
        index: index.address_on(stream, "index")?,
        base: base.map(|base| base.address_on(stream, "base")).transpose()?,
        out: out.address_on(stream, "out")?,
        arg_out: arg_out.map(|arg_out| arg_out.address_on(stream, "arg_out")).transpose()?,
        workspace: workspace.reserve(stream, needed)?,
        workspace_bytes: workspace.bytes(),
    };
    // SAFETY: the tensors have the shapes the plan was made of and live on the stream's device, whose
    // context was made current. Freeing device memory waits for the device (see `Memory`), so they outlive
    // the work.
    unsafe {
        load_first(kernels, plan, &pointers, is_checked)?;
        if is_checked {
            check::check_groups(stream, plan, index, workspace)?;
        }
        enqueue_scatter(&mut StreamQueue::new(kernels, stream.as_raw()), plan, &pointers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_have_room_for_the_carries_of_as_many_numbers_as_there_are() {
        for (numbers, bits) in [(0, 32), (1, 32), (1 << 31, 32), ((1 << 31) + 1, 31), (1 << 33, 30)] {
            assert_eq!(limb_bits(numbers), bits);
            let largest = (1i128 << bits) - 1;
            assert!(largest * (numbers as i128) <= i64::MAX as i128, "{numbers}");
        }
    }
}
