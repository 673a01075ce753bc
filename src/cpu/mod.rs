//! The CPU backend: the operators on tensors in host memory.
//!
//! Large work is divided between threads ([`set_threads`]); small work stays on the caller's. Results do not depend on
//! the number of threads: each group is reduced by one thread, in the order of src. The operators also work in a
//! process that was forked from one that used them.

mod attention_csr;
mod check;
mod composite;
mod composite_csr;
mod gather;
mod gather_dot;
mod gather_scatter;
mod gather_segment;
mod gather_segment_coo;
mod group_index;
mod reduce;
mod scatter;
mod segment;
mod threads;
mod walk;

pub use attention_csr::{attention_csr, attention_csr_into};
pub use check::group_count;
pub use composite::{log_softmax, log_softmax_into, logsumexp, logsumexp_into, softmax, softmax_into, std, std_into};
pub use composite_csr::{
    log_softmax_csr, log_softmax_csr_into, logsumexp_csr, logsumexp_csr_into, softmax_csr, softmax_csr_into, std_csr,
    std_csr_into,
};
pub use gather::{gather_coo, gather_coo_into, gather_csr, gather_csr_into};
pub use gather_dot::{gather_dot, gather_dot_into};
pub use gather_scatter::{gather_scatter, gather_scatter_into};
pub use gather_segment::{gather_segment_csr, gather_segment_csr_into};
pub use gather_segment_coo::{gather_segment_coo, gather_segment_coo_into};
pub use group_index::{group_index, group_index_into};
pub use scatter::{scatter, scatter_into};
pub use segment::{segment_coo, segment_coo_into, segment_csr, segment_csr_into};
pub use threads::{set_threads, threads};
