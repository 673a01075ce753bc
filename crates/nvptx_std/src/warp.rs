//! Warps: 32 threads that can exchange values without memory.
//!
//! [`sync_warp`] and [`lane_id`] are `cuda_std`'s; the rest, which `cuda_std` 0.2.2 does not have, is
//! [`nvptx_arch::warp`]'s.

pub use nvptx_arch::barrier::sync_warp;
pub use nvptx_arch::index::lane_id;
pub use nvptx_arch::warp::*;
