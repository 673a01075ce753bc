//! The second step where the axis is cut: what the chunks have of long segments.

use kernel_params::{SegmentParams, NOTHING_GOES_ON};
use nvptx_arch::{
    index::lane_id,
    memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    indptr::{sees_holes, Indptr},
    piece::Piece,
    records::Record,
    store::Finish,
    work::{first_column, split_parts, Outcome, Work},
};
use crate::{
    element::Scalar,
    layout::{for_each_task_of_warp, split_rows},
};

/// ```text
/// for each chunk, for each part of the columns: one warp
///     if a segment longer than a chunk goes on here: fold what is here of it; leave a record
/// ```
/// A kernel of its own: in one with the first step, they would share registers, and the fewer that one has, the more of its
/// warps have loads under way.
#[inline(always)]
pub unsafe fn reduce_chunks<T: Scalar, R: Finish, const COLUMNS: usize, const HAS_INDEX: bool>(p: &SegmentParams) {
    for_each_task_of_warp(p.b * p.chunks_per_b * p.column_parts, |task| {
        let (chunk, part) = split_parts(p, task);
        if let Some(long) = Long::at(p, chunk) {
            let work = long.work::<COLUMNS, HAS_INDEX>(p, part);
            let folded = work.fold::<T, R, COLUMNS>(p);
            work.store::<T, R, COLUMNS>(p, folded);
        }
    });
}

/// Notes for the chunks that begin in a long segment that it goes on there, `lanes` lanes of which this one is one. All
/// others have [`NOTHING_GOES_ON`] from the host.
#[inline(always)]
pub unsafe fn note_long_segment(p: &SegmentParams, piece: &Piece, end: u64, lane: u32, lanes: u32) {
    // The chunk it begins in is not one of them, even where both begin together.
    let mut chunk = (piece.from >> p.chunk_log2) + 1 + lane as u64;
    let notes = (p.going_on as *mut u64).add((piece.b * p.chunks_per_b) as usize);
    while chunk << p.chunk_log2 < end {
        memory::store(notes.add(chunk as usize), piece.id);
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
        if id == NOTHING_GOES_ON {
            return None;
        }
        let (b, chunk) = split_rows(number, &p.by_chunks_per_b, p.b);
        let indptr = Indptr::new(p, b);
        let (start, end) = (indptr.get(id), indptr.get(id + 1));
        Some(Self { b, row: indptr.row, id, start, end, chunk: chunk << p.chunk_log2 })
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
