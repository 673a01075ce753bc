//! The instructions on the GPU.

pub mod atomic;
pub mod barrier;
mod convergent;
pub mod convert;
pub mod grid;
pub mod hint;
pub mod index;
pub mod math;
pub mod memory;
pub mod shared;
pub mod warp;
