//! The third kernel over a cut axis: it joins the records of each long segment.

use core::marker::PhantomData;

use kernel_params::SegmentParams;
use nvptx_arch::{
    barrier, grid,
    hint::opaque_bool,
    index::{lane_id, thread_idx_x},
    memory, shared_array,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    block::{self, WARPS},
    fold::{Fold, Folded},
    long::Long,
    records::{self, Record},
    store::store,
    tile::{warp_of_block, Task, Tile},
};
use crate::{
    batch::{each, BATCH},
    element::{Accumulator, Scalar},
    items::Blocks,
};

/// The most records that a lane of a warp joins. For more, a whole block takes the segment. A block needs four
/// barriers, which take about as long as eight batches of loads.
const RECORDS_OF_A_LANE: u32 = 32;

/// Chunks of a chunk tile: one for each lane of a warp.
const TILE: u64 = WARP_SIZE as u64;

/// ```text
/// for each chunk that is the second one of a long segment, for each column part: one warp, a column for each lane
///     if the segment has many records: leave it to the block
///     otherwise: join the record of the chunk where the segment begins, and those of the chunks where it goes on,
///                every n-th record for each group of lanes; join the groups' results; finish and store the segment
/// for each chunk tile that begins with a chunk in which a segment of many records goes on:
///     leave the tile's share of the column parts to the block
/// for each column part left to the block: the whole block does the same, with more groups
/// ```
#[inline(always)]
pub unsafe fn combine<T: Scalar, R: Fold, const HAS_INDEX: bool>(p: &SegmentParams, blocks: Blocks) {
    combine_with::<ByFold<T, R, HAS_INDEX>>(p, p, blocks);
}

/// How the records of a segment are joined, and what becomes of them.
pub trait Join {
    /// The parameter of the kernel.
    type Params;
    /// Whether the number of elements of a segment is used.
    const COUNTS: bool;

    /// Joins the records of a segment in a column part, finishes and stores it. All lanes of the warp, or all threads of
    /// the block, that share the records call it.
    unsafe fn join(p: &Self::Params, records: &Records, joiners: &Joiners);
}

/// By a reduction, to an element of `out`.
struct ByFold<T, R, const HAS_INDEX: bool>(PhantomData<(T, R)>);

impl<T: Scalar, R: Fold, const HAS_INDEX: bool> Join for ByFold<T, R, HAS_INDEX> {
    type Params = SegmentParams;
    const COUNTS: bool = !HAS_INDEX && R::HAS_COUNT;

    #[inline(always)]
    unsafe fn join(p: &SegmentParams, records: &Records, joiners: &Joiners) {
        join::<T, R, HAS_INDEX>(p, records, joiners);
    }
}

/// [`combine()`] with another way to join. `p` is what `params` says of the segments.
#[inline(always)]
pub unsafe fn combine_with<J: Join>(params: &J::Params, p: &SegmentParams, blocks: Blocks) {
    let left = shared_array![u32; WARPS as usize];
    let mut first_chunk = skip_tiles(p, blocks);
    while first_chunk < p.b * p.chunks_per_b {
        let tile = Tile::new(first_chunk, &p.combine_parts, |chunk| unsafe { Records::find(p, chunk) });
        let mut first = 0;
        // The warp whose segment the block takes next. WARPS stands for no warp.
        let mut of = WARPS;
        // All warps of the block make the same number of rounds, because the block may have to take a segment together.
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
                    elements: if J::COUNTS { task.value(own.elements) } else { 0 },
                };
                // Opaque to the compiler, so that it does not duplicate the code between two tests of the same value.
                let joiners = Joiners::new(p, task.part, opaque_bool(is_block));
                let is_giant = records.are_many(p);
                let is_mine = !is_giant || records.fall_to_tile(&task);
                is_left = is_mine && is_giant && !joiners.are_block;
                if is_mine && !is_left {
                    J::join(params, &records, &joiners);
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
            // After this barrier, `left` may be read, or written again.
            barrier::sync_threads();
        }
        first_chunk += blocks.count() * TILE;
    }
}

/// Waits for the second kernel. Returns the first chunk of the block's first tile that has a note, or a number behind
/// the last chunk.
///
/// The notes are read before the wait. The first kernel has written them, and it has ended before this kernel starts.
/// So a block without long segments knows that before the second kernel ends.
#[inline(always)]
unsafe fn skip_tiles(p: &SegmentParams, blocks: Blocks) -> u64 {
    grid::let_next_come();
    let mut first = blocks.number() * TILE;
    while first < p.b * p.chunks_per_b && !warp::any(FULL_MASK, Long::is_noted(p, first + lane_id() as u64)) {
        first += blocks.count() * TILE;
    }
    grid::wait_for_previous();
    first
}

