//! What takes the work items of a kernel. Each kernel's body has one of these as an argument: it is the contract of its
//! launch ([`kernel_params::entry::Contract`]) as a type.
//!
//! Only this file reads the number of the block and the size of the grid. So a kernel can share out its work in no
//! other way than its contract says; clippy finds one that does (`clippy.toml`).

#![allow(clippy::disallowed_methods, reason = "the contract as a type is made of these")]

use nvptx_arch::{
    index::{block_dim_x, block_idx_x, grid_dim_x, thread_idx_x},
    warp::WARP_SIZE,
};

/// The threads of the grid.
#[derive(Clone, Copy)]
pub struct Threads;

impl Threads {
    /// The number of this thread.
    #[inline(always)]
    pub fn number(self) -> u64 {
        block_idx_x() as u64 * block_dim_x() as u64 + thread_idx_x() as u64
    }

    /// The number of threads.
    #[inline(always)]
    pub fn count(self) -> u64 {
        grid_dim_x() as u64 * block_dim_x() as u64
    }

    /// Their blocks, for a loop in which the threads of a block stay together.
    #[inline(always)]
    pub fn blocks(self) -> Blocks {
        Blocks
    }

    /// A grid-stride loop: calls `visit` with each item below `count` that belongs to this thread.
    #[inline(always)]
    pub fn for_each(self, count: u64, mut visit: impl FnMut(u64)) {
        let threads = self.count();
        let mut item = self.number();
        while item < count {
            visit(item);
            item += threads;
        }
    }
}

/// The warps of the grid.
#[derive(Clone, Copy)]
pub struct Warps;

impl Warps {
    /// The number of this thread's warp.
    #[inline(always)]
    pub fn number(self) -> u64 {
        let warps_per_block = (block_dim_x() / WARP_SIZE) as u64;
        block_idx_x() as u64 * warps_per_block + (thread_idx_x() / WARP_SIZE) as u64
    }

    /// Their blocks, for a loop in which the warps of a block stay together.
    #[inline(always)]
    pub fn blocks(self) -> Blocks {
        Blocks
    }

    /// A grid-stride loop: calls `visit` with each item below `count` that belongs to this thread's warp.
    #[inline(always)]
    pub fn for_each(self, count: u64, mut visit: impl FnMut(u64)) {
        let warps = grid_dim_x() as u64 * (block_dim_x() / WARP_SIZE) as u64;
        let mut item = self.number();
        while item < count {
            visit(item);
            item += warps;
        }
    }
}

/// The blocks of the grid.
#[derive(Clone, Copy)]
pub struct Blocks;

impl Blocks {
    /// The number of this thread's block.
    #[inline(always)]
    pub fn number(self) -> u64 {
        block_idx_x() as u64
    }

    /// The number of blocks.
    #[inline(always)]
    pub fn count(self) -> u64 {
        grid_dim_x() as u64
    }

    /// Their threads, for a loop over the elements that all blocks share.
    #[inline(always)]
    pub fn threads(self) -> Threads {
        Threads
    }
}
