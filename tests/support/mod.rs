//! What the tests share: the naive twin of each operator, generated cases, the emulated device, and the GPU.

#![allow(dead_code, unused_imports, reason = "each test target uses its own part")]

pub mod attentions;
pub mod backends;
pub mod cases;
pub mod composite;
pub mod composite_csr;
pub mod element;
pub mod emulator;
pub mod gather;
pub mod gather_dots;
pub mod gather_scatters;
pub mod gather_segments;
pub mod gpu;
pub mod groupings;
pub mod naive;
pub mod segments;

pub use element::{Element, assert_same};
pub use gpu::gpu_or_skip;
