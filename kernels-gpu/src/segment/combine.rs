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
    store::{store, Finish},
    tile::{warp_of_block, Task, Tile},
};
use crate::{
    batch::{each, BATCH},
    element::{Accumulator, Scalar},
};

/// How many records a lane of a warp joins before whole blocks take over: a block needs four barriers, about as long as
/// eight loads of four records each.
const RECORDS_OF_A_LANE: u32 = 32;

/// Chunks that a block looks at together: one for each lane of a warp.
const TILE: u64 = WARP_SIZE as u64;

/// ```text
/// for each chunk that is the second one of a long segment, for each part of the columns: one warp, a column for each lane
/// of a group
///     join the record of the chunk before it, in which the segment begins, and those of the chunks it goes on in,
///     each group of lanes every n-th one; join what the groups have; finish and store the segment
///     if there are many of them: leave it to the block
/// for each tile that begins with a chunk in which such a segment goes on, for its share of the parts: leave it to the block
/// the whole block, for each part left to it: the same with more groups
/// ```
#[inline(always)]
pub unsafe fn combine<T: Scalar, R: Finish, const HAS_INDEX: bool>(p: &SegmentParams) {
    let left = shared_array![u32; WARPS as usize];
    let mut first_chunk = skip_tiles(p);
    while first_chunk < p.b * p.chunks_per_b {
        let tile = Tile::new(first_chunk, &p.combine_parts, |chunk| unsafe { Records::find(p, chunk) });
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
                let records = Records {
                    row: task.value(own.row),
                    first: task.value(own.first),
                    count: task.value(own.count),
                    elements: if HAS_INDEX || !R::HAS_COUNT { 0 } else { task.value(own.elements) },
                };
                // Not known to be the same from one question to the next, so that what lies between them is compiled once.
                let joiners = Joiners::new(p, task.part, opaque_bool(is_block));
                let is_giant = records.are_many(p);
                let is_mine = !is_giant || records.fall_to_tile(&task);
                is_left = is_mine && is_giant && !joiners.are_block;
                if is_mine && !is_left {
                    join::<T, R, HAS_INDEX>(p, &records, &joiners);
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

/// The records of a long segment.
#[derive(Clone, Copy, Default)]
struct Records {
    /// The segment, counted over all b.
    row: u64,
    /// The first of the chunks that have one, counted over all b.
    first: u64,
    /// How many there are.
    count: u32,
    /// How many elements the segment has.
    elements: u64,
}

impl Records {
    /// What there is to join in a chunk, counted over all b: the long segment whose second chunk it is; where a tile begins with
    /// it, also one of many records that goes on there.
    #[inline(always)]
    unsafe fn find(p: &SegmentParams, chunk: u64) -> Option<Self> {
        let long = Long::in_chunk(p, chunk)?;
        let records = Self {
            row: long.b * p.n + long.id,
            first: long.first_record,
            count: long.records(p),
            elements: long.end - long.start,
        };
        let is_second = chunk == records.first + 1;
        (is_second || (chunk & (TILE - 1) == 0 && records.are_many(p))).then_some(records)
    }

    /// Whether there are so many that whole blocks had better join them.
    #[inline(always)]
    fn are_many(&self, p: &SegmentParams) -> bool {
        self.count > (WARP_SIZE >> p.combine_lanes_log2) * RECORDS_OF_A_LANE
    }

    /// Whether a part of the columns of such a segment falls to the tile where it was found. Of the tiles that find it, which are
    /// the one with its second chunk and those that begin in it behind that, each takes a part, and the last one those that are
    /// left: the fewer tiles, the fewer records.
    #[inline(always)]
    fn fall_to_tile(&self, task: &Task) -> bool {
        let first_tile = (self.first + 1) / TILE;
        let last_tile = (self.first + self.count as u64 - 1) / TILE;
        task.chunk / TILE == last_tile.min(first_tile + task.part)
    }
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
}

/// Joins the records of a segment; finishes and stores it.
#[inline(always)]
unsafe fn join<T: Scalar, R: Finish, const HAS_INDEX: bool>(p: &SegmentParams, records: &Records, joiners: &Joiners) {
    let mut folded = join_records::<T::Accumulator, R, HAS_INDEX>(p, records, joiners);
    if opaque_bool(joiners.are_block) {
        folded = block::join_warps::<T::Accumulator, R, u64, 1>(folded, p.combine_lanes_log2, HAS_INDEX);
    }
    if !HAS_INDEX {
        folded.count = records.elements;
    }
    if joiners.way == 0 && joiners.column < p.k {
        store::<T, R, u64, 1>(p, (records.row * p.k + joiners.column) as usize, folded, 0);
    }
}

/// Joins every n-th record from the lane's way on, n being how many ways there are, and what the lanes of a warp have then.
#[inline(always)]
unsafe fn join_records<A: Accumulator, R: Fold, const HAS_INDEX: bool>(
    p: &SegmentParams,
    records: &Records,
    joiners: &Joiners,
) -> Folded<A, u64, 1> {
    let Joiners { way, ways, .. } = *joiners;
    let stride = ways as u64 * Record::PER_CHUNK;
    let mut folded = Folded::empty::<R>();
    let mut i = way;
    let mut record = Record::GoesOn.number(records.first + i as u64);
    // A lane behind the last column reads that one, and does not store. Places are added to, not multiplied.
    let mut place = record * p.k + joiners.column.min(p.k - 1);
    while i < records.count {
        // Only the first of all is of the chunk that the segment begins in.
        let begins = if i == 0 { (Record::Begins as u64, p.k) } else { (0, 0) };
        let is_there = |step: usize| i + step as u32 * ways < records.count;
        let batch = each(|step| {
            let (record_ahead, ahead) = match step {
                0 => begins,
                step if is_there(step) => (step as u64 * stride, step as u64 * stride * p.k),
                _ => (0, 0),
            };
            records::load::<A, R>(p, place + ahead, record + record_ahead, HAS_INDEX)
        });
        each(|step| {
            if is_there(step) {
                folded = folded.join::<R>(batch[step]);
            }
        });
        i += BATCH as u32 * ways;
        record += BATCH as u64 * stride;
        place += BATCH as u64 * stride * p.k;
    }
    folded.join_lanes::<R>(p.combine_lanes_log2, WARP_SIZE.trailing_zeros(), HAS_INDEX && R::HAS_COUNT)
}
