//! Sums of float32, float16 and bfloat16 for an index that is the same along a row and advances evenly over the leading
//! axes, where the lanes of a warp fill whole rows: their columns, WIDTH of them for each lane, are a power of two.
//!
//! A lane keeps its columns from row to row. Many rows that go to one group would wait for each other at its address. So
//! each warp takes a contiguous part of the rows, looks at the first of them for a group that comes up twice, and keeps
//! that group's sums in registers:
//!
//! ```text
//! hot = the group that comes up most often among the first rows of the warp's part, if one comes up twice
//! for each row (b, e) of the part and each WIDTH columns of it, a lane each:
//!     n = index of (b, e)
//!     if n is hot: kept += src[b, e, columns]
//!     else:        accumulators[b, n, columns] += src[b, e, columns]
//! accumulators[hot, columns] += the sum of kept over the lanes of those columns
//! ```

use cuda_std::prelude::*;
use kernel_params::ScatterParams;
use nvptx_arch::{
    hint, index, memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::vectors::{join, load};
use crate::{
    batch::{each, BATCH},
    element::{Float32, Index},
    layout::{even_index_position, split_rows},
};

/// The fewest rows of a warp's part among which a hot group is looked for: a second window, to which the find applies. There
/// are two batches, too.
const SHORTEST_SAMPLED: u32 = 2 * WARP_SIZE;

/// Stands for no row of `out`, which are counted in 32 bits.
const NONE: u32 = u32::MAX;

/// One column at a time.
#[inline(always)]
pub unsafe fn accumulate_singles<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 1>(p);
}

/// Four columns at a time: `src` and the accumulators are aligned to four values.
#[inline(always)]
pub unsafe fn accumulate_quads<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 4>(p);
}

#[inline(always)]
unsafe fn accumulate<T: Float32, I: Index, const WIDTH: usize>(p: &ScatterParams) {
    let lane = index::lane_id();
    let columns_log2 = (p.k as u32 / WIDTH as u32).trailing_zeros();
    let rows_at_once = WARP_SIZE >> columns_log2;
    let row_of_lane = lane >> columns_log2;
    let column = (lane - (row_of_lane << columns_log2)) as usize * WIDTH;
    let warps_per_block = (thread::block_dim_x() / WARP_SIZE) as u64;
    let warp = thread::block_idx_x() as u64 * warps_per_block + (thread::thread_idx_x() / WARP_SIZE) as u64;
    let first = warp * p.rows_of_warp;
    let rows = p.b * p.e;
    if first >= rows {
        return;
    }
    let part = Part { p, first, rows: p.rows_of_warp.min(rows - first) as u32 };

    let mut hot = NONE;
    let mut is_sampled = part.rows < SHORTEST_SAMPLED.max(2 * BATCH as u32 * rows_at_once);
    let src = (p.src as *const T).add((first * p.k) as usize + column);
    let mut kept = [-0.0; WIDTH];
    let mut keeps = false;
    let mut row = row_of_lane;
    while row < part.rows {
        // All of a batch's loads are on the way before the first of them is waited for.
        let rows = each(|i| row + i as u32 * rows_at_once);
        let out_rows = each(|i| part.out_row::<I>(rows[i]));
        let values = each(|i| load::<T, WIDTH>(src.add(rows[i].min(part.rows - 1) as usize * p.k as usize)));
        // After the first loads, which are on their way meanwhile.
        if !hint::opaque_bool(is_sampled) {
            hot = if WIDTH == 1 {
                // One or two columns, where src is aligned: the batch itself is as many rows or half of them. Loading others
                // would take 3 % of all.
                Part::hot_group(lane, out_rows, 1 << columns_log2)
            } else {
                part.find_hot_group::<I>(lane)
            };
            is_sampled = true;
        }
        each(|i| {
            if out_rows[i] == hot && hot != NONE {
                keeps = true;
                for column in 0..WIDTH {
                    kept[column] += values[i][column];
                }
            } else if out_rows[i] != NONE {
                join(p, out_rows[i] as u64 * p.k + column as u64, values[i]);
            }
        });
        row += BATCH as u32 * rows_at_once;
    }
    if warp::any(FULL_MASK, keeps) {
        add_up_columns(columns_log2, &mut kept);
        // A lane that kept nothing adds -0, the sum of nothing, so the first lane of each column has the whole.
        if row_of_lane == 0 {
            join(p, hot as u64 * p.k + column as u64, kept);
        }
    }
}

/// Neighbouring rows that a warp has, of which there is one at least.
struct Part<'a> {
    p: &'a ScatterParams,
    first: u64,
    rows: u32,
}

impl Part<'_> {
    /// The row of `out` that a row of the part goes to; [`NONE`] for a bad index, and for a row behind the end.
    #[inline(always)]
    unsafe fn out_row<I: Index>(&self, row: u32) -> u32 {
        // Without a branch, so that the loads of several rows are on the way together.
        let (b, e) = split_rows(self.first + row.min(self.rows - 1) as u64, &self.p.by_e, self.p.b);
        let at = even_index_position(&self.p.layout, b, e);
        // Once for most rows; those of the first windows a second time shortly after.
        let group = memory::load_streaming((self.p.index as *const I).add(at as usize)).group(self.p.n);
        if row < self.rows {
            group.map_or(NONE, |group| (b * self.p.n + group) as u32)
        } else {
            NONE
        }
    }

    /// [`hot_group`](Self::hot_group) of the first rows, one for each lane in each window.
    #[inline(always)]
    unsafe fn find_hot_group<I: Index>(&self, lane: u32) -> u32 {
        Self::hot_group(lane, each(|window| self.out_row::<I>(window as u32 * WARP_SIZE + lane)), 1)
    }

    /// The row of `out` that most of some rows go to, if two of one window do; [`NONE`] otherwise. Each window has a row for
    /// each lane, or for as many neighbours as have the same one. A group with one row in 23, as in the skewed benchmark,
    /// comes up twice in one window of 32 rows with a chance of 0.42, so in one of 4 with 0.89.
    #[inline(always)]
    unsafe fn hot_group(lane: u32, windows: [u32; BATCH], lanes_of_row: u32) -> u32 {
        let mut hot = NONE;
        let mut most = lanes_of_row;
        each(|window| {
            let out_row = windows[window];
            let peers = warp::match_any(FULL_MASK, out_row).count_ones();
            let peers = if out_row == NONE { 0 } else { peers };
            if warp::any(FULL_MASK, peers > most) {
                let mut best = peers * WARP_SIZE + lane;
                let mut distance = WARP_SIZE / 2;
                while distance > 0 {
                    best = best.max(warp::shuffle_xor(FULL_MASK, best, distance, WARP_SIZE));
                    distance /= 2;
                }
                most = best / WARP_SIZE;
                hot = warp::shuffle_idx(FULL_MASK, out_row, best % WARP_SIZE, WARP_SIZE);
            }
        });
        hot
    }
}

/// Adds up the values of the lanes that have the same columns; the first ones of each column have the sums.
#[inline(always)]
unsafe fn add_up_columns<const WIDTH: usize>(columns_log2: u32, values: &mut [f32; WIDTH]) {
    let mut distance = WARP_SIZE / 2;
    while distance >> columns_log2 > 0 {
        for value in values.iter_mut() {
            *value += warp::shuffle_xor(FULL_MASK, *value, distance, WARP_SIZE);
        }
        distance /= 2;
    }
}