/// The records of one long segment.
#[derive(Clone, Copy, Default)]
pub struct Records {
    /// The number of the segment, counted over all b.
    pub row: u64,
    /// The first chunk that has a record of it, counted over all b.
    pub first: u64,
    /// The number of records.
    pub count: u32,
    /// The number of elements of the segment, if it is used.
    pub elements: u64,
}

impl Records {
    /// The records to join for a chunk, which is counted over all b: those of the long segment whose second chunk it
    /// is. If a tile begins with this chunk, also those of a segment of many records that goes on in it.
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

    /// Whether there are so many records that a whole block joins them.
    #[inline(always)]
    fn are_many(&self, p: &SegmentParams) -> bool {
        self.count > (WARP_SIZE >> p.combine_lanes_log2) * RECORDS_OF_A_LANE
    }

    /// Whether the tile of this task takes this column part of a segment of many records.
    ///
    /// Several tiles find such a segment: the tile of its second chunk, and those that begin in it after that. The i-th
    /// of them takes column part i, and the last one takes all parts that are left.
    #[inline(always)]
    fn fall_to_tile(&self, task: &Task) -> bool {
        let first_tile = (self.first + 1) / TILE;
        let last_tile = (self.first + self.count as u64 - 1) / TILE;
        task.chunk / TILE == last_tile.min(first_tile + task.part)
    }
}

impl Records {
    /// What is known of every `ways`-th record, beginning with record `way`. `load` is given the number of a record.
    #[inline(always)]
    pub unsafe fn fold<X: Copy>(
        &self,
        joiners: &Joiners,
        nothing: X,
        load: impl Fn(u64) -> X,
        join: impl Fn(X, X) -> X,
    ) -> X {
        let Joiners { way, ways, .. } = *joiners;
        let mut known = nothing;
        let mut i = way;
        while i < self.count {
            let is_there = |step: usize| i + step as u32 * ways < self.count;
            let batch = each(|step| {
                // A record that there is, read once more.
                let number = if is_there(step) { i + step as u32 * ways } else { i };
                // Only the first record of all is that of the chunk in which the segment begins.
                let kind = if number == 0 { Record::Begins } else { Record::GoesOn };
                load(kind.number(self.first + number as u64))
            });
            each(|step| {
                if is_there(step) {
                    known = join(known, batch[step]);
                }
            });
            i += BATCH as u32 * ways;
        }
        known
    }
}

/// How the lanes of a warp, or of a block, share records: a column for each lane of a group, every n-th record for each
/// group.
pub struct Joiners {
    /// Whether they are the threads of a block, rather than the lanes of a warp.
    pub are_block: bool,
    /// The column of this lane.
    pub column: u64,
    /// The lane's way: it joins every `ways`-th record, beginning with this one.
    pub way: u32,
    /// The number of ways.
    pub ways: u32,
}

impl Joiners {
    /// The share of this lane in a column part.
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

/// Joins the records of a segment, and finishes and stores it.
#[inline(always)]
unsafe fn join<T: Scalar, R: Fold, const HAS_INDEX: bool>(p: &SegmentParams, records: &Records, joiners: &Joiners) {
    let mut folded = join_records::<T::Accumulator, R, HAS_INDEX>(p, records, joiners);
    if opaque_bool(joiners.are_block) {
        folded = block::join_warps::<T::Accumulator, R, u64, 1>(folded, p.combine_lanes_log2, HAS_INDEX);
    }
    if !HAS_INDEX {
        folded.count = records.elements;
    }
    if joiners.way == 0 && joiners.column < p.k {
        let at = (records.row * p.k + joiners.column) as usize;
        store::<T, R, u64, 1>(p, at, folded, 0, Some(records.row));
    }
}

/// Joins every `ways`-th record, beginning with record `way`, and then the results of the lanes of a warp.
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
    // A lane behind the last column reads the last column, and stores nothing. The loop adds to `place` instead of
    // multiplying.
    let mut place = record * p.k + joiners.column.min(p.k - 1);
    while i < records.count {
        // Only the first record of all is that of the chunk in which the segment begins.
        let begins = if i == 0 { (Record::Begins as u64, p.k) } else { (0, 0) };
        let is_there = |step: usize| i + step as u32 * ways < records.count;
        let batch = each(|step| {
            let (record_ahead, ahead) = match step {
                0 => begins,
                step if is_there(step) => (step as u64 * stride, step as u64 * stride * p.k),
                // A record that there is, read once more.
                _ => begins,
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
