//! The GPU backend: the operators on tensors in device memory, on the caller's CUDA stream.
//!
//! Nothing of CUDA is needed to build or to start a program: the driver is looked for when [`Gpu::new`] is
//! called, and [`Error::NoDevice`](crate::Error::NoDevice) says why there is none.
//!
//! [`scatter()`] and the other operators, with their `_into` forms, are the safe calls. [`raw`] has what lies below them,
//! for a plugin: the steps on a raw stream, with addresses.

mod attention_csr;
mod bev_pool;
mod call;
mod check;
mod composite;
mod composite_csr;
mod context;
mod device;
mod driver;
mod event;
mod gather;
mod gather_dot;
mod gather_scatter;
mod gather_segment;
mod gather_segment_coo;
mod group_index;
mod grouped;
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

pub mod raw;

pub use attention_csr::{attention_csr, attention_csr_into};
pub use check::group_count;
pub use composite::{log_softmax, log_softmax_into, logsumexp, logsumexp_into, softmax, softmax_into, std, std_into};
pub use composite_csr::{
    log_softmax_csr, log_softmax_csr_into, logsumexp_csr, logsumexp_csr_into, softmax_csr, softmax_csr_into, std_csr,
    std_csr_into,
};
pub use device::Gpu;
pub use event::Event;
pub use gather::{gather_coo, gather_coo_into, gather_csr, gather_csr_into};
pub use gather_dot::{gather_dot, gather_dot_into};
pub use gather_scatter::{gather_scatter, gather_scatter_into};
pub use gather_segment::{DeviceWeight, gather_segment_csr, gather_segment_csr_into};
pub use gather_segment_coo::{gather_segment_coo, gather_segment_coo_into};
pub use group_index::{group_index, group_index_into};
pub use memory::{DeviceTensor, Workspace};
pub use scatter::{scatter, scatter_into};
pub use segment::{segment_coo, segment_coo_into, segment_csr, segment_csr_into};
pub use stream::Stream;
pub use tuning::{DeviceNumbers, TUNING_VARIABLE, Tuning};
