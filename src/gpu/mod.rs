//! The GPU backend: the operators on tensors in device memory, on the caller's CUDA stream.
//!
//! Nothing of CUDA is needed to build or to start a program: the driver is looked for when [`Gpu::new`] is
//! called, and [`Error::NoDevice`](crate::Error::NoDevice) says why there is none.
//!
//! The layers, the lowest first: [`Queue`] executes single steps (fill, launch). [`Kernels`] has the compiled
//! kernels of a context. `enqueue_*`, such as [`enqueue_scatter`], turn a plan into steps. `*_raw` put the steps on a
//! raw CUDA stream, as a plugin does. [`scatter()`] and the other operators, with their `_into` forms, are the safe
//! calls.

mod call;
mod check;
mod composite;
mod context;
mod device;
mod driver;
mod event;
mod gather;
mod kernel;
mod kernels;
mod launches;
mod memory;
mod parts;
mod pointers;
mod queue;
mod scatter;
mod segment;
mod stream;
mod tuning;

pub use check::{enqueue_look_over, group_count};
pub use composite::{
    CompositePointers, composite_raw, enqueue_composite, log_softmax, log_softmax_into, logsumexp, logsumexp_into,
    preload_composite, softmax, softmax_into, std, std_into,
};
pub use context::CurrentContext;
pub use device::Gpu;
pub use event::Event;
pub use gather::{
    GatherPointers, enqueue_gather, gather_coo, gather_coo_into, gather_csr, gather_csr_into, gather_raw,
    preload_gather_coo, preload_gather_csr,
};
pub use kernel::{IndexQuestion, Kernel};
pub use kernels::{EMBEDDED_PTX, EmbeddedPtx, Kernels};
pub use memory::{DeviceTensor, Workspace};
pub use pointers::ReductionPointers;
pub use queue::{Queue, StreamQueue, THREADS_PER_BLOCK};
pub use scatter::{enqueue_scatter, preload_scatter, scatter, scatter_into, scatter_raw};
pub use segment::{
    enqueue_segment, enqueue_segment_check, preload_segment_coo, preload_segment_csr, segment_coo, segment_coo_into,
    segment_csr, segment_csr_into, segment_raw,
};
pub use stream::Stream;
pub use tuning::{DeviceNumbers, TUNING_VARIABLE, Tuning};
