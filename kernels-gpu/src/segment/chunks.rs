//! The second step where the axis is cut: what the chunks have of long segments.

use kernel_params::SegmentParams;
use nvptx_arch::{
    index::{block_idx_x, grid_dim_x, lane_id, thread_idx_x},
    memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    block::WARPS,
    indptr::{sees_holes, Indptr},
    piece::Piece,
    records::Record,
    store::Finish,
    work::{first_column, split, Outcome, Work},
};
use crate::element::Scalar;

/// ```text
/// for each chunk, for each part of the columns: one warp
///     if a segment longer than a chunk goes on here: fold what is here of it; leave a record
/// ```
/// A kernel of its own: in one with the first step, they would share registers, and the fewer that one has, the more of its
/// warps have loads under way.
#[inline(always)]
pub unsafe fn reduce_chunks<T: Scalar, R: Finish, const COLUMNS: usize>(p: &SegmentParams) {
    let mut task = block_idx_x() as u64 * WARPS as u64 + (thread_idx_x() / WARP_SIZE) as u64;
    while task < p.b * p.chunks_per_b * p.column_parts {
        if let Some(work) = find_work::<COLUMNS>(p, task) {
            let folded = work.fold::<T, R, COLUMNS>(p);
            work.store::<T, R, COLUMNS>(p, folded);
        }
        task += grid_dim_x() as u64 * WARPS as u64;
    }
}

/// What a chunk has of the long segment that began before it, if there is one, for a warp.
#[inline(always)]
unsafe fn find_work<const COLUMNS: usize>(p: &SegmentParams, task: u64) -> Option<Work> {
    let (number, part) = split(task, p.column_parts);
    let (b, chunk) = if p.b == 1 { (0, number) } else { split(number, p.chunks_per_b) };
    let length = 1 << p.chunk_log2;
    let from = chunk << p.chunk_log2;
    let long = Long::at(p, b, chunk)?;
    let length = length.min(long.end - from) as u32;
    let has_holes = warp::any(FULL_MASK, sees_holes(p, long.row, from, length, lane_id(), WARP_SIZE));
    let column = first_column::<COLUMNS>(p, part, lane_id() & ((1 << p.lanes_log2) - 1));
    let piece = Piece { b, row: long.row, id: long.id, from, column, length };
    let (way, ways) = (lane_id() >> p.lanes_log2, WARP_SIZE >> p.lanes_log2);
    let outcome = Outcome::Record(Record::GoesOn);
    Some(Work { piece, way, ways, join_log2: WARP_SIZE.trailing_zeros(), has_holes, outcome }.within(p))
}

/// A segment longer than a chunk.
pub struct Long {
    /// The row of the index or indptr.
    pub row: u64,
    /// The segment.
    pub id: u64,
    /// Its first element.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

impl Long {
    /// The one that goes on in a chunk of b, if there is one. A bad indptr leaves chunks of which nothing is noted, so the
    /// note is not trusted.
    #[inline(always)]
    pub unsafe fn at(p: &SegmentParams, b: u64, chunk: u64) -> Option<Self> {
        let id = memory::load_readonly((p.going_on as *const u64).add((b * p.chunks_per_b + chunk) as usize));
        if id >= p.n {
            return None;
        }
        let indptr = Indptr::new(p, b);
        let (start, end) = (indptr.get(id), indptr.get(id + 1));
        let begins = chunk << p.chunk_log2;
        let goes_on = start < begins && begins < end && end - start > 1 << p.chunk_log2;
        goes_on.then_some(Self { row: indptr.row, id, start, end })
    }
}
