//! Chunk tiles: neighbouring chunks that a block examines together, because few of them have something to do.

use kernel_params::Divisor;
use nvptx_arch::{
    index::{lane_id, thread_idx_x},
    warp::{self, Shuffle, FULL_MASK, WARP_SIZE},
};

/// Up to 32 neighbouring chunks, a chunk for each lane of a warp. Every warp of a block finds the same.
pub struct Tile<'a, T> {
    first: u64,
    by_parts: &'a Divisor,
    /// What this lane has found in its chunk; the default if it has found nothing.
    pub own: T,
    /// A bit for each lane that has found something.
    found: u32,
}

impl<'a, T: Default> Tile<'a, T> {
    /// Examines the chunks from `first` on, counted over all b: each lane calls `find` for its chunk. `by_parts`
    /// divides by the number of column parts. All lanes of a warp call it.
    #[inline(always)]
    pub unsafe fn new(first: u64, by_parts: &'a Divisor, find: impl FnOnce(u64) -> Option<T>) -> Self {
        let own = find(first + lane_id() as u64);
        let found = warp::ballot(FULL_MASK, own.is_some());
        Self { first, by_parts, own: own.unwrap_or_default(), found }
    }

    /// The number of tasks: one for each column part of each chunk in which something was found.
    #[inline(always)]
    pub fn tasks(&self) -> u64 {
        self.found.count_ones() as u64 * self.by_parts.value
    }

    /// A task by its number. All lanes of a warp call it.
    #[inline(always)]
    pub unsafe fn task(&self, number: u64) -> Task {
        let (nth, part) = self.by_parts.divide(number);
        let own_bit = 1 << lane_id();
        let found_before = (self.found & (own_bit - 1)).count_ones() as u64;
        let lane = warp::ballot(FULL_MASK, self.found & own_bit != 0 && found_before == nth).trailing_zeros();
        Task { chunk: self.first + lane as u64, part, lane }
    }
}

/// One column part of what was found in one chunk.
pub struct Task {
    /// The chunk, counted over all b.
    pub chunk: u64,
    /// The column part.
    pub part: u64,
    /// The lane that has examined the chunk.
    lane: u32,
}

impl Task {
    /// The value of the lane that has examined the task's chunk; `own` is this lane's value. All lanes of a warp call
    /// it.
    #[inline(always)]
    pub unsafe fn value<V: Shuffle>(&self, own: V) -> V {
        warp::shuffle_idx(FULL_MASK, own, self.lane, WARP_SIZE)
    }
}

/// The number of this thread's warp within its block.
#[inline(always)]
pub fn warp_of_block() -> u32 {
    thread_idx_x() / WARP_SIZE
}
