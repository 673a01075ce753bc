//! Reductions of groups of rows that are read through an index, on the GPU: the steps, and the safe calls.

use std::ffi::c_void;

use super::{
    DeviceTensor, DeviceWeight, Stream, Workspace,
    call::{self, Call},
    check::group_count,
    gather_segment::GatherSegmentPointers,
    grouped::{self, GroupedPointers, enqueue_grouped},
    kernels::Kernels,
    launches,
    pointers::ReductionPointers,
    queue::{Queue, StreamQueue},
};
use crate::{
    Error, GatherScatterOptions, GatherScatterPlan, Index, IndexType, Reduce, Reduced, Scalar, ScalarType,
    gather_segment::{WEIGHT, check_float32_beside},
    index_rules::IndexRules,
    reduction::Reduction,
};

/// Gives the steps of a gather_scatter or a gather_segment_coo to a queue. It allocates nothing on the device and does
/// not wait. Elements with an index outside [0, R), or a destination outside [0, N), are left out.
///
/// `pointers` are those of a gather_segment, with the destinations in place of the indptr.
///
/// # Errors
/// [`Error::TooManyElements`] from 2^31 elements on; [`Error::WorkspaceTooSmall`]; [`Error::NoArgOut`]; those of the
/// queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; outputs and workspace must not overlap anything.
pub unsafe fn enqueue_gather_scatter(
    queue: &mut impl Queue,
    plan: &GatherScatterPlan,
    pointers: &GatherSegmentPointers,
) -> Result<(), Error> {
    let pointers = GroupedPointers {
        reduction: pointers.reduction,
        rows: Some(pointers.index),
        weight: pointers.weight,
        weights_are_float32: pointers.weights_are_float32,
    };
    // SAFETY: the caller's promise.
    unsafe { enqueue_grouped(queue, plan, &pointers) }
}

/// [`enqueue_gather_scatter`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_gather_scatter`] or [`preload_gather_segment_coo`](super::raw::preload_gather_segment_coo) has not loaded
/// is compiled here.
///
/// # Errors
/// Those of [`enqueue_gather_scatter`].
///
/// # Safety
/// Those of [`enqueue_gather_scatter`] and [`StreamQueue::new`].
pub unsafe fn gather_scatter_raw(
    kernels: &Kernels,
    plan: &GatherScatterPlan,
    pointers: &GatherSegmentPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_gather_scatter(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

/// Loads every kernel that gather_scatter may launch into the current context, whatever its shapes, so that a later
/// [`gather_scatter_raw`] compiles nothing and can be captured in a CUDA graph. A second call for the same types costs
/// next to nothing.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul"; [`Error::Cuda`] where the driver refuses.
pub fn preload_gather_scatter(
    kernels: &Kernels,
    reduce: Reduce,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    preload(kernels, &GatherScatterOptions::new(reduce), scalar, index_type)
}

/// [`preload_gather_scatter`] for the operator that the options are of.
pub(super) fn preload(
    kernels: &Kernels,
    options: &GatherScatterOptions,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    options.operator().check(options.reduce)?;
    launches::preload(kernels, |device| {
        let mut all = grouped::kernels(options.reduce, scalar, index_type, options.groups.is_sorted);
        all.extend(device.fill());
        all
    })
}

impl Call<2> for GatherScatterPlan {
    type Pointers = GatherSegmentPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 2] {
        [("index", &self.segments.rows), ("destination", &self.groups)]
    }

    fn key(&self, pointers: &GatherSegmentPointers) -> [&'static str; 4] {
        let ReductionPointers { scalar, index_type, .. } = pointers.reduction;
        [self.operator().name(), self.reduce().name(), scalar.name(), index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &GatherSegmentPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_gather_scatter(queue, self, pointers) }
    }
}

/// Reduces groups of rows of `src` that `index` names, each times its weight:
/// [`cpu::gather_scatter`](crate::cpu::gather_scatter), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. The call
/// allocates its workspace on the device; [`gather_scatter_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::gather_scatter`](crate::cpu::gather_scatter); [`Error::TooManyElements`] from 2^31 elements on;
/// [`Error::Cuda`] where the driver refuses.
pub fn gather_scatter<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    destination: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherScatterOptions,
) -> Result<Reduced<DeviceTensor<T>, DeviceTensor<I>>, Error> {
    let gpu = stream.gpu();
    let mut workspace = Workspace::new(gpu)?;
    let inputs = Inputs { src, index, destination, weight };
    let plan = inputs.plan(options, || group_count(stream, destination, &mut workspace))?;
    let mut out = DeviceTensor::uninitialized(gpu, *plan.out_shape())?;
    let has_arg = options.reduce.has_arg();
    let mut arg_out = has_arg.then(|| DeviceTensor::uninitialized(gpu, *plan.out_shape())).transpose()?;
    run(stream, &plan, inputs, options, &mut out, arg_out.as_mut(), &mut workspace)?;
    Ok(Reduced { out, arg_out })
}

/// [`gather_scatter`] that writes to the caller's tensors, to every element of them, and uses the caller's workspace.
/// Without a `dim_size`, the number of groups is that of `out`. `arg_out` is for min and max only, and is optional.
///
/// # Errors
/// Those of [`gather_scatter`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
#[expect(clippy::too_many_arguments, reason = "the operator's own, plus a stream and its workspace")]
pub fn gather_scatter_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    destination: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherScatterOptions,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let inputs = Inputs { src, index, destination, weight };
    let plan = inputs.plan(options, || Ok(GatherScatterPlan::groups_of(out.shape(), index.shape())))?;
    run(stream, &plan, inputs, options, out, arg_out, workspace)
}

/// The tensors that are read.
#[derive(Clone, Copy)]
struct Inputs<'a, T, I> {
    src: &'a DeviceTensor<T>,
    index: &'a DeviceTensor<I>,
    destination: &'a DeviceTensor<I>,
    weight: Option<DeviceWeight<'a, T>>,
}

impl<T: Scalar, I: Index> Inputs<'_, T, I> {
    fn plan(
        &self,
        options: &GatherScatterOptions,
        group_count: impl FnOnce() -> Result<usize, Error>,
    ) -> Result<GatherScatterPlan, Error> {
        if let Some(DeviceWeight::Float32(_)) = self.weight {
            check_float32_beside(T::TYPE, WEIGHT)?;
        }
        let weight = self.weight.as_ref().map(DeviceWeight::shape);
        let (src, index, destination) = (self.src.shape(), self.index.shape(), self.destination.shape());
        GatherScatterPlan::with_group_count(src, index, destination, weight, options, group_count)
    }
}

fn run<T: Scalar, I: Index>(
    stream: &Stream,
    plan: &GatherScatterPlan,
    inputs: Inputs<'_, T, I>,
    options: &GatherScatterOptions,
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
            index: inputs.destination.address_on(stream, "destination")?,
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
    let (bytes, indices) = (plan.workspace_bytes(T::TYPE), [inputs.index, inputs.destination]);
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, indices, options.groups.bad_index, bytes, workspace, pointers) }
}
