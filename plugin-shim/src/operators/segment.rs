//! What segment_coo and segment_csr have in common.

use tensorrt_scatter::{
    Error, SegmentPlan, Shape,
    gpu::raw::{Kernels, StreamQueue, enqueue_segment},
};

use super::SRC;
use crate::backend::{Buffers, ElementTypes, Plan, reduction_pointers};

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
