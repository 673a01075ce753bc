//! The third step, where there are chunks: the records of each long segment, joined.

use kernel_params::SegmentParams;
use nvptx_arch::{
    barrier, hint,
    index::{block_idx_x, grid_dim_x, lane_id, thread_idx_x},
    memory, shared_array,
    warp::WARP_SIZE,
};

use super::{
    block::{self, WARPS},
    chunks::Long,
    fold::Fold,
    piece::Folded,
    records::{self, Record},
    store::{store, Finish, Whole},
    tile::{warp_of_block, Tile, TILE},
};
use crate::{
    batch::{each, BATCH},
    element::{Accumulator, Scalar},
};

/// How many records a lane of a warp joins before the whole block takes over: the block needs four barriers, about as
/// long as eight loads of four records each.
const RECORDS_OF_A_LANE: u64 = 32;

/// ```text
/// for each chunk that is the second one of a long segment, for each part of the columns: one warp, a column for each lane
/// of a group
///     join the record of the chunk before it, in which the segment begins, and those of the chunks it goes on in,
///     each group of lanes every n-th one; join what the groups have; finish and store the segment
///     if there are many of them: leave it to the block
/// the whole block, for each segment left to it: the same with more groups
/// ```
#[inline(always)]
pub unsafe fn combine<T: Scalar, R: Finish>(p: &SegmentParams) {
    let lanes_log2 = p.combine_lanes_log2;
    let ways_of_warp = WARP_SIZE >> lanes_log2;
    let left = shared_array![u32; WARPS as usize];
    let mut first_chunk = block_idx_x() as u64 * TILE;
    while first_chunk < p.b * p.chunks_per_b {
        let tile = Tile::new(first_chunk, &p.combine_parts, |chunk| Joined::new(p, chunk).is_some());
        let mut first = 0;
        // The warp whose segment the block looks at next; none, as many as there are.
        let mut of = WARPS;
        // The same number of rounds for the whole block, which may have to take a segment together.
        while of < WARPS || first < tile.tasks() {
            let is_block = hint::opaque((of < WARPS).into()) != 0;
            let (warp, thread) = if is_block { (of, thread_idx_x()) } else { (warp_of_block(), lane_id()) };
            let ways = if is_block { ways_of_warp * WARPS } else { ways_of_warp };
            let mut is_left = false;
            let is_wanted = !is_block || memory::load(left.add(of as usize).cast_const()) != 0;
            if is_wanted && first + (warp as u64) < tile.tasks() {
                let (chunk, part) = tile.task(first + warp as u64);
                if let Some(joined) = Joined::new(p, chunk) {
                    is_left = !is_block && joined.records() > ways as u64 * RECORDS_OF_A_LANE;
                    if !is_left {
                        let column = Column::new(p, part, thread);
                        let mut folded = joined.fold::<T::Accumulator, R>(p, &column, ways);
                        if is_block {
                            folded = block::join_warps::<T::Accumulator, R, u64, 1>(folded, lanes_log2);
                        }
                        joined.store::<T, R>(p, &column, folded);
                    }
                }
            }
            if is_block {
                of += 1;
            } else if barrier::sync_threads_or(is_left as u32) != 0 {
                if lane_id() == 0 {
                    memory::store(left.add(warp as usize), is_left as u32);
                }
                of = 0;
            }
            if of == WARPS {
                first += WARPS as u64;
            }
            // What is noted may be read, or be written again.
            barrier::sync_threads();
        }
        first_chunk += grid_dim_x() as u64 * TILE;
    }
}

/// A column, and which records a lane joins there.
struct Column {
    way: u32,
    column: u64,
}

impl Column {
    /// The one of a part of them for a lane of a warp or a thread of a block.
    #[inline(always)]
    fn new(p: &SegmentParams, part: u64, lane: u32) -> Self {
        let way = lane >> p.combine_lanes_log2;
        Self { way, column: (part << p.combine_lanes_log2) + (lane - (way << p.combine_lanes_log2)) as u64 }
    }
}

/// A segment longer than a chunk.
struct Joined {
    b: u64,
    id: u64,
    /// The chunk it begins in, over all b.
    first: u64,
    /// The chunk it ends in, over all b.
    last: u64,
}

impl Joined {
    /// The one whose second chunk, over all b, this is, if there is one.
    #[inline(always)]
    unsafe fn new(p: &SegmentParams, number: u64) -> Option<Self> {
        let long = Long::at(p, number)?;
        let chunks_before = long.b * p.chunks_per_b;
        let first = chunks_before + (long.start >> p.chunk_log2);
        let last = chunks_before + ((long.end - 1) >> p.chunk_log2);
        (first + 1 == number).then_some(Self { b: long.b, id: long.id, first, last })
    }

    #[inline(always)]
    fn records(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Joins every `ways`-th record from the column's way on, and what the lanes of a warp have then.
    #[inline(always)]
    unsafe fn fold<A: Accumulator, R: Fold>(&self, p: &SegmentParams, column: &Column, ways: u32) -> Folded<A, u64, 1> {
        let &Column { way, column } = column;
        // A lane behind the last column reads that one, and does not store.
        let column = column.min(p.k - 1);
        let record = |i: u64| {
            let record = if i == 0 { Record::Begins } else { Record::GoesOn };
            records::load::<A, R>(p, (self.first + i, record), column)
        };
        let mut folded = Folded::EMPTY;
        let (mut i, stride) = (way as u64, ways as u64);
        while i < self.records() {
            let numbers = each(|step| i + step as u64 * stride);
            let loaded = each(|step| record(numbers[step].min(self.records() - 1)));
            each(|step| {
                if numbers[step] < self.records() {
                    folded = folded.join::<R>(loaded[step]);
                }
            });
            i += BATCH as u64 * stride;
        }
        folded.join_lanes::<R>(p.combine_lanes_log2, WARP_SIZE.trailing_zeros(), true)
    }

    /// Finishes and stores the segment, where the lane's way is the first.
    #[inline(always)]
    unsafe fn store<T: Scalar, R: Finish>(
        &self,
        p: &SegmentParams,
        column: &Column,
        folded: Folded<T::Accumulator, u64, 1>,
    ) {
        let &Column { way, column } = column;
        if way == 0 && column < p.k {
            store::<T, R, u64, 1>(p, Whole { b: self.b, id: self.id, column, folded, origin: 0 });
        }
    }
}
