//! What gather_segment_csr and gather_scatter have in common: src, an index that names its rows, an index or indptr
//! that tells which rows are reduced together, and weights.

use tensorrt_scatter::{
    ScalarType,
    gpu::raw::{GatherSegmentPointers, ReductionPointers},
};

use super::{INDEX, SRC, shape};
use crate::{
    backend::{Buffers, reduction_pointers},
    message::Refusal,
};

/// The position of the indptr, or of the destinations.
pub(super) const SEGMENTS: usize = 2;
/// The position of weight.
pub(super) const WEIGHT: usize = 3;

/// The axis of src that the index lies along. Refuses ranks that do not fit. `segments` is the name of the input at
/// [`SEGMENTS`], and `tensors` are the sizes of the inputs without a shape tensor.
pub(super) fn checked_axis(segments: &str, tensors: &[&[i64]]) -> Result<usize, Refusal> {
    let axis = shape::axis_of_index(tensors, "index")?;
    shape::check_rank_of_index(segments, tensors[SEGMENTS], tensors[INDEX])?;
    if let Some(weight) = tensors.get(WEIGHT) {
        shape::check_weight_rank(weight, tensors[INDEX])?;
    }
    Ok(axis)
}

/// Where the tensors are.
pub(super) fn pointers(buffers: &Buffers, workspace_bytes: usize) -> GatherSegmentPointers {
    let weight = buffers.inputs[WEIGHT];
    let types = buffers.types;
    let is_wide = types.values(SRC).is_half() && types.values(WEIGHT) == ScalarType::F32;
    GatherSegmentPointers {
        reduction: ReductionPointers { index: buffers.input(SEGMENTS), ..reduction_pointers(buffers, workspace_bytes) },
        index: buffers.input(INDEX),
        weight,
        weights_are_float32: weight.is_some() && is_wide,
    }
}
