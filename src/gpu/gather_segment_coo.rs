//! Reductions of rows that are read through an index, over segments that a sorted index gives, on the GPU: the steps of
//! gather_scatter without a sort, and the safe calls.

use super::{
    DeviceTensor, DeviceWeight, Stream, Workspace,
    gather_scatter::{gather_scatter, gather_scatter_into, preload},
    kernels::Kernels,
};
use crate::{Error, GatherSegmentCooOptions, Index, IndexType, Reduce, Reduced, Scalar, ScalarType};

/// Loads every kernel that gather_segment_coo may launch into the current context, whatever its shapes, so that a later
/// [`gather_scatter_raw`](super::raw::gather_scatter_raw) of a
/// [`GatherScatterPlan::coo`](crate::GatherScatterPlan::coo) compiles nothing and can be captured in a CUDA graph. A
/// second call for the same types costs next to nothing.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul"; [`Error::Cuda`] where the driver refuses.
pub fn preload_gather_segment_coo(
    kernels: &Kernels,
    reduce: Reduce,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    preload(kernels, &GatherSegmentCooOptions::new(reduce).0, scalar, index_type)
}

/// Reduces segments of rows of `src` that `index` names, each times its weight:
/// [`cpu::gather_segment_coo`](crate::cpu::gather_segment_coo), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. The call
/// allocates its workspace on the device; [`gather_segment_coo_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::gather_segment_coo`](crate::cpu::gather_segment_coo); [`Error::TooManyElements`] from 2^31 elements
/// on; [`Error::Cuda`] where the driver refuses.
pub fn gather_segment_coo<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    destination: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherSegmentCooOptions,
) -> Result<Reduced<DeviceTensor<T>, DeviceTensor<I>>, Error> {
    gather_scatter(stream, src, index, destination, weight, &options.0)
}

/// [`gather_segment_coo`] that writes to the caller's tensors, to every element of them, and uses the caller's
/// workspace. Without a `dim_size`, the number of segments is that of `out`. `arg_out` is for min and max only, and is
/// optional.
///
/// # Errors
/// Those of [`gather_segment_coo`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
#[expect(clippy::too_many_arguments, reason = "the operator's own, plus a stream and its workspace")]
pub fn gather_segment_coo_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    destination: &DeviceTensor<I>,
    weight: Option<DeviceWeight<'_, T>>,
    options: &GatherSegmentCooOptions,
    out: &mut DeviceTensor<T>,
    arg_out: Option<&mut DeviceTensor<I>>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    gather_scatter_into(stream, src, index, destination, weight, &options.0, out, arg_out, workspace)
}
