//! The instructions on the host: each acts on the grid in progress.

pub mod atomic;
pub mod barrier;
pub mod convert;
pub mod grid;
pub mod hint;
pub mod index;
pub mod math;
pub mod memory;
pub mod shared;
pub mod warp;
