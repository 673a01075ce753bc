//! The parameters of the kernels, their table ([`entry`]), and the numbers that host and kernels share ([`launch`]).
//!
//! A kernel takes one parameter, a `repr(C)` structure, by value. Host and kernels both compile this crate, so a field
//! has the same meaning and place on both sides. Device addresses are plain `u64`, because the host must not
//! dereference them. Sizes and strides count elements.

#![no_std]

mod axis_runs;
mod bev_pool;
mod composite;
mod composite_csr;
mod divisor;
pub mod entry;
mod fill;
mod gather;
mod gather_dot;
mod gather_segment;
mod group_index;
mod index;
pub mod launch;
mod scatter;
mod segment;

pub use axis_runs::{AxisRun, AxisRuns, MAX_RUNS};
pub use bev_pool::BevPoolParams;
pub use composite::CompositeParams;
pub use composite_csr::CompositeCsrParams;
pub use divisor::{Divisor, NarrowDivisor};
pub use fill::FillParams;
pub use gather::GatherParams;
pub use gather_dot::GatherDotParams;
pub use gather_segment::GatherSegmentParams;
pub use group_index::GroupIndexParams;
pub use index::{IndexLayout, IndexParams, OffsetsParams, SortedIndexParams};
pub use launch::{BATCH, GROUP_TILE, INDEX_TILE, PACK_BYTES, RECORDS_PER_CHUNK, THREADS_PER_BLOCK, WARP_SIZE};
pub use scatter::{MAX_LIMB_BITS, ReproducibleParams, ScatterParams};
pub use segment::SegmentParams;

/// The most axes a tensor may have.
pub const MAX_RANK: usize = 8;
