//! Sums of float32, float16 and bfloat16 for an index that is the same along a row: a thread takes WIDTH neighbouring
//! columns of a row, so the index is read once for all of them, and they join with one vector atomic where the
//! architecture has it.
//!
//! Many rows that go to one group would wait for each other at its address. So each warp takes a contiguous part of the
//! rows, looks at the first of them for a group that comes up twice, and keeps that group's sums in registers:
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
    atomic::{self, AtomicAdd},
    index,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use crate::{
    batch::{each, BATCH},
    element::{Float32, Index},
    layout::{for_each_position, Element},
};

/// The fewest rows of a warp's part among which a hot group is looked for: a second window, to which the find applies.
const SHORTEST_SAMPLED: u64 = 2 * WARP_SIZE as u64;

/// Stands for no row of `out`.
const NONE: u32 = u32::MAX;

/// One column at a time, for any number of columns.
#[inline(always)]
pub unsafe fn accumulate_singles<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 1>(p);
}

/// Four columns at a time: their number is a multiple of 4, and `src` and the accumulators are aligned to four values.
#[inline(always)]
pub unsafe fn accumulate_quads<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 4>(p);
}

#[inline(always)]
unsafe fn accumulate<T: Float32, I: Index, const WIDTH: usize>(p: &ScatterParams) {
    let columns = p.k / WIDTH as u64;
    // Where a warp's lanes fill whole rows, a lane keeps its columns from row to row. Rows of `out` are counted in 32 bits.
    if columns <= WARP_SIZE as u64 && columns.is_power_of_two() && p.b * p.n < NONE as u64 {
        accumulate_rows::<T, I, WIDTH>(p, columns as u32);
        return;
    }
    for_each_position(p.b * p.e * columns, |position| {
        let row = position / columns;
        let column = position - row * columns;
        if let Some(out_row) = element(p, row).out_row::<I>(p) {
            let values = load::<T, WIDTH>((p.src as *const T).add(position as usize * WIDTH));
            join(p, out_row * columns + column, values);
        }
    });
}

/// The rows of this warp's part, `32 / columns` of them at a time.
#[inline(always)]
unsafe fn accumulate_rows<T: Float32, I: Index, const WIDTH: usize>(p: &ScatterParams, columns: u32) {
    let lane = index::lane_id();
    let rows_at_once = WARP_SIZE / columns;
    let (column, row_of_lane) = (lane % columns, lane / columns);
    let warps_per_block = (thread::block_dim_x() / WARP_SIZE) as u64;
    let warp = thread::block_idx_x() as u64 * warps_per_block + (thread::thread_idx_x() / WARP_SIZE) as u64;
    let warps = thread::grid_dim_x() as u64 * warps_per_block;
    let rows = p.b * p.e;
    let share = rows.div_ceil(warps).next_multiple_of(rows_at_once as u64);
    let first = (warp * share).min(rows);
    let part = Part { p, first, rows: share.min(rows - first) as u32 };

    let hot = if share >= SHORTEST_SAMPLED { part.find_hot_group::<I>(lane) } else { NONE };
    let src = (p.src as *const T).add((first * p.k) as usize + column as usize * WIDTH);
    let mut kept = [-0.0; WIDTH];
    let mut keeps = false;
    let mut row = row_of_lane;
    while row < part.rows {
        // All of a batch's loads are on the way before the first of them is waited for.
        let rows = each(|i| row + i as u32 * rows_at_once);
        let out_rows = each(|i| part.out_row::<I>(rows[i]));
        let values = each(|i| load::<T, WIDTH>(src.add(rows[i].min(part.rows - 1) as usize * p.k as usize)));
        each(|i| {
            if out_rows[i] == hot && hot != NONE {
                keeps = true;
                for column in 0..WIDTH {
                    kept[column] += values[i][column];
                }
            } else if out_rows[i] != NONE {
                join(p, out_rows[i] as u64 * columns as u64 + column as u64, values[i]);
            }
        });
        row += BATCH as u32 * rows_at_once;
    }
    if warp::any(FULL_MASK, keeps) {
        add_up_columns(columns, &mut kept);
        // A lane that kept nothing adds -0, the sum of nothing, so the first lane of each column has the whole.
        if row_of_lane == 0 {
            join(p, hot as u64 * columns as u64 + column as u64, kept);
        }
    }
}

/// Neighbouring rows that a warp has.
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
        let out_row = element(self.p, self.first + row.min(self.rows - 1) as u64).out_row::<I>(self.p);
        if row < self.rows {
            out_row.map_or(NONE, |out_row| out_row as u32)
        } else {
            NONE
        }
    }

    /// The row of `out` that most of the first rows go to, if two of one window do; [`NONE`] otherwise. BATCH windows of a
    /// row for each lane are looked at: a group with one row in 23, as in the skewed benchmark, comes up twice in one
    /// window of 32 with a chance of 0.42, so in one of 4 with 0.89.
    #[inline(always)]
    unsafe fn find_hot_group<I: Index>(&self, lane: u32) -> u32 {
        if self.rows == 0 {
            return NONE;
        }
        let mut hot = NONE;
        let mut most = 1;
        let windows = each(|window| self.out_row::<I>(window as u32 * WARP_SIZE + lane));
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

#[inline(always)]
fn element(p: &ScatterParams, row: u64) -> Element {
    if p.b == 1 {
        Element { b: 0, e: row, k: 0 }
    } else {
        Element { b: row / p.e, e: row % p.e, k: 0 }
    }
}

/// Adds up the values of the lanes that have the same columns; the first `columns` lanes have the sums.
#[inline(always)]
unsafe fn add_up_columns<const WIDTH: usize>(columns: u32, values: &mut [f32; WIDTH]) {
    let mut distance = WARP_SIZE / 2;
    while distance >= columns {
        for value in values.iter_mut() {
            *value += warp::shuffle_xor(FULL_MASK, *value, distance, WARP_SIZE);
        }
        distance /= 2;
    }
}

/// WIDTH neighbouring values.
#[inline(always)]
pub unsafe fn load<T: Float32, const WIDTH: usize>(from: *const T) -> [f32; WIDTH] {
    if WIDTH == 4 {
        let quad = T::load_readonly_x4(from);
        core::array::from_fn(|lane| quad[lane % 4])
    } else {
        core::array::from_fn(|lane| T::load_readonly(from.add(lane)).widen())
    }
}

/// Adds WIDTH values to their accumulators, of which `place` counts whole vectors.
#[inline(always)]
unsafe fn join<const WIDTH: usize>(p: &ScatterParams, place: u64, values: [f32; WIDTH]) {
    let to = (p.accumulators as *mut f32).add(place as usize * WIDTH);
    if WIDTH == 4 {
        atomic::reduce_add_f32x4(to, core::array::from_fn(|lane| values[lane % WIDTH]));
    } else {
        for (lane, &value) in values.iter().enumerate() {
            f32::reduce_add(to.add(lane), value);
        }
    }
}
