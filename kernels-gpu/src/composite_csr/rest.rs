//! The last kernel of softmax: what the first one has left.

use kernel_params::CompositeCsrParams;
use nvptx_arch::hint;

use super::{
    columns::{each_column, store_columns},
    finish::map,
    known::load_pair,
    reduce::{bounds, Share},
};
use crate::{
    composite::Float,
    element::Accumulator,
    items::Blocks,
    layout::split_rows,
    segment::{warp_of_block, Long, Record, Streamed, Tile, NONE, WARPS},
};

/// Neighbouring elements whose results are stored together.
#[derive(Clone, Copy, Default)]
struct Span {
    /// The first element, along the reduced axis, and the number of elements.
    from: u64,
    length: u64,
    /// The record with what the results are computed with. [`NONE`] if they are 0.
    record: u64,
}

/// Which elements of a chunk.
#[derive(Clone, Copy)]
enum Kind {
    /// Those of the long segment that goes on in it. The second chunk of a segment also has those of the first one.
    Long = 0,
    /// Those before the first segment.
    Before = 1,
    /// Those behind the last segment.
    Behind = 2,
}

impl Span {
    /// `chunk` is counted over all b.
    #[inline(always)]
    unsafe fn find(p: &CompositeCsrParams, chunk: u64, kind: u32) -> Option<Self> {
        let s = &p.segments;
        let (b, chunk_of_b) = split_rows(chunk, &s.by_chunks_per_b, s.b);
        let start = chunk_of_b << s.chunk_log2;
        let behind = (start + (1 << s.chunk_log2)).min(s.e);
        let (from, to, record) = if kind == Kind::Long as u32 {
            if s.n == 0 {
                // The notes are written with the segments.
                return None;
            }
            let long = Long::in_chunk(s, chunk)?;
            let is_second = chunk == long.first_record + 1;
            let from = if is_second { long.start } else { start };
            (from, long.end.min(behind), Record::Begins.number(long.first_record))
        } else {
            let (first, last) = bounds(p, b);
            if kind == Kind::Before as u32 {
                (start, first.min(behind), NONE)
            } else {
                (last.max(start), behind, NONE)
            }
        };
        (from < to).then(|| Self { from, length: to - from, record })
    }
}

/// ```text
/// for each kind of elements, for each chunk tile: one block
///     for each of its chunks that has such elements, for each column part: one warp
///         store their results
/// ```
/// If the axis has no chunks, the whole axis counts as one.
#[inline(always)]
pub unsafe fn map_rest<T: Float, const COLUMNS: usize>(p: &CompositeCsrParams, blocks: Blocks) {
    let s = &p.segments;
    let chunks = s.b * s.chunks_per_b.max(1);
    // The usual case: every element is in a segment.
    let are_all_inside = s.b == 1 && bounds(p, 0) == (0, s.e);
    let last_kind = if are_all_inside { Kind::Long } else { Kind::Behind } as u32;
    let mut kind = Kind::Long as u32;
    while kind <= last_kind {
        let mut first = blocks.number() << s.tile_log2;
        while first < chunks {
            let behind = chunks.min(first + (1 << s.tile_log2));
            let find = |chunk| if chunk < behind { unsafe { Span::find(p, chunk, kind) } } else { None };
            let tile = Tile::new(first, &s.column_parts, find);
            let mut number = warp_of_block() as u64;
            while number < tile.tasks() {
                let task = tile.task(number);
                let span = Span {
                    from: task.value(tile.own.from),
                    length: task.value(tile.own.length),
                    record: task.value(tile.own.record),
                };
                let (b, _) = split_rows(task.chunk, &s.by_chunks_per_b, s.b);
                let share = Share::new::<COLUMNS>(p, &task, b, span.from, span.length);
                store_span::<T, COLUMNS>(p, &share, span.record);
                number += WARPS as u64;
            }
            first += blocks.count() << s.tile_log2;
        }
        // Opaque to the compiler, so that it does not unroll the loop.
        kind = hint::opaque(kind) + 1;
    }
}

#[inline(always)]
unsafe fn store_span<T: Float, const COLUMNS: usize>(p: &CompositeCsrParams, share: &Share, record: u64) {
    let s = &p.segments;
    let Share { piece, way, ways_log2 } = share;
    if piece.length == 0 {
        return;
    }
    if record != NONE {
        let mut settled = [[T::Accumulator::ZERO; 2]; COLUMNS];
        each_column!(COLUMNS, I => {
            settled[I] = load_pair(s, record, piece.column + I as u64);
        });
        map::<T, Streamed, COLUMNS>(p, piece, *way, *ways_log2, settled);
        return;
    }
    let mut at = *way;
    while at < piece.length {
        let place = ((s.e * piece.b + piece.from + at as u64) * s.k + piece.column) as usize;
        store_columns((s.out as *mut T).add(place), [T::ZERO; COLUMNS]);
        at += 1 << ways_log2;
    }
}
