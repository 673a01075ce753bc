//! Scores of pairs of rows that are read through two indices, on the GPU: one launch, and the safe calls.

mod steps;

use std::ffi::c_void;

use kernel_params::{Divisor, GatherDotParams, NarrowDivisor};

use super::{
    DeviceTensor, DeviceWeight, Stream, Workspace,
    call::{self, Call},
    kernel::FloatType,
    kernels::Kernels,
    queue::{Queue, StreamQueue},
    tuning::{PACK_BYTES, WARP_SIZE},
};
use crate::{
    BadIndex, Error, Float, GatherDotOptions, GatherDotPlan, Index, IndexType, ScalarType,
    gather_dot::OTHER_INDEX,
    gather_segment::{WEIGHT, check_float32_beside},
    index_rules::IndexRules,
};

pub use steps::preload_gather_dot;

use steps::Step;

/// Where the tensors of a gather_dot lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub struct GatherDotPointers {
    /// Type of `src`, `other` and `out`.
    pub scalar: ScalarType,
    /// Type of both indices.
    pub index_type: IndexType,
    /// Address of `src`.
    pub src: u64,
    /// Address of the index that names rows of `src`.
    pub index: u64,
    /// Address of `other`.
    pub other: u64,
    /// Address of the index that names rows of `other`.
    pub other_index: u64,
    /// Address of the weights; given where, and only where, the plan has them.
    pub weight: Option<u64>,
    /// Whether the weights are float32 beside a `src` of 16-bit floats. Otherwise they have src's type.
    pub weights_are_float32: bool,
    /// Address of `out`.
    pub out: u64,
}

/// Gives the one step of a gather_dot to a queue. It needs no workspace, allocates nothing on the device and does not
/// wait. The score of a pair with an index outside [0, R), or another index outside [0, S), is 0.
///
/// # Errors
/// [`Error::NotAFloat`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; `out` must not overlap anything.
pub unsafe fn enqueue_gather_dot(
    queue: &mut impl Queue,
    plan: &GatherDotPlan,
    pointers: &GatherDotPointers,
) -> Result<(), Error> {
    let Some(float) = FloatType::of(pointers.scalar) else {
        return Err(Error::NotAFloat { given: pointers.scalar });
    };
    let scores = plan.out.element_count();
    if scores == 0 {
        return Ok(());
    }
    let columns = plan.columns_of_head();
    let pack = PACK_BYTES / pointers.scalar.bytes();
    let packs = columns.div_ceil(pack);
    let lanes = packs.clamp(1, WARP_SIZE).next_power_of_two();
    let weight = pointers.weight.unwrap_or(0);
    let addresses = pointers.src | pointers.other | weight;
    let are_packs = columns.is_multiple_of(pack) && addresses.is_multiple_of(PACK_BYTES as u64);
    let step = if plan.rows.leading.are_even() && plan.other_rows.leading.are_even() {
        Step::Even { are_packs }
    } else {
        Step::Runs
    };
    let tiles = scores.div_ceil(WARP_SIZE / lanes * step.scores_of_lanes());
    let has_rows = plan.rows.s != 0 && plan.other_rows.s != 0;
    let params = GatherDotParams {
        src: pointers.src,
        index: pointers.index,
        other: pointers.other,
        other_index: pointers.other_index,
        weight,
        out: pointers.out,
        b: plan.rows.b as u64,
        rows: plan.rows.s as u64,
        other_rows: plan.other_rows.s as u64,
        k: plan.rows.k as u64,
        columns: columns as u64,
        packs: if has_rows { packs as u64 } else { 0 },
        scores: scores as u64,
        tiles: tiles as u64,
        by_e: Divisor::new(plan.rows.e as u64),
        by_heads: Divisor::new(plan.heads as u64),
        by_heads_narrow: NarrowDivisor::new(plan.heads as u32),
        lanes_log2: lanes.ilog2(),
        weights_are_float32: pointers.weights_are_float32.into(),
        unused: 0,
        negative_slope: plan.negative_slope,
        leading: plan.rows.leading,
        other_leading: plan.other_rows.leading,
    };
    // SAFETY: the caller's promise; the sizes are those of the plan's shapes.
    unsafe { queue.launch_for_each(step.kernel(plan.combine, float, pointers.index_type), tiles, &params) }
}

