//! Chunks that a block looks at together, to find the few where there is something to do.

use kernel_params::Divisor;
use nvptx_arch::{
    index::{lane_id, thread_idx_x},
    warp::{self, Shuffle, FULL_MASK, WARP_SIZE},
};

/// Up to as many neighbouring chunks as a warp has lanes, each of which has looked at one. Every warp of a block finds the
/// same.
pub struct Tile<'a, T> {
    first: u64,
    by_parts: &'a Divisor,
    /// What this lane has found in its chunk.
    pub own: T,
    /// The lanes that have found something.
    found: u32,
}

impl<'a, T: Default> Tile<'a, T> {
    /// The chunks from `first` on, counted over all b, `find` being what looks at one of them; the divisor is how many parts of
    /// columns there are for each. All lanes of a warp take part.
    #[inline(always)]
    pub unsafe fn new(first: u64, by_parts: &'a Divisor, find: impl FnOnce(u64) -> Option<T>) -> Self {
        let own = find(first + lane_id() as u64);
        let found = warp::ballot(FULL_MASK, own.is_some());
        Self { first, by_parts, own: own.unwrap_or_default(), found }
    }

    /// How many tasks there are: each part of each chunk.
    #[inline(always)]
    pub fn tasks(&self) -> u64 {
        self.found.count_ones() as u64 * self.by_parts.value
    }

    /// A task. All lanes of a warp take part.
    #[inline(always)]
    pub unsafe fn task(&self, number: u64) -> Task {
        let (nth, part) = self.by_parts.divide(number);
        let own_bit = 1 << lane_id();
        let found_before = (self.found & (own_bit - 1)).count_ones() as u64;
        let lane = warp::ballot(FULL_MASK, self.found & own_bit != 0 && found_before == nth).trailing_zeros();
        Task { chunk: self.first + lane as u64, part, lane }
    }
}

/// A part of the columns of what was found in a chunk.
pub struct Task {
    /// The chunk, counted over all b.
    pub chunk: u64,
    /// The part.
    pub part: u64,
    /// The lane that found it.
    lane: u32,
}

impl Task {
    /// Of a value that the lanes have from their own chunks, that of the task's. All lanes of a warp take part.
    #[inline(always)]
    pub unsafe fn value<V: Shuffle>(&self, own: V) -> V {
        warp::shuffle_idx(FULL_MASK, own, self.lane, WARP_SIZE)
    }
}

/// The number of this thread's warp in its block.
#[inline(always)]
pub fn warp_of_block() -> u32 {
    thread_idx_x() / WARP_SIZE
}
