//! Attention over segments of rows that an index names: each row times the softmax of its score, summed.
//!
//! The algorithm is that of [`segment`](crate::segment) over a cut axis, with another partial result (`Attended`): the
//! largest score so far, and the sums with that score subtracted. A larger score rescales the sums, so each score and
//! each row is read once, and no softmax is stored. (M. Milakov and N. Gimelshein, "Online normalizer calculation for
//! softmax", 2018.) No atomics touch the sums, so the bits of a result depend on the sizes and the input alone.
//!
//! 1. [`reduce_cut`]: a group of lanes takes each segment. If the segment is no longer than a chunk, the group stores its
//!    result. Otherwise it leaves a record of the first chunk.
//! 2. [`reduce_chunks`] leaves records of the other chunks of long segments.
//! 3. [`combine`] joins the records of each long segment and stores its result.
//!
//! Modules, from low to high: `attended` <- `records`.

mod attended;
mod records;

use core::marker::PhantomData;

use kernel_params::GatherSegmentParams;
use nvptx_arch::{hint::opaque_bool, warp::WARP_SIZE};

use crate::{
    composite::Float,
    items::{Blocks, Warps},
    segment::{
        combine_with, for_each_chunk, for_each_cut, ByIndex, Join, Joiners, Kept, Outcome, Piece, Records, Work,
    },
};

use attended::Attended;

/// ```text
/// for each segment, for each column part: one group of lanes
///     write the notes of the chunks that start inside the segment
///     if the segment is longer than a chunk: attend to its elements in its first chunk; leave a record
///     otherwise: attend to its elements; store the result
/// ```
#[inline(always)]
pub unsafe fn reduce_cut<T: Float, const COLUMNS: usize>(p: &GatherSegmentParams, warps: Warps) {
    for_each_cut::<ByIndex, COLUMNS>(p, warps, |work| unsafe { attend::<T, COLUMNS>(p, work) });
}

/// ```text
/// for each column part, for each chunk tile: one block
///     for each of its chunks in which a long segment goes on: one warp
///         attend to the segment's elements in this chunk; leave a record
/// ```
#[inline(always)]
pub unsafe fn reduce_chunks<T: Float, const COLUMNS: usize>(p: &GatherSegmentParams, blocks: Blocks) {
    for_each_chunk::<ByIndex, COLUMNS>(p, blocks, |work| unsafe { attend::<T, COLUMNS>(p, work) });
}

/// Attends to the elements of a piece, and stores what is known of them.
#[inline(always)]
unsafe fn attend<T: Float, const COLUMNS: usize>(p: &GatherSegmentParams, work: &Work) {
    let s = &p.segments;
    let attended = Attended::<T::Accumulator, COLUMNS>::of_piece::<T, Kept>(p, &work.piece, work.way, work.ways_log2);
    let attended = attended.join_lanes(s.lanes_log2, work.join_log2);
    if work.way != 0 {
        return;
    }
    let &Piece { b, id, from, column, .. } = &work.piece;
    match work.outcome {
        Outcome::Whole => attended.store_result::<T>(s, b * s.n + id, column),
        Outcome::Record(record) => {
            records::store(p, record.number(b * s.chunks_per_b + (from >> s.chunk_log2)), column, attended);
        }
        Outcome::Left | Outcome::None => {}
    }
}

/// ```text
/// for each long segment, for each column part: one warp, or a block if there are many records
///     join the records; store the result
/// ```
#[inline(always)]
pub unsafe fn combine<T: Float>(p: &GatherSegmentParams, blocks: Blocks) {
    combine_with::<ByScore<T>>(p, &p.segments, blocks);
}

/// By the scores, to an element of `out`.
struct ByScore<T>(PhantomData<T>);

impl<T: Float> Join for ByScore<T> {
    type Params = GatherSegmentParams;
    const COUNTS: bool = false;

    #[inline(always)]
    unsafe fn join(p: &GatherSegmentParams, records: &Records, joiners: &Joiners) {
        let s = &p.segments;
        // A lane behind the last column reads the last column, and stores nothing.
        let column = joiners.column.min(s.k - 1);
        let nothing = Attended::<T::Accumulator, 1>::nothing();
        let load = |record| unsafe { records::load(p, record, column) };
        let attended = records.fold(joiners, nothing, load, Attended::join);
        let mut attended = attended.join_lanes(s.combine_lanes_log2, WARP_SIZE.trailing_zeros());
        if opaque_bool(joiners.are_block) {
            attended = attended.join_warps(s.combine_lanes_log2);
        }
        if joiners.way == 0 && joiners.column < s.k {
            attended.store_result::<T>(s, records.row, joiners.column);
        }
    }
}
