//! The CPU backend: the operators on tensors in host memory, in parallel with rayon.
//!
//! Results do not depend on the number of threads: each group is reduced by one thread, in the order of src.

mod scatter;

pub use scatter::{scatter, scatter_into};
