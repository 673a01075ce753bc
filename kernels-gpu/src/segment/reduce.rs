//! The first step: every segment by a group of lanes, or what a chunk has of a long one by a warp.

use kernel_params::SegmentParams;
use nvptx_arch::{
    barrier,
    index::{block_idx_x, grid_dim_x, lane_id, thread_idx_x},
    memory, shared_array, warp,
};
use warp::{FULL_MASK, WARP_SIZE};

use super::{
    block::{self, THREADS, WARPS},
    indptr::{sees_holes, Indptr},
    piece::{Folded, Piece},
    records::{self, Record},
    store::{store, Finish, Whole},
    NONE,
};
use crate::element::Scalar;

/// ```text
/// for each segment, for each part of its columns: one group of lanes
///     if it is longer than a chunk, where there are chunks:
///         fold its elements up to the end of the chunk it begins in; leave a record
///     if it is long, where there are none: leave it to the block
///     otherwise: fold its elements, finish and store it
/// the whole block, for each segment left to it: fold, finish and store it
/// for each chunk, for each part of the columns: one warp
///     if a segment longer than a chunk goes on here: fold what is here of it; leave a record
/// ```
/// The lanes of a group, or of a warp or a block, share the columns, `COLUMNS` neighbouring ones each, and beyond that the
/// elements, every n-th one each.
#[inline(always)]
pub unsafe fn reduce<T: Scalar, R: Finish, const COLUMNS: usize>(p: &SegmentParams) {
    let groups = WARP_SIZE >> (p.lanes_log2 + p.ways_log2);
    let row_tasks = (p.b * p.n * p.column_parts).div_ceil(groups as u64);
    let chunk_tasks = p.b * p.chunks_per_b * p.column_parts;
    let mut first = block_idx_x() as u64 * WARPS as u64;
    // The same number of rounds for the whole block, which may have to take a segment together.
    while first < row_tasks + chunk_tasks {
        let task = first + (thread_idx_x() / WARP_SIZE) as u64;
        let mut left = NONE;
        if task < row_tasks {
            left = reduce_segments::<T, R, COLUMNS>(p, task, groups);
        } else if task < row_tasks + chunk_tasks {
            reduce_chunk::<T, R, COLUMNS>(p, task - row_tasks);
        }
        if p.chunks_per_b == 0 {
            reduce_left::<T, R, COLUMNS>(p, left);
        }
        first += grid_dim_x() as u64 * WARPS as u64;
    }
}

/// A segment and a part of its columns, as one lane sees it.
struct RowTask<const COLUMNS: usize> {
    b: u64,
    row: u64,
    id: u64,
    start: u64,
    /// The number of elements.
    length: u64,
    /// This lane's first column.
    column: u64,
}

impl<const COLUMNS: usize> RowTask<COLUMNS> {
    /// Number `number` over all b, segments and parts of columns; `lane` is this lane's number among those that share
    /// the columns.
    #[inline(always)]
    unsafe fn new(p: &SegmentParams, number: u64, lane: u32) -> Self {
        let (segment, part) = split(number, p.column_parts);
        let (b, id) = if p.b == 1 { (0, segment) } else { split(segment, p.n) };
        let indptr = Indptr::new(p, b);
        let (start, end) = (indptr.get(id), indptr.get(id + 1));
        let column = ((part << p.lanes_log2) + lane as u64) * COLUMNS as u64;
        Self { b, row: indptr.row, id, start, length: end.saturating_sub(start), column }
    }

    #[inline(always)]
    fn piece(&self, length: u32) -> Piece {
        Piece { b: self.b, row: self.row, id: self.id, from: self.start, length }
    }

    /// Finishes and stores the segment.
    #[inline(always)]
    unsafe fn store<T: Scalar, R: Finish>(&self, p: &SegmentParams, folded: Folded<T::Accumulator, u32, COLUMNS>) {
        let whole = Whole { b: self.b, id: self.id, column: self.column, folded, origin: self.start };
        store::<T, R, u32, COLUMNS>(p, whole);
    }
}

/// Quotient and remainder; nearly every call has one part of columns.
#[inline(always)]
fn split(number: u64, by: u64) -> (u64, u64) {
    if by == 1 {
        return (number, 0);
    }
    let quotient = number / by;
    (quotient, number - quotient * by)
}

