//! What segment_coo, segment_csr and the composites over segments have in common.

use tensorrt_scatter::{
    Error, SegmentPlan, Shape,
    gpu::raw::{Kernels, StreamQueue, enqueue_segment},
};

use super::{SRC, Shapes, shape};
use crate::{
    backend::{Buffers, ElementTypes, Plan, reduction_pointers},
    message::Refusal,
};

/// An indptr as long as the layer's that repeats over no axis of src: it needs the most workspace. Refuses shapes with
/// more elements than any memory can hold.
pub(super) fn widest_indptr(shapes: &Shapes) -> Result<Shape, Refusal> {
    let (src, axis) = (shapes.src(), shapes.index().rank().saturating_sub(1));
    let entries = shapes.index().dims().last().copied().unwrap_or(0);
    shape::check_countable([*src, src.with_axis(axis, entries)?])?;
    Ok(shape::leading(src, axis + 1)?.with_axis(axis, entries)?)
}

impl Plan for SegmentPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.values(SRC))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = reduction_pointers(buffers, self.workspace_bytes(buffers.types.values(SRC)));
        // SAFETY: the caller's promise.
        unsafe { enqueue_segment(&mut StreamQueue::new(kernels, buffers.stream), self, &pointers) }
    }
}
