//! The CPU backend: the operators on tensors in host memory, in parallel with rayon.
//!
//! Results do not depend on the number of threads: each group is reduced by one thread, in the order of src.

mod check;
mod composite;
mod gather;
mod scatter;
mod segment;

pub use composite::{log_softmax, log_softmax_into, logsumexp, logsumexp_into, softmax, softmax_into, std, std_into};
pub use gather::{gather_coo, gather_coo_into, gather_csr, gather_csr_into};
pub use scatter::{group_count, scatter, scatter_into};
pub use segment::{segment_coo, segment_coo_into, segment_csr, segment_csr_into};
