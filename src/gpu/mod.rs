//! The GPU backend: the operators on tensors in device memory, on a CUDA stream of the caller's.
//!
//! Nothing of CUDA is needed to build or to start a program: the driver is looked for when [`Gpu::new`] is
//! called, and [`Error::NoDevice`](crate::Error::NoDevice) says why there is none.
//!
//! From the ground up: [`Queue`] carries out single steps (fill, copy, launch); [`Kernels`] holds the
//! compiled kernels of a context; [`enqueue_scatter`] turns a plan into steps; [`scatter`] and
//! [`scatter_into`] are the safe calls.

mod device;
mod event;
mod kernels;
mod memory;
mod queue;
mod scatter;

pub use device::{Gpu, Stream};
pub use event::Event;
pub use kernels::{EMBEDDED_PTX, EmbeddedPtx, Kernels};
pub use memory::{DeviceTensor, Workspace};
pub use queue::{Queue, StreamQueue, THREADS_PER_BLOCK};
pub use scatter::{
    ScatterPointers, enqueue_look_over, enqueue_scatter, preload_scatter, scatter, scatter_into, scatter_raw,
};
