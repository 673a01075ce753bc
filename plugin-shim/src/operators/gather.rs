//! What gather_coo and gather_csr have in common.

use tensorrt_scatter::{
    Error, GatherPlan, Shape,
    gpu::raw::{GatherPointers, Kernels, StreamQueue, enqueue_gather},
};

use super::{INDEX, SRC};
use crate::backend::{Buffers, ElementTypes, Plan};

impl Plan for GatherPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, _types: &ElementTypes) -> usize {
        0
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = GatherPointers {
            scalar: buffers.types.values(SRC),
            index_type: buffers.types.index(INDEX),
            src: buffers.input(SRC),
            index: buffers.input(INDEX),
            out: buffers.outputs[0],
        };
        // SAFETY: the caller's promise.
        unsafe { enqueue_gather(&mut StreamQueue::new(kernels, buffers.stream), self, &pointers) }
    }
}