/// The segments of a warp, a group of lanes each. Returns the number of the one that this lane's group leaves to the
/// block, if it does.
#[inline(always)]
unsafe fn reduce_segments<T: Scalar, R: Finish, const COLUMNS: usize>(
    p: &SegmentParams,
    task: u64,
    groups: u32,
) -> u64 {
    let group_log2 = p.lanes_log2 + p.ways_log2;
    let group = lane_id() >> group_log2;
    let in_group = lane_id() - (group << group_log2);
    let way = in_group >> p.lanes_log2;
    let lane = in_group - (way << p.lanes_log2);
    let number = task * groups as u64 + group as u64;
    let exists = number < p.b * p.n * p.column_parts;
    let row = RowTask::<COLUMNS>::new(p, if exists { number } else { 0 }, lane);
    let is_active = exists && row.column < p.k;

    let chunk = 1 << p.chunk_log2;
    let is_cut = p.chunks_per_b != 0 && row.length > chunk;
    let is_left = p.chunks_per_b == 0 && row.length > p.longest as u64;
    let length = if !is_active || is_left {
        0
    } else if is_cut {
        // Up to the next multiple of the chunk's length.
        chunk - (row.start & (chunk - 1))
    } else {
        row.length
    };
    let piece = row.piece(length as u32);
    let has_holes = sees_holes(p, row.row, row.start, length as u32, 0, 1);
    let folded = piece.fold::<T, R, COLUMNS>(p, row.column, way, 1 << p.ways_log2, has_holes).join_lanes::<R>(
        p.lanes_log2,
        group_log2,
        p.is_mean != 0,
    );
    if is_active && way == 0 {
        if is_cut {
            let chunk = row.b * p.chunks_per_b + (row.start >> p.chunk_log2);
            records::store::<T::Accumulator, R, u32, COLUMNS>(
                p,
                (chunk, Record::Begins),
                row.column,
                folded,
                row.start,
            );
        } else if !is_left {
            row.store::<T, R>(p, folded);
        }
    }
    if exists && is_left {
        number
    } else {
        NONE
    }
}

/// What a chunk has of the long segment that began before it, if there is one. One warp.
#[inline(always)]
unsafe fn reduce_chunk<T: Scalar, R: Finish, const COLUMNS: usize>(p: &SegmentParams, task: u64) {
    let (number, part) = split(task, p.column_parts);
    let (b, chunk) = if p.b == 1 { (0, number) } else { split(number, p.chunks_per_b) };
    let length = 1 << p.chunk_log2;
    let from = chunk << p.chunk_log2;
    let indptr = Indptr::new(p, b);
    // The segment of the chunk's first element; none begins before the first chunk.
    let entries = if chunk == 0 { 0 } else { indptr.count_up_to(from, lane_id()) };
    let mut goes_on = NONE;
    let mut end = 0;
    if entries > 0 && entries <= p.n {
        let id = entries - 1;
        let start = indptr.get(id);
        end = indptr.get(entries);
        if start < from && end > from && end - start > length {
            goes_on = id;
        }
    }
    if part == 0 && lane_id() == 0 {
        memory::store((p.going_on as *mut u64).add(number as usize), goes_on);
    }
    if goes_on == NONE {
        return;
    }
    let way = lane_id() >> p.lanes_log2;
    let lane = lane_id() - (way << p.lanes_log2);
    let column = ((part << p.lanes_log2) + lane as u64) * COLUMNS as u64;
    let length = length.min(end - from) as u32;
    let has_holes = warp::any(FULL_MASK, sees_holes(p, indptr.row, from, length, lane_id(), WARP_SIZE));
    let length = if column < p.k { length } else { 0 };
    let folded = Piece { b, row: indptr.row, id: goes_on, from, length }
        .fold::<T, R, COLUMNS>(p, column, way, WARP_SIZE >> p.lanes_log2, has_holes)
        .join_lanes::<R>(p.lanes_log2, WARP_SIZE.trailing_zeros(), p.is_mean != 0);
    if way == 0 && column < p.k {
        records::store::<T::Accumulator, R, u32, COLUMNS>(p, (number, Record::GoesOn), column, folded, from);
    }
}

/// The segments that the groups of a block have left to it.
#[inline(always)]
unsafe fn reduce_left<T: Scalar, R: Finish, const COLUMNS: usize>(p: &SegmentParams, left: u64) {
    if barrier::sync_threads_or((left != NONE) as u32) == 0 {
        return;
    }
    // A number for each lane; those of one group are the same.
    let numbers = shared_array![u64; THREADS];
    memory::store(numbers.add(thread_idx_x() as usize), left);
    barrier::sync_threads();
    let way = thread_idx_x() >> p.lanes_log2;
    let lane = thread_idx_x() - (way << p.lanes_log2);
    let mut group = 0;
    while group < THREADS {
        let number = memory::load(numbers.add(group).cast_const());
        group += 1 << (p.lanes_log2 + p.ways_log2);
        if number == NONE {
            continue;
        }
        let row = RowTask::<COLUMNS>::new(p, number, lane);
        // There are no chunks where 32 bits do not hold the length.
        let length = row.length as u32;
        let sees_holes = sees_holes(p, row.row, row.start, length, thread_idx_x(), THREADS as u32);
        let has_holes = barrier::sync_threads_or(sees_holes as u32) != 0;
        let folded = row.piece(if row.column < p.k { length } else { 0 }).fold::<T, R, COLUMNS>(
            p,
            row.column,
            way,
            THREADS as u32 >> p.lanes_log2,
            has_holes,
        );
        let folded = block::join::<T::Accumulator, R, u32, COLUMNS>(folded, p.lanes_log2);
        if way == 0 && row.column < p.k {
            row.store::<T, R>(p, folded);
        }
    }
    // The numbers may be written again.
    barrier::sync_threads();
}
