//! The second step where the axis is cut: what the chunks have of long segments.

use kernel_params::SegmentParams;
use nvptx_arch::{
    barrier,
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
    tile::{warp_of_block, Tile, TILE},
    work::{first_column, split, Outcome, Work},
    NONE,
};
use crate::element::Scalar;

/// ```text
/// for each TILE of chunks: one block
///     note for each of them the segment longer than a chunk that goes on there, if there is one
///     for each of those that have one, for each part of the columns: one warp
///         fold what the chunk has of the segment; leave a record
/// ```
/// A kernel of its own: in one with the first step, they would share registers, and the fewer that one has, the more of its
/// warps have loads under way.
#[inline(always)]
pub unsafe fn reduce_chunks<T: Scalar, R: Finish, const COLUMNS: usize>(p: &SegmentParams) {
    let mut first = block_idx_x() as u64 * TILE;
    while first < p.b * p.chunks_per_b {
        if warp_of_block() == 0 {
            note_what_goes_on(p, first + lane_id() as u64);
        }
        barrier::sync_threads();
        let tile = Tile::new(first, p.column_parts, |chunk| Long::at(p, chunk).is_some());
        let mut task = warp_of_block() as u64;
        while task < tile.tasks() {
            let (chunk, part) = tile.task(task);
            if let Some(long) = Long::at(p, chunk) {
                let work = long.work::<COLUMNS>(p, part);
                let folded = work.fold::<T, R, COLUMNS>(p);
                work.store::<T, R, COLUMNS>(p, folded);
            }
            task += WARPS as u64;
        }
        first += grid_dim_x() as u64 * TILE;
    }
}

/// Notes which segment that is longer than a chunk goes on in a chunk, counted over all b.
#[inline(always)]
unsafe fn note_what_goes_on(p: &SegmentParams, number: u64) {
    if number >= p.b * p.chunks_per_b {
        return;
    }
    let (b, chunk) = if p.b == 1 { (0, number) } else { split(number, p.chunks_per_b) };
    let from = chunk << p.chunk_log2;
    let indptr = Indptr::new(p, b);
    // Before the first entry that is not before the chunk, 0 - 1 is no segment either.
    let id = indptr.first_from(from).wrapping_sub(1);
    let goes_on = id < p.n && {
        let (start, end) = (indptr.get(id), indptr.get(id + 1));
        start < from && from < end && end - start > 1 << p.chunk_log2
    };
    memory::store((p.going_on as *mut u64).add(number as usize), if goes_on { id } else { NONE });
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
        if id == NONE {
            return None;
        }
        let (b, chunk) = if p.b == 1 { (0, number) } else { split(number, p.chunks_per_b) };
        let indptr = Indptr::new(p, b);
        let (start, end) = (indptr.get(id), indptr.get(id + 1));
        Some(Self { b, row: indptr.row, id, start, end, chunk: chunk << p.chunk_log2 })
    }

    /// What the chunk has of it, in a part of the columns, for a warp.
    #[inline(always)]
    unsafe fn work<const COLUMNS: usize>(&self, p: &SegmentParams, part: u64) -> Work {
        let &Self { b, row, id, end, chunk: from, .. } = self;
        let length = (1 << p.chunk_log2).min(end - from) as u32;
        let has_holes = warp::any(FULL_MASK, sees_holes(p, row, from, length, lane_id(), WARP_SIZE));
        let column = first_column::<COLUMNS>(p, part, lane_id() & ((1 << p.lanes_log2) - 1));
        let piece = Piece { b, row, id, from, column, length };
        let (way, ways) = (lane_id() >> p.lanes_log2, WARP_SIZE >> p.lanes_log2);
        let outcome = Outcome::Record(Record::GoesOn);
        Work { piece, way, ways, join_log2: WARP_SIZE.trailing_zeros(), has_holes, outcome }.within(p)
    }
}
