//! What gather_segment_csr, gather_segment_coo, gather_scatter and attention_csr have in common: src, an index that
//! names its rows, an index or indptr that tells which rows are reduced together, and weights or scores.

use tensorrt_scatter::{
    ScalarType, Shape,
    gpu::raw::{GatherSegmentPointers, ReductionPointers},
};

use super::{INDEX, SRC, Shapes, Signature, shape};
use crate::{
    backend::{Buffers, reduction_pointers},
    message::Refusal,
};

/// The position of the indptr, or of the destinations.
pub(super) const SEGMENTS: usize = 2;
/// The position of weight or score.
pub(super) const WEIGHT: usize = 3;

/// The axis of src that the index lies along. Refuses ranks that do not fit.
pub(super) fn checked_axis(signature: &Signature, inputs: &[&[i64]]) -> Result<usize, Refusal> {
    let (ports, tensors) = (signature.inputs(), signature.tensors(inputs));
    let axis = shape::axis_of_index(tensors, "index")?;
    shape::check_rank_of_index(ports[SEGMENTS].name, tensors[SEGMENTS], tensors[INDEX])?;
    if let Some(weight) = tensors.get(WEIGHT) {
        shape::check_weight_rank(ports[WEIGHT].name, weight, tensors[INDEX])?;
    }
    Ok(axis)
}

/// An index and an indptr as long as the layer's that repeat over no axis of src: they need the most workspace. Refuses
/// shapes with more elements than any memory can hold.
pub(super) fn widest_index_and_indptr(shapes: &Shapes) -> Result<(Shape, Shape), Refusal> {
    let (src, axis) = (shapes.src(), shapes.index().rank().saturating_sub(1));
    let along = |shape: &Shape| shape.dims().last().copied().unwrap_or(0);
    let (elements, entries) = (along(shapes.index()), along(&shapes.inputs[SEGMENTS]));
    shape::check_countable([*src, src.with_axis(axis, elements)?, src.with_axis(axis, entries)?])?;
    let leading = shape::leading(src, axis + 1)?;
    Ok((leading.with_axis(axis, elements)?, leading.with_axis(axis, entries)?))
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
