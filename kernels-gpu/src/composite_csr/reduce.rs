//! The kernels that find out what is known of each segment.

use core::marker::PhantomData;

use kernel_params::CompositeCsrParams;
use nvptx_arch::{hint::opaque_bool, index::lane_id, warp::WARP_SIZE};

use super::{
    finish::{keeps_shape, map, settle, store_results},
    known::{store_pair, Known},
    statistic::Statistic,
};
use crate::{
    composite::Float,
    items::{Blocks, Warps},
    layout::split_rows,
    segment::{
        combine_with, first_column, groups_log2, prefetch_entry, tasks, warp_of_block, InOrder, Indptr, Join, Joiners,
        Kept, Long, Outcome, Piece, Record, Records, Streamed, Task, Team, Tile, Work, WARPS,
    },
};

/// ```text
/// for each segment, for each column part: one group of lanes
///     write the notes of the chunks that start inside the segment
///     if the segment is longer than a chunk: reduce its elements in its first chunk; leave a record
///     otherwise: reduce its elements; store the result of the segment, or those of the elements
/// ```
#[inline(always)]
pub unsafe fn reduce_cut<T: Float, S: Statistic, const COLUMNS: usize>(p: &CompositeCsrParams, warps: Warps) {
    let s = &p.segments;
    warps.for_each(tasks(s), |task| {
        let team = Team::group(s, task << groups_log2(s));
        prefetch_entry(s, team.number + (s.prefetch_warps << groups_log2(s)));
        let work = Work::of_team::<InOrder<false>, COLUMNS, true>(s, &team);
        let (piece, way, ways_log2) = (&work.piece, work.way, work.ways_log2);
        let known = Known::<T::Accumulator, COLUMNS>::of_piece::<T, S, Kept>(p, piece, way, ways_log2);
        let known = known.join_lanes::<S>(s.lanes_log2, work.join_log2);
        match work.outcome {
            Outcome::Whole => {
                let settled = settle::<_, S, COLUMNS>(p, known.pairs, piece.length as u64);
                if keeps_shape::<S>(p) {
                    map::<T, Kept, COLUMNS>(p, piece, way, ways_log2, settled);
                } else if way == 0 {
                    store_results::<T, S, COLUMNS>(p, (piece.b * s.n + piece.id) * s.k + piece.column, settled);
                }
            }
            Outcome::Record(record) => {
                if way == 0 {
                    let record = record.number(piece.b * s.chunks_per_b + (piece.from >> s.chunk_log2));
                    known.store::<S>(s, record, piece.column);
                }
            }
            Outcome::Left | Outcome::None => {}
        }
    });
}

/// ```text
/// for each chunk tile: one block
///     for each of its chunks in which a long segment goes on, for each column part: one warp
///         reduce the segment's elements in this chunk; leave a record
/// ```
#[inline(always)]
pub unsafe fn reduce_chunks<T: Float, S: Statistic, const COLUMNS: usize>(p: &CompositeCsrParams, blocks: Blocks) {
    let s = &p.segments;
    let mut first = blocks.number() << s.tile_log2;
    while first < s.b * s.chunks_per_b {
        let behind = first + (1 << s.tile_log2);
        let find = |chunk| if chunk < behind { unsafe { Long::in_chunk(s, chunk) } } else { None };
        let tile = Tile::new(first, &s.column_parts, find);
        let mut number = warp_of_block() as u64;
        while number < tile.tasks() {
            let task = tile.task(number);
            let end = task.value(tile.own.end);
            let (b, chunk) = split_rows(task.chunk, &s.by_chunks_per_b, s.b);
            let from = chunk << s.chunk_log2;
            let share = Share::new::<COLUMNS>(p, &task, b, from, (1 << s.chunk_log2).min(end - from));
            let Share { piece, way, ways_log2 } = &share;
            let known = Known::<T::Accumulator, COLUMNS>::of_piece::<T, S, Streamed>(p, piece, *way, *ways_log2);
            let known = known.join_lanes::<S>(s.lanes_log2, WARP_SIZE.trailing_zeros());
            if *way == 0 && piece.column < s.k {
                known.store::<S>(s, Record::GoesOn.number(task.chunk), piece.column);
            }
            number += WARPS as u64;
        }
        first += blocks.count() << s.tile_log2;
    }
}

/// The share of a lane in some elements of a chunk, which a warp takes.
pub struct Share {
    pub piece: Piece,
    pub way: u32,
    pub ways_log2: u32,
}

impl Share {
    /// In the `length` elements from `from` on, in the task's column part.
    #[inline(always)]
    pub unsafe fn new<const COLUMNS: usize>(
        p: &CompositeCsrParams,
        task: &Task,
        b: u64,
        from: u64,
        length: u64,
    ) -> Self {
        let s = &p.segments;
        let column = first_column::<COLUMNS>(s, task.part, lane_id() & ((1 << s.lanes_log2) - 1));
        // A lane behind the last column has no elements.
        let length = if column < s.k { length as u32 } else { 0 };
        let piece = Piece { b, row: 0, id: 0, from, column, length };
        Self { piece, way: lane_id() >> s.lanes_log2, ways_log2: WARP_SIZE.trailing_zeros() - s.lanes_log2 }
    }
}

/// ```text
/// for each long segment, for each column part: one warp, or a block if there are many records
///     join the records
///     store the result of the segment, or leave in its first record what the elements' results are computed with
/// ```
#[inline(always)]
pub unsafe fn combine<T: Float, S: Statistic>(p: &CompositeCsrParams, blocks: Blocks) {
    combine_with::<ByStatistic<T, S>>(p, &p.segments, blocks);
}

/// By a statistic, to an element of `out` or to the segment's first record.
struct ByStatistic<T, S>(PhantomData<(T, S)>);

impl<T: Float, S: Statistic> Join for ByStatistic<T, S> {
    type Params = CompositeCsrParams;
    const COUNTS: bool = S::IS_COUNTED;

    #[inline(always)]
    unsafe fn join(p: &CompositeCsrParams, records: &Records, joiners: &Joiners) {
        let s = &p.segments;
        // A lane behind the last column reads the last column, and stores nothing.
        let column = joiners.column.min(s.k - 1);
        let load = |record| unsafe { Known::<T::Accumulator, 1>::load::<S>(s, record, column) };
        let known = records.fold(joiners, Known::nothing::<S>(), load, Known::join::<S>);
        let mut known = known.join_lanes::<S>(s.combine_lanes_log2, WARP_SIZE.trailing_zeros());
        if opaque_bool(joiners.are_block) {
            known = known.join_warps::<S>(s.combine_lanes_log2);
        }
        if joiners.way != 0 || joiners.column >= s.k {
            return;
        }
        let settled = settle::<_, S, 1>(p, known.pairs, records.elements);
        if keeps_shape::<S>(p) {
            store_pair(s, Record::Begins.number(records.first), joiners.column, settled[0]);
        } else {
            store_results::<T, S, 1>(p, records.row * s.k + joiners.column, settled);
        }
    }
}

/// The bounds of all segments of a row of indptr: the first element of the first one, and the first element behind the
/// last one. Without segments, there is no element between them.
#[inline(always)]
pub unsafe fn bounds(p: &CompositeCsrParams, b: u64) -> (u64, u64) {
    let s = &p.segments;
    if s.n == 0 {
        return (s.e, s.e);
    }
    let indptr = Indptr::new(s, b);
    (indptr.get(0), indptr.get(s.n))
}
