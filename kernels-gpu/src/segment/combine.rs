//! The third step, where there are chunks: the records of each long segment, joined.

use kernel_params::SegmentParams;
use nvptx_arch::{
    barrier, grid,
    hint::opaque_bool,
    index::{block_idx_x, grid_dim_x, lane_id, thread_idx_x},
    memory, shared_array,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    block::{self, WARPS},
    fold::Fold,
    long::Long,
    piece::Folded,
    records::{self, Record},
    store::{store, Finish, Whole},
    tile::{warp_of_block, Tile},
};
use crate::{
    batch::{each, BATCH},
    element::{Accumulator, Scalar},
    layout::split_rows,
};

/// How many records a lane of a warp joins before the whole block takes over: the block needs four barriers, about as
/// long as eight loads of four records each.
const RECORDS_OF_A_LANE: u64 = 32;

/// Chunks that a block looks at together: one for each lane of a warp.
const TILE: u64 = WARP_SIZE as u64;

/// ```text
/// for each chunk that is the second one of a long segment, for each part of the columns: one warp, a column for each lane
/// of a group
///     join the record of the chunk before it, in which the segment begins, and those of the chunks it goes on in,
///     each group of lanes every n-th one; join what the groups have; finish and store the segment
///     if there are many of them: leave it to the block
/// the whole block, for each segment left to it: the same with more groups
/// ```
#[inline(always)]
pub unsafe fn combine<T: Scalar, R: Finish, const HAS_INDEX: bool>(p: &SegmentParams) {
    let left = shared_array![u32; WARPS as usize];
    let mut first_chunk = skip_tiles(p);
    while first_chunk < p.b * p.chunks_per_b {
        let tile = Tile::new(first_chunk, &p.combine_parts, |chunk| unsafe { Long::in_second_chunk(p, chunk) });
        let mut first = 0;
        // The warp whose segment the block looks at next; none, as many as there are.
        let mut of = WARPS;
        // The same number of rounds for the whole block, which may have to take a segment together.
        while of < WARPS || first < tile.tasks() {
            let is_block = opaque_bool(of < WARPS);
            let warp = if is_block { of } else { warp_of_block() };
            let mut is_left = false;
            let is_wanted = !is_block || memory::load(left.add(of as usize).cast_const()) != 0;
            if is_wanted && first + (warp as u64) < tile.tasks() {
                let task = tile.task(first + warp as u64);
                let own = &tile.own;
                let long = Long { id: task.value(own.id), start: task.value(own.start), end: task.value(own.end) };
                // Not known to be the same from one question to the next, so that what lies between them is compiled once.
                let joiners = Joiners::new(p, task.part, opaque_bool(is_block));
                is_left = !joiners.are_block && joiners.are_too_few(p, &long);
                if !is_left {
                    join::<T, R, HAS_INDEX>(p, &long, task.chunk, &joiners);
                }
            }
            if opaque_bool(is_block) {
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

/// The first chunk of the block's first tile for which something is noted, or one behind the last chunk; waits for the second
/// step.
///
/// The notes are the first step's, which has ended when this one starts: where no segment is long, a block has found that out
/// by the end of the second step.
#[inline(always)]
unsafe fn skip_tiles(p: &SegmentParams) -> u64 {
    grid::let_next_come();
    let mut first = block_idx_x() as u64 * TILE;
    while first < p.b * p.chunks_per_b && !warp::any(FULL_MASK, Long::is_noted(p, first + lane_id() as u64)) {
        first += grid_dim_x() as u64 * TILE;
    }
    grid::wait_for_previous();
    first
}

/// The lanes of a warp, or of a block, as they join records: a column for each lane of a group, every n-th record for each
/// group.
struct Joiners {
    are_block: bool,
    column: u64,
    way: u32,
    ways: u32,
}

impl Joiners {
    /// For a part of the columns.
    #[inline(always)]
    fn new(p: &SegmentParams, part: u64, are_block: bool) -> Self {
        let thread = if are_block { thread_idx_x() } else { lane_id() };
        let way = thread >> p.combine_lanes_log2;
        let ways_of_warp = WARP_SIZE >> p.combine_lanes_log2;
        Self {
            are_block,
            column: (part << p.combine_lanes_log2) + (thread - (way << p.combine_lanes_log2)) as u64,
            way,
            ways: if are_block { ways_of_warp * WARPS } else { ways_of_warp },
        }
    }

    /// Whether the whole block had better join a segment's records.
    #[inline(always)]
    fn are_too_few(&self, p: &SegmentParams, long: &Long) -> bool {
        long.records(p) > self.ways as u64 * RECORDS_OF_A_LANE
    }
}

/// Joins the records of a segment whose second chunk, counted over all b, is given; finishes and stores it.
#[inline(always)]
unsafe fn join<T: Scalar, R: Finish, const HAS_INDEX: bool>(
    p: &SegmentParams,
    long: &Long,
    second_chunk: u64,
    joiners: &Joiners,
) {
    let mut folded = join_records::<T::Accumulator, R, HAS_INDEX>(p, second_chunk - 1, long.records(p), joiners);
    if opaque_bool(joiners.are_block) {
        folded = block::join_warps::<T::Accumulator, R, u64, 1>(folded, p.combine_lanes_log2, HAS_INDEX);
    }
    if !HAS_INDEX {
        folded.count = long.end - long.start;
    }
    if joiners.way == 0 && joiners.column < p.k {
        let (b, _) = split_rows(second_chunk, &p.by_chunks_per_b, p.b);
        store::<T, R, u64, 1>(p, Whole { b, id: long.id, column: joiners.column, folded, origin: 0 });
    }
}

/// Joins every n-th of so many records from the lane's way on, n being how many ways there are, and what the lanes of a
/// warp have then.
#[inline(always)]
unsafe fn join_records<A: Accumulator, R: Fold, const HAS_INDEX: bool>(
    p: &SegmentParams,
    first_chunk: u64,
    records: u64,
    joiners: &Joiners,
) -> Folded<A, u64, 1> {
    // A lane behind the last column reads that one, and does not store.
    let column = joiners.column.min(p.k - 1);
    let (records, ways) = (records as u32, joiners.ways);
    let stride = ways as u64 * Record::PER_CHUNK;
    let mut folded = Folded::EMPTY;
    let mut i = joiners.way;
    let mut record = Record::GoesOn.number(first_chunk + i as u64);
    while i < records {
        let batch = each(|step| {
            let is_there = i + step as u32 * ways < records;
            let number = if is_there { record + step as u64 * stride } else { record };
            // Only the first of all is of the chunk that the segment begins in.
            let begins = if step == 0 && i == 0 { Record::Begins as u64 } else { 0 };
            records::load::<A, R>(p, number + begins, column, HAS_INDEX)
        });
        each(|step| {
            if i + (step as u32) * ways < records {
                folded = folded.join_next::<R>(batch[step]);
            }
        });
        i += BATCH as u32 * ways;
        record += BATCH as u64 * stride;
    }
    folded.join_lanes::<R>(p.combine_lanes_log2, WARP_SIZE.trailing_zeros(), HAS_INDEX && R::HAS_COUNT)
}
