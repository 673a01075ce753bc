//! Chunks that a block looks at together, to find the few where there is something to do.

use kernel_params::Divisor;
use nvptx_arch::{
    index::{lane_id, thread_idx_x},
    warp::{self, FULL_MASK, WARP_SIZE},
};

/// The most that there are: one for each lane of a warp.
pub const TILE: u64 = WARP_SIZE as u64;

/// Some of a tile's chunks, and parts of columns for each of them.
pub struct Tile<'a> {
    first: u64,
    found: u32,
    by_parts: &'a Divisor,
}

impl<'a> Tile<'a> {
    /// The chunks from `first` on for which `is_wanted`; the divisor is how many parts each of them has. All lanes of a warp
    /// take part, and each warp finds the same.
    #[inline(always)]
    pub unsafe fn new(first: u64, by_parts: &'a Divisor, is_wanted: impl FnOnce(u64) -> bool) -> Self {
        let found = warp::ballot(FULL_MASK, is_wanted(first + lane_id() as u64));
        Self { first, found, by_parts }
    }

    /// How many tasks there are: each part of each chunk.
    #[inline(always)]
    pub fn tasks(&self) -> u64 {
        self.found.count_ones() as u64 * self.by_parts.value
    }

    /// Chunk and part of a task.
    #[inline(always)]
    pub fn task(&self, number: u64) -> (u64, u64) {
        let (nth, part) = self.by_parts.divide(number);
        let mut found = self.found;
        for _ in 0..nth {
            found &= found - 1;
        }
        (self.first + found.trailing_zeros() as u64, part)
    }
}

/// The number of this thread's warp in its block.
#[inline(always)]
pub fn warp_of_block() -> u32 {
    thread_idx_x() / WARP_SIZE
}
