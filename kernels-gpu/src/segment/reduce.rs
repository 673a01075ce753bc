//! The first kernel: a group of lanes takes each segment. Of a long segment it takes only the beginning, or it leaves
//! the segment to the block.

use kernel_params::SegmentParams;
use nvptx_arch::{atomic, barrier, hint, index::thread_idx_x, memory, shared_array, warp};
use warp::WARP_SIZE;

use super::{
    block::{self, THREADS, WARPS},
    columns::{LinePair, Load},
    fold::Fold,
    indptr::prefetch_entry,
    rows::{InOrder, Rows},
    tile::warp_of_block,
    work::{Outcome, Team, Work},
};
use crate::{element::Scalar, items::Warps};

/// The base-2 logarithm of the number of groups of lanes in a warp.
#[inline(always)]
pub fn groups_log2(p: &SegmentParams) -> u32 {
    WARP_SIZE.trailing_zeros() - p.lanes_log2 - p.ways_log2
}

/// The number of warps that have work: a segment and a column part for at least one of their groups.
#[inline(always)]
pub fn tasks(p: &SegmentParams) -> u64 {
    let groups = 1 << groups_log2(p);
    // A shift instead of a division, which takes as long as a load.
    (p.b * p.n * p.column_parts.value + groups - 1) >> groups_log2(p)
}

/// ```text
/// for each segment, for each column part: one group of lanes
///     write the notes of the chunks that start inside the segment
///     if the segment is longer than a chunk: fold its elements in its first chunk; leave a record
///     otherwise: fold its elements, finish and store it
/// ```
/// The lanes of a group share the columns, `COLUMNS` neighbouring columns each. If there are more lanes than that
/// needs, they also share the elements, every n-th element each.
#[inline(always)]
pub unsafe fn reduce_cut<T: Scalar, R: Fold, L: Load, S: Rows, const COLUMNS: usize>(params: &S::Params, warps: Warps) {
    for_each_cut::<S, COLUMNS>(params, warps, |work| {
        let folded = work.fold::<T, R, L, S, COLUMNS>(params);
        work.store::<T, R, S, COLUMNS>(S::segments(params), folded);
    });
}

/// Gives `take` this lane's work for each segment over a cut axis. All lanes of the warp call `take` together.
#[inline(always)]
pub unsafe fn for_each_cut<S: Rows, const COLUMNS: usize>(params: &S::Params, warps: Warps, take: impl Fn(&Work)) {
    let p = S::segments(params);
    warps.for_each(tasks(p), |task| {
        let team = Team::group(p, task << groups_log2(p));
        if !S::SEGMENTS_ARE_BY_INDEX {
            prefetch_entry(p, team.number + (p.prefetch_warps << groups_log2(p)));
        }
        take(&Work::of_team::<S, COLUMNS, true>(params, &team));
    });
}

/// ```text
/// for each segment, for each column part: one group of lanes
///     if the segment is long: leave it to the block
///     otherwise: fold its elements, finish and store it
/// for each segment left to the block: the whole block folds, finishes and stores it
/// ```
/// Both are one loop, because a second copy of its body would need registers, and time to compile.
#[inline(always)]
pub unsafe fn reduce_whole<T: Scalar, R: Fold, const COLUMNS: usize, const HAS_INDEX: bool>(
    p: &SegmentParams,
    warps: Warps,
) {
    let (tasks, blocks) = (tasks(p), warps.blocks());
    // The warps of a block take segments that lie far apart, because neighbouring segments may all be long.
    let mut first = blocks.number();
    let mut left = Left::new();
    // All warps of the block make the same number of rounds, because the block may have to take a segment together.
    while left.are_any() || first < tasks {
        // Computed twice, here and below, so that it takes no register in between.
        let group = || Team::group(p, (first + warp_of_block() as u64 * blocks.count()) << groups_log2(p));
        let team = if left.are_any() { left.take() } else { group() };
        let mut work = Work::of_team::<InOrder<HAS_INDEX>, COLUMNS, false>(p, &team);
        // Opaque to the compiler, so that it does not duplicate the code between two tests of the same value.
        let is_block = || hint::opaque_bool(team.is_block);
        if HAS_INDEX && is_block() {
            work.has_holes = barrier::sync_threads_or(work.has_holes as u32) != 0;
        }
        let mut folded = work.fold::<T, R, LinePair, InOrder<HAS_INDEX>, COLUMNS>(p);
        if is_block() {
            folded = block::join_warps::<T::Accumulator, R, u32, COLUMNS>(folded, p.lanes_log2, HAS_INDEX);
        }
        work.store::<T, R, InOrder<HAS_INDEX>, COLUMNS>(p, folded);
        if !is_block() {
            let group = group();
            left.collect(work.outcome == Outcome::Left && group.member == 0, group.number);
            first += blocks.count() * WARPS as u64;
        }
    }
}

/// The segments that groups of lanes have left to their block.
struct Left {
    /// The numbers of the segments, in any order, in shared memory.
    numbers: *mut u64,
    /// The number of segments stored so far, in shared memory. Used only during [`collect`](Self::collect).
    noted: *mut u32,
    /// The number of segments that the block has not taken yet. It is all that a thread keeps from round to round:
    /// there is no register for more.
    count: u32,
}

impl Left {
    #[inline(always)]
    unsafe fn new() -> Self {
        let noted = shared_array![u32; 1];
        if thread_idx_x() == 0 {
            memory::store(noted, 0);
        }
        Self { numbers: shared_array![u64; THREADS], noted, count: 0 }
    }

    #[inline(always)]
    fn are_any(&self) -> bool {
        self.count > 0
    }

    /// Collects the segments that are left. `is_left`: this thread leaves segment `number`. All threads of the block
    /// call it.
    #[inline(always)]
    unsafe fn collect(&mut self, is_left: bool, number: u64) {
        self.count = barrier::sync_threads_count(is_left as u32);
        if self.count == 0 {
            return;
        }
        if is_left {
            let place = atomic::shared_fetch_add_u32(self.noted, 1);
            memory::store(self.numbers.add(place as usize), number);
        }
        barrier::sync_threads();
        if thread_idx_x() == 0 {
            // For the next call. There is a barrier before that.
            memory::store(self.noted, 0);
        }
    }

    /// The whole block as a team, for one of the segments.
    #[inline(always)]
    unsafe fn take(&mut self) -> Team {
        self.count -= 1;
        let number = memory::load(self.numbers.add(self.count as usize).cast_const());
        Team { number, member: thread_idx_x(), log2: THREADS.trailing_zeros(), is_block: true }
    }
}