/// [`enqueue_gather_dot`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_gather_dot`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_gather_dot`].
///
/// # Safety
/// Those of [`enqueue_gather_dot`] and [`StreamQueue::new`].
pub unsafe fn gather_dot_raw(
    kernels: &Kernels,
    plan: &GatherDotPlan,
    pointers: &GatherDotPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_gather_dot(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<2> for GatherDotPlan {
    type Pointers = GatherDotPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 2] {
        [("index", &self.rows), (OTHER_INDEX, &self.other_rows)]
    }

    fn key(&self, pointers: &GatherDotPointers) -> [&'static str; 4] {
        ["gather_dot", self.combine.name(), pointers.scalar.name(), pointers.index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &GatherDotPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_gather_dot(queue, self, pointers) }
    }
}

/// The scores of pairs of rows that two indices name: [`cpu::gather_dot`](crate::cpu::gather_dot), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. Under
/// [`BadIndex::Skip`] the call does not wait.
///
/// # Errors
/// Those of [`cpu::gather_dot`](crate::cpu::gather_dot); [`Error::Cuda`] where the driver refuses.
pub fn gather_dot<T: Float, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    other: &DeviceTensor<T>,
    other_index: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherDotOptions,
) -> Result<DeviceTensor<T>, Error> {
    let inputs = Inputs { src, index, other, other_index, weight };
    let plan = inputs.plan(options)?;
    let mut out = DeviceTensor::uninitialized(stream.gpu(), *plan.out_shape())?;
    run(stream, &plan, inputs, options.bad_index, &mut out, &mut Workspace::new(stream.gpu())?)?;
    Ok(out)
}

/// [`gather_dot`] that writes to the caller's tensor, to every element of it, and uses the caller's workspace for the
/// check of the indices.
///
/// # Errors
/// Those of [`gather_dot`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is written
/// then.
#[expect(clippy::too_many_arguments, reason = "the operator's own, plus a stream and its workspace")]
pub fn gather_dot_into<T: Float, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    other: &DeviceTensor<T>,
    other_index: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherDotOptions,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let inputs = Inputs { src, index, other, other_index, weight };
    let plan = inputs.plan(options)?;
    plan.check_output(out.shape())?;
    run(stream, &plan, inputs, options.bad_index, out, workspace)
}

/// The tensors that are read.
#[derive(Clone, Copy)]
struct Inputs<'a, T, I> {
    src: &'a DeviceTensor<T>,
    index: &'a DeviceTensor<I>,
    other: &'a DeviceTensor<T>,
    other_index: &'a DeviceTensor<I>,
    weight: Option<DeviceWeight<'a, T>>,
}

impl<T: Float, I: Index> Inputs<'_, T, I> {
    fn plan(&self, options: &GatherDotOptions) -> Result<GatherDotPlan, Error> {
        if let Some(DeviceWeight::Float32(_)) = self.weight {
            check_float32_beside(T::TYPE, WEIGHT)?;
        }
        let [src, index, other, other_index] =
            [self.src.shape(), self.index.shape(), self.other.shape(), self.other_index.shape()];
        GatherDotPlan::new(src, index, other, other_index, self.weight.as_ref().map(DeviceWeight::shape), options)
    }
}

fn run<T: Float, I: Index>(
    stream: &Stream,
    plan: &GatherDotPlan,
    inputs: Inputs<'_, T, I>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let pointers = |_: &Workspace, _| {
        Ok(GatherDotPointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            src: inputs.src.address_on(stream, "src")?,
            index: inputs.index.address_on(stream, "index")?,
            other: inputs.other.address_on(stream, "other")?,
            other_index: inputs.other_index.address_on(stream, OTHER_INDEX)?,
            weight: inputs.weight.map(|weight| weight.address_on(stream, WEIGHT)).transpose()?,
            weights_are_float32: matches!(inputs.weight, Some(DeviceWeight::Float32(_))),
            out: out.address_on(stream, "out")?,
        })
    };
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [inputs.index, inputs.other_index], bad_index, 0, workspace, pointers) }
}
