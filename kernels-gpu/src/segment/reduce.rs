//! The first step: every segment by a group of lanes; of a long one only a part, or by a block.

use kernel_params::SegmentParams;
use nvptx_arch::{
    atomic, barrier, hint,
    index::{block_idx_x, grid_dim_x, thread_idx_x},
    memory, shared_array, warp,
};
use warp::WARP_SIZE;

use super::{
    block::{self, THREADS, WARPS},
    indptr::prefetch_entry,
    store::{Finish, LinePair, Load},
    tile::warp_of_block,
    work::{Outcome, Team, Work},
};
use crate::{
    element::Scalar,
    layout::{for_each_task_of_warp, WARPS_AHEAD},
};

/// Base-2 logarithm of the groups of lanes of a warp.
#[inline(always)]
fn groups_log2(p: &SegmentParams) -> u32 {
    WARP_SIZE.trailing_zeros() - p.lanes_log2 - p.ways_log2
}

/// How many warps have a segment, and a part of its columns, for some of their groups.
#[inline(always)]
fn tasks(p: &SegmentParams) -> u64 {
    let groups = 1 << groups_log2(p);
    // A shift, because a division takes as long as a load.
    (p.b * p.n * p.column_parts.value + groups - 1) >> groups_log2(p)
}

/// ```text
/// for each segment, for each part of its columns: one group of lanes
///     note for the chunks that begin in it whether it goes on there
///     if it is longer than a chunk: fold its elements up to the end of the chunk it begins in; leave a record
///     otherwise: fold its elements, finish and store it
/// ```
/// The lanes of a group share the columns, `COLUMNS` neighbouring ones each, and beyond that the elements, every n-th one
/// each.
#[inline(always)]
pub unsafe fn reduce_cut<T: Scalar, R: Finish, L: Load, const COLUMNS: usize, const HAS_INDEX: bool>(
    p: &SegmentParams,
) {
    for_each_task_of_warp(tasks(p), |task| {
        let team = Team::group(p, task << groups_log2(p));
        if !HAS_INDEX {
            // One that was made of an index has just been written.
            prefetch_entry(p, team.number + (WARPS_AHEAD << groups_log2(p)));
        }
        let work = Work::of_team::<COLUMNS, true, HAS_INDEX>(p, &team);
        let folded = work.fold::<T, R, L, COLUMNS, HAS_INDEX>(p);
        work.store::<T, R, COLUMNS, HAS_INDEX>(p, folded);
    });
}

/// ```text
/// for each segment, for each part of its columns: one group of lanes
///     if it is long: leave it to the block
///     otherwise: fold its elements, finish and store it
/// the whole block, for each segment left to it: fold, finish and store it
/// ```
/// Both are one loop: a second copy of what they do would need registers, and time to be compiled.
#[inline(always)]
pub unsafe fn reduce_whole<T: Scalar, R: Finish, const COLUMNS: usize, const HAS_INDEX: bool>(p: &SegmentParams) {
    let tasks = tasks(p);
    // The warps of a block take segments that lie far apart: neighbouring ones may all be long.
    let mut first = block_idx_x() as u64;
    let mut left = Left::new();
    // The same number of rounds for the whole block, which may have to take a segment together.
    while left.are_any() || first < tasks {
        // Reckoned again below, which takes no register in between.
        let group = || Team::group(p, (first + warp_of_block() as u64 * grid_dim_x() as u64) << groups_log2(p));
        let team = if left.are_any() { left.take() } else { group() };
        let mut work = Work::of_team::<COLUMNS, false, HAS_INDEX>(p, &team);
        // Not known to be the same from one question to the next, so that what lies between them is compiled once.
        let is_block = || hint::opaque_bool(team.is_block);
        if HAS_INDEX && is_block() {
            work.has_holes = barrier::sync_threads_or(work.has_holes as u32) != 0;
        }
        let mut folded = work.fold::<T, R, LinePair, COLUMNS, HAS_INDEX>(p);
        if is_block() {
            folded = block::join_warps::<T::Accumulator, R, u32, COLUMNS>(folded, p.lanes_log2, HAS_INDEX);
        }
        work.store::<T, R, COLUMNS, HAS_INDEX>(p, folded);
        if !is_block() {
            let group = group();
            left.collect(work.outcome == Outcome::Left && group.member == 0, group.number);
            first += grid_dim_x() as u64 * WARPS as u64;
        }
    }
}

/// The segments that the groups of lanes of a block have left to it.
struct Left {
    /// Their numbers, in any order.
    numbers: *mut u64,
    /// How many of them are noted already, while they are.
    noted: *mut u32,
    /// How many of them are not yet taken. All that is kept from round to round: there is no register for more.
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

    /// Notes what this thread leaves for its group. The whole block takes part.
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
            // For the next time, before which there is a barrier.
            memory::store(self.noted, 0);
        }
    }

    /// The block, for one of them.
    #[inline(always)]
    unsafe fn take(&mut self) -> Team {
        self.count -= 1;
        let number = memory::load(self.numbers.add(self.count as usize).cast_const());
        Team { number, member: thread_idx_x(), log2: THREADS.trailing_zeros(), is_block: true }
    }
}
