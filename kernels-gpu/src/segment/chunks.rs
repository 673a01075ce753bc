//! The second kernel over a cut axis: it reduces what chunks have of the long segments that go on in them.

use kernel_params::SegmentParams;
use nvptx_arch::{
    grid,
    hint::opaque_bool,
    index::lane_id,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    block::WARPS,
    columns::Load,
    fold::Fold,
    indptr::{sees_holes, Indptr},
    long::Long,
    piece::Piece,
    records::Record,
    rows::Rows,
    tile::{warp_of_block, Task, Tile},
    work::{first_column, Outcome, Work},
};
use crate::{element::Scalar, items::Blocks, layout::split_rows};

/// ```text
/// for each chunk tile, or for each column part of each chunk tile: one block
///     for each of its chunks in which a long segment goes on, for each column part: one warp
///         fold the segment's elements in this chunk; leave a record
/// ```
/// It is a kernel of its own, because a kernel has as many registers as its largest step, and with fewer registers more
/// warps have loads under way. If no segment is long, a block ends after one load.
#[inline(always)]
pub unsafe fn reduce_chunks<T: Scalar, R: Fold, L: Load, S: Rows, const COLUMNS: usize>(
    params: &S::Params,
    blocks: Blocks,
) {
    for_each_chunk::<S, COLUMNS>(params, blocks, |work| {
        let folded = work.fold::<T, R, L, S, COLUMNS>(params);
        work.store::<T, R, S, COLUMNS>(S::segments(params), folded);
    });
}

/// Waits for the first kernel. Then gives `take` this lane's work for what each chunk has of a long segment. All lanes of
/// the warp call `take` together.
#[inline(always)]
pub unsafe fn for_each_chunk<S: Rows, const COLUMNS: usize>(params: &S::Params, blocks: Blocks, take: impl Fn(&Work)) {
    let p = S::segments(params);
    let mut first = skip_tiles(p, blocks);
    if S::TAKES_PARTS_APART && first >= p.b * p.chunks_per_b {
        // Nothing to do in any pass. The block may not have waited.
        return;
    }
    let mut pass = 0;
    loop {
        while first < p.b * p.chunks_per_b {
            let behind = first + (1 << p.tile_log2);
            let find = |chunk| if chunk < behind { unsafe { Long::in_chunk(p, chunk) } } else { None };
            let tile = Tile::new(first, S::parts_of_pass(params), find);
            let mut number = warp_of_block() as u64;
            while number < tile.tasks() {
                let task = tile.task(number);
                let (id, end) = (task.value(tile.own.id), task.value(tile.own.end));
                let part = if S::TAKES_PARTS_APART { pass } else { task.part };
                take(&work::<S, COLUMNS>(p, &task, part, id, end));
                number += WARPS as u64;
            }
            first += blocks.count() << p.tile_log2;
        }
        pass += 1;
        if !S::TAKES_PARTS_APART || pass == p.column_parts.value {
            return;
        }
        first = blocks.number() << p.tile_log2;
    }
}

/// Waits for the first kernel. Returns the first chunk of the block's first tile that has a note, or a number behind
/// the last chunk.
///
/// The first test of the notes is before the wait, and its answer is not used. It fetches instructions and parameters,
/// which takes longer than the test itself, while the first kernel ends.
#[inline(always)]
unsafe fn skip_tiles(p: &SegmentParams, blocks: Blocks) -> u64 {
    let mut first = blocks.number() << p.tile_log2;
    if !grid::CAN_OVERLAP {
        // There is no wait to prepare for.
        return first;
    }
    let mut has_waited = false;
    while first < p.b * p.chunks_per_b {
        let is_mine = lane_id() < 1 << p.tile_log2;
        let is_noted = warp::any(FULL_MASK, is_mine && Long::is_noted(p, first + lane_id() as u64));
        if !opaque_bool(has_waited) {
            grid::wait_for_previous();
            grid::let_next_come();
            has_waited = true;
        } else if is_noted {
            break;
        } else {
            first += blocks.count() << p.tile_log2;
        }
    }
    first
}

/// The work of a warp: one column part of what a chunk has of a long segment. The segment ends at `end`.
#[inline(always)]
unsafe fn work<S: Rows, const COLUMNS: usize>(p: &SegmentParams, task: &Task, part: u64, id: u64, end: u64) -> Work {
    let (b, chunk) = split_rows(task.chunk, &p.by_chunks_per_b, p.b);
    let from = chunk << p.chunk_log2;
    let length = (1 << p.chunk_log2).min(end - from) as u32;
    let row = Indptr::new(p, b).row;
    let sees_holes = S::SEGMENTS_ARE_BY_INDEX && sees_holes(p, row, from, length, lane_id(), WARP_SIZE);
    let has_holes = S::SEGMENTS_ARE_BY_INDEX && warp::any(FULL_MASK, sees_holes);
    let column = first_column::<COLUMNS>(p, part, lane_id() & ((1 << p.lanes_log2) - 1));
    let piece = Piece { b, row, id, from, column, length };
    let (way, ways_log2) = (lane_id() >> p.lanes_log2, WARP_SIZE.trailing_zeros() - p.lanes_log2);
    let outcome = Outcome::Record(Record::GoesOn);
    Work { piece, way, ways_log2, join_log2: WARP_SIZE.trailing_zeros(), has_holes, outcome }.within(p)
}
