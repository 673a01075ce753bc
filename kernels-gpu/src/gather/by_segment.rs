//! gather_csr: each row of `out` is the row of `src` whose segment it lies in.

use kernel_params::GatherParams;
use nvptx_arch::{
    index::lane_id,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    copy::{copy_batch, index_row, index_row_of_runs, load_or_zero, Place},
    walk::{Walk, TILE},
    NONE,
};
use crate::{
    batch::{each, BATCH},
    element::Index,
    items::Warps,
    word::Word,
};

/// ```text
/// for each row tile of out, for each share of its words: one warp
///     for each row (b, e), a lane each:
///         s = the last segment of indptr's row b that starts at or before e
///     for each word of the share, in row (b, e), a lane each:
///         out's word = the same word of src's row (b, s), or zeros if there is no such segment or it has ended
/// ```
#[inline(always)]
pub unsafe fn by_segment<W: Word, I: Index, P: Place>(p: &GatherParams, warps: Warps) {
    copy_rows_by_segment::<W, I, P>(p, warps, index_row);
}

/// [`by_segment`] for an indptr that does not advance evenly over the leading axes.
#[inline(always)]
pub unsafe fn by_segment_in_runs<W: Word, I: Index>(p: &GatherParams, warps: Warps) {
    copy_rows_by_segment::<W, I, u64>(p, warps, index_row_of_runs);
}

#[inline(always)]
unsafe fn copy_rows_by_segment<W: Word, I: Index, P: Place>(
    p: &GatherParams,
    warps: Warps,
    start_of_row: impl Fn(&GatherParams, u64) -> u64,
) {
    let tiles = (p.b * p.e).div_ceil(TILE);
    warps.for_each(p.groups_of_tiles * p.parts.value, |task| {
        let (first, part) = p.parts.divide(task);
        let mut walk = Walk::<I>::new(core::ptr::null());
        for tile in first * p.tiles..((first + 1) * p.tiles).min(tiles) {
            let rows = walk.rows_of_src(p, tile, &start_of_row);
            copy_tile::<W, P>(p, tile, part, rows);
        }
    });
}

/// [`by_segment`] for rows of one word, and B = 1. A warp takes [`BATCH`] row tiles at a time, so that a lane loads a
/// batch of words, and one walk along indptr serves all of them.
#[inline(always)]
pub unsafe fn batches_by_segment<W: Word, I: Index>(p: &GatherParams, warps: Warps) {
    let tiles = p.e.div_ceil(BATCH as u64 * TILE);
    warps.for_each(p.groups_of_tiles, |first| {
        let mut walk = Walk::<I>::new(p.index as *const I);
        for tile in first * p.tiles..((first + 1) * p.tiles).min(tiles) {
            let first = tile * BATCH as u64 * TILE;
            let sources = walk.segments_of_rows(p, first);
            let positions = each(|i| first + i as u64 * TILE + lane_id() as u64);
            copy_batch::<W, u64>(p, sources, p.out as *mut W, positions, p.e);
        }
    });
}

/// Copies one of the shares of a tile's words. `row` is the row of `src` for this lane's row of the tile.
#[inline(always)]
unsafe fn copy_tile<W: Word, P: Place>(p: &GatherParams, tile: u64, part: u64, row: u64) {
    let first = tile * TILE;
    let rows = TILE.min(p.b * p.e - first);
    if p.words == 1 {
        let lane = lane_id() as u64;
        if lane < rows {
            W::store((p.out as *mut W).add((first + lane) as usize), load_or_zero::<W, u64>(p, row));
        }
        return;
    }
    let batch = (BATCH * WARP_SIZE as usize) as u64;
    let share = if p.parts.value == 1 {
        TILE * p.words
    } else {
        let (share, _) = p.parts.divide(TILE * p.words + p.parts.value - 1);
        share.next_multiple_of(batch)
    };
    let out = (p.out as *mut W).add((first * p.words) as usize);
    // Where this lane's row of src starts. Other lanes get it by a shuffle.
    let row = if row == NONE { P::NONE } else { P::of(row * p.words) };
    let end = P::of(((part + 1) * share).min(rows * p.words));
    let mut start = P::of(part * share);
    while start < end {
        let positions = each(|i| start + P::of((i as u32 * WARP_SIZE + lane_id()) as u64));
        let sources = each(|i| {
            let (row_of_tile, word) = positions[i].min(end - P::of(1)).split_words(p);
            let row = warp::shuffle_idx(FULL_MASK, row, row_of_tile.as_usize() as u32, WARP_SIZE);
            if row == P::NONE {
                P::NONE
            } else {
                row + word
            }
        });
        copy_batch(p, sources, out, positions, end);
        start = start + P::of(batch);
    }
}
