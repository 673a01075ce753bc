//! The second step, where there are chunks: the records of each long segment, joined.

use kernel_params::SegmentParams;
use nvptx_arch::{
    barrier,
    index::{block_idx_x, grid_dim_x, lane_id, thread_idx_x},
    memory, shared_array, warp,
};
use warp::WARP_SIZE;

use super::{
    block::{self, WARPS},
    fold::Fold,
    indptr::Indptr,
    piece::Folded,
    records::{self, Record},
    store::{store, Finish, Whole},
    NONE,
};
use crate::element::{Accumulator, Scalar};

/// How many records a lane of a warp joins before the whole block takes over: the block needs four barriers, about as
/// long as eight loads of four records each.
const RECORDS_OF_A_LANE: u64 = 32;

/// Records that are loaded before the first of them is joined.
const BATCH: u64 = 4;

/// ```text
/// for each chunk, for each part of the columns: one warp, one column for each lane of a group
///     if it is the second chunk of a long segment:
///         join the record of the chunk before it, in which the segment begins, and those of the chunks it goes on in,
///         each group of lanes every n-th one; join what the groups have; finish and store the segment
///         if there are many of them: leave it to the block
/// the whole block, for each segment left to it: the same with more groups
/// ```
#[inline(always)]
pub unsafe fn combine<T: Scalar, R: Finish>(p: &SegmentParams) {
    let lanes_log2 = p.combine_lanes_log2;
    let parts = p.k.div_ceil(1 << lanes_log2);
    let tasks = p.b * p.chunks_per_b * parts;
    let left = shared_array![u64; WARPS as usize];
    let mut first = block_idx_x() as u64 * WARPS as u64;
    while first < tasks {
        let warp = thread_idx_x() / WARP_SIZE;
        let task = first + warp as u64;
        let mut is_left = false;
        if task < tasks {
            if let Some(long) = Long::new(p, task, parts) {
                let ways = WARP_SIZE >> lanes_log2;
                is_left = long.records() > ways as u64 * RECORDS_OF_A_LANE;
                if !is_left {
                    let way = lane_id() >> lanes_log2;
                    let folded = long
                        .fold::<T::Accumulator, R>(p, long.column(p, lane_id()), way, ways)
                        .join_lanes::<R>(lanes_log2, WARP_SIZE.trailing_zeros(), true);
                    if way == 0 {
                        long.store::<T, R>(p, lane_id(), folded);
                    }
                }
            }
        }
        if barrier::sync_threads_or(is_left as u32) != 0 {
            if lane_id() == 0 {
                memory::store(left.add(warp as usize), if is_left { task } else { NONE });
            }
            barrier::sync_threads();
            for of in 0..WARPS {
                let task = memory::load(left.add(of as usize).cast_const());
                if task == NONE {
                    continue;
                }
                if let Some(long) = Long::new(p, task, parts) {
                    let way = thread_idx_x() >> lanes_log2;
                    let lane = thread_idx_x() - (way << lanes_log2);
                    let ways = block::THREADS as u32 >> lanes_log2;
                    let folded = long.fold::<T::Accumulator, R>(p, long.column(p, lane), way, ways);
                    let folded = block::join::<T::Accumulator, R, u64, 1>(folded, lanes_log2);
                    if way == 0 {
                        long.store::<T, R>(p, lane, folded);
                    }
                }
            }
            barrier::sync_threads();
        }
        first += grid_dim_x() as u64 * WARPS as u64;
    }
}

/// A segment longer than a chunk, and a part of its columns.
struct Long {
    b: u64,
    id: u64,
    /// The chunk it begins in, over all b.
    first: u64,
    /// The chunk it ends in, over all b.
    last: u64,
    part: u64,
}

impl Long {
    /// The one whose second chunk a task names, if there is one.
    #[inline(always)]
    unsafe fn new(p: &SegmentParams, task: u64, parts: u64) -> Option<Self> {
        let number = task / parts;
        let part = task - number * parts;
        let id = memory::load_readonly((p.going_on as *const u64).add(number as usize));
        if id == NONE {
            return None;
        }
        let b = number / p.chunks_per_b;
        let chunks_before = b * p.chunks_per_b;
        let indptr = Indptr::new(p, b);
        let first = chunks_before + (indptr.get(id) >> p.chunk_log2);
        // It has elements here, so its end is not 0.
        let last = chunks_before + ((indptr.get(id + 1) - 1) >> p.chunk_log2);
        (first + 1 == number).then_some(Self { b, id, first, last, part })
    }

    #[inline(always)]
    fn records(&self) -> u64 {
        self.last - self.first + 1
    }

    #[inline(always)]
    fn column(&self, p: &SegmentParams, lane: u32) -> u64 {
        (self.part << p.combine_lanes_log2) + (lane & ((1 << p.combine_lanes_log2) - 1)) as u64
    }

    /// Joins every `ways`-th record from `way` on.
    #[inline(always)]
    unsafe fn fold<A: Accumulator, R: Fold>(
        &self,
        p: &SegmentParams,
        column: u64,
        way: u32,
        ways: u32,
    ) -> Folded<A, u64, 1> {
        // A lane behind the last column reads that one, and does not store.
        let column = column.min(p.k - 1);
        let record = |i: u64| {
            let record = if i == 0 { Record::Begins } else { Record::GoesOn };
            records::load::<A, R>(p, (self.first + i, record), column)
        };
        let mut folded = Folded::EMPTY;
        let (mut i, stride) = (way as u64, ways as u64);
        while i + (BATCH - 1) * stride < self.records() {
            for loaded in [0, 1, 2, 3].map(|step| record(i + step * stride)) {
                folded = folded.join::<R>(loaded);
            }
            i += BATCH * stride;
        }
        while i < self.records() {
            folded = folded.join::<R>(record(i));
            i += stride;
        }
        folded
    }

    /// Finishes and stores the segment.
    #[inline(always)]
    unsafe fn store<T: Scalar, R: Finish>(&self, p: &SegmentParams, lane: u32, folded: Folded<T::Accumulator, u64, 1>) {
        let column = self.column(p, lane);
        if column < p.k {
            store::<T, R, u64, 1>(p, Whole { b: self.b, id: self.id, column, folded, origin: 0 });
        }
    }
}
