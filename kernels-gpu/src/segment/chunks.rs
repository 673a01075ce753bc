//! The second step where the axis is cut: what the chunks have of long segments.

use kernel_params::SegmentParams;
use nvptx_arch::{
    index::{block_idx_x, grid_dim_x, lane_id},
    memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    block::WARPS,
    indptr::{sees_holes, Indptr},
    piece::Piece,
    records::Record,
    store::Finish,
    tile::{warp_of_block, Tile},
    work::{first_column, Outcome, Work},
    NONE,
};
use crate::{element::Scalar, layout::split_rows};

/// ```text
/// for each tile of chunks: one block
///     for each of them in which a segment longer than a chunk goes on, for each part of the columns: one warp
///         fold what is here of it; leave a record
/// ```
/// A kernel of its own: in one with the first step, they would share registers, and the fewer that one has, the more of its
/// warps have loads under way. Where no segment is long, a block is done after one load.
#[inline(always)]
pub unsafe fn reduce_chunks<T: Scalar, R: Finish, const COLUMNS: usize, const HAS_INDEX: bool>(p: &SegmentParams) {
    let mut first = (block_idx_x() as u64) << p.tile_log2;
    while first < p.b * p.chunks_per_b {
        let behind = first + (1 << p.tile_log2);
        let tile = Tile::new(first, &p.column_parts, |chunk| chunk < behind && unsafe { Long::at(p, chunk) }.is_some());
        let mut task = warp_of_block() as u64;
        while task < tile.tasks() {
            let (chunk, part) = tile.task(task);
            if let Some(long) = Long::at(p, chunk) {
                let work = long.work::<COLUMNS, HAS_INDEX>(p, part);
                let folded = work.fold::<T, R, COLUMNS>(p);
                work.store::<T, R, COLUMNS>(p, folded);
            }
            task += WARPS as u64;
        }
        first += (grid_dim_x() as u64) << p.tile_log2;
    }
}

/// Notes for each chunk that begins in a segment whether that is a long one, which goes on there; `lanes` lanes do, of which
/// this one is one. The first segment notes for what lies before it as well, the last one for what lies behind it, so that
/// every chunk has a note if indptr rises.
#[inline(always)]
pub unsafe fn note_chunks(p: &SegmentParams, piece: &Piece, end: u64, is_long: bool, lane: u32, lanes: u32) {
    let &Piece { b, id, from, .. } = piece;
    let first = if id == 0 { 0 } else { from };
    let behind = if id + 1 == p.n { p.e } else { end };
    let notes = (p.going_on as *mut u64).add((b * p.chunks_per_b) as usize);
    let mut chunk = ((first + (1 << p.chunk_log2) - 1) >> p.chunk_log2) + lane as u64;
    while chunk << p.chunk_log2 < behind {
        let start = chunk << p.chunk_log2;
        // In the chunk that it begins with it does not go on.
        let goes_on = is_long && start > from && start < end;
        memory::store(notes.add(chunk as usize), if goes_on { id } else { NONE });
        chunk += lanes as u64;
    }
}

/// A segment longer than a chunk, which goes on in one.
pub struct Long {
    /// Position before the reduced axis.
    pub b: u64,
    /// The row of the index or indptr.
    row: u64,
    /// The segment.
    pub id: u64,
    /// Its first element.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// The first element of the chunk.
    chunk: u64,
}

impl Long {
    /// The one that is noted for a chunk, counted over all b, if there is one.
    #[inline(always)]
    pub unsafe fn at(p: &SegmentParams, number: u64) -> Option<Self> {
        if number >= p.b * p.chunks_per_b {
            return None;
        }
        let id = memory::load((p.going_on as *const u64).add(number as usize));
        if id >= p.n {
            return None;
        }
        let (b, chunk) = split_rows(number, &p.by_chunks_per_b, p.b);
        let chunk = chunk << p.chunk_log2;
        let indptr = Indptr::new(p, b);
        let (start, end) = (indptr.get(id), indptr.get(id + 1));
        // Where indptr does not rise, a chunk may have no note, but anything.
        let goes_on = start < chunk && chunk < end && end - start > 1 << p.chunk_log2;
        goes_on.then_some(Self { b, row: indptr.row, id, start, end, chunk })
    }

    /// What the chunk has of it, in a part of the columns, for a warp.
    #[inline(always)]
    unsafe fn work<const COLUMNS: usize, const HAS_INDEX: bool>(&self, p: &SegmentParams, part: u64) -> Work {
        let &Self { b, row, id, end, chunk: from, .. } = self;
        let length = (1 << p.chunk_log2).min(end - from) as u32;
        let sees_holes = sees_holes::<HAS_INDEX>(p, row, from, length, lane_id(), WARP_SIZE);
        let has_holes = HAS_INDEX && warp::any(FULL_MASK, sees_holes);
        let column = first_column::<COLUMNS>(p, part, lane_id() & ((1 << p.lanes_log2) - 1));
        let piece = Piece { b, row, id, from, column, length };
        let (way, ways_log2) = (lane_id() >> p.lanes_log2, WARP_SIZE.trailing_zeros() - p.lanes_log2);
        let outcome = Outcome::Record(Record::GoesOn);
        Work { piece, way, ways_log2, join_log2: WARP_SIZE.trailing_zeros(), has_holes, outcome }.within(p)
    }
}
