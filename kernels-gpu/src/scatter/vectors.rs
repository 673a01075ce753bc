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
    element::{Float32, Index},
    layout::{for_each_position, Element},
};

/// How many windows of a row for each lane are looked at for a hot group: a group with one row in 23, as in the skewed
/// benchmark, comes up twice in one window of 32 with a chance of 0.42, so in one of 4 with 0.89.
const SAMPLED_WINDOWS: u64 = 4;

/// Stands for no group.
const NONE: u64 = u64::MAX;

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
    // Where a warp's lanes fill whole rows, a lane keeps its columns from row to row.
    if columns <= WARP_SIZE as u64 && columns.is_power_of_two() {
        accumulate_rows::<T, I, WIDTH>(p, columns);
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
unsafe fn accumulate_rows<T: Float32, I: Index, const WIDTH: usize>(p: &ScatterParams, columns: u64) {
    let lane = index::lane_id() as u64;
    let rows_at_once = WARP_SIZE as u64 / columns;
    let (column, row_of_lane) = (lane % columns, lane / columns);
    let warps_per_block = (thread::block_dim_x() / WARP_SIZE) as u64;
    let warp = thread::block_idx_x() as u64 * warps_per_block + (thread::thread_idx_x() / WARP_SIZE) as u64;
    let warps = thread::grid_dim_x() as u64 * warps_per_block;
    let rows = p.b * p.e;
    let part = rows.div_ceil(warps).next_multiple_of(rows_at_once);
    let start = (warp * part).min(rows);
    let end = (start + part).min(rows);

    let hot = find_hot_group::<I>(p, start, end);
    let mut kept = [-0.0; WIDTH];
    let mut keeps = false;
    let mut row = start + row_of_lane;
    while row < end {
        if let Some(out_row) = element(p, row).out_row::<I>(p) {
            let position = row * columns + column;
            let values: [f32; WIDTH] = load((p.src as *const T).add(position as usize * WIDTH));
            if out_row == hot {
                keeps = true;
                for (kept, value) in kept.iter_mut().zip(values) {
                    *kept += value;
                }
            } else {
                join(p, out_row * columns + column, values);
            }
        }
        row += rows_at_once;
    }
    if warp::any(FULL_MASK, keeps) {
        add_up_columns(columns as u32, &mut kept);
        // A lane that kept nothing adds -0, the sum of nothing, so the first lane of each column has the whole.
        if row_of_lane == 0 {
            join(p, hot * columns + column, kept);
        }
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

/// The row of `out` that most of the rows from `start` on go to, if two of one window do; NONE otherwise.
#[inline(always)]
unsafe fn find_hot_group<I: Index>(p: &ScatterParams, start: u64, end: u64) -> u64 {
    // Groups are compared as 32-bit words.
    if p.b * p.n >= u32::MAX as u64 {
        return NONE;
    }
    let lane = index::lane_id();
    let mut hot = NONE;
    let mut most = 1;
    for window in 0..SAMPLED_WINDOWS {
        let first = start + window * WARP_SIZE as u64;
        if first >= end {
            break;
        }
        let row = first + lane as u64;
        let group = if row < end { element(p, row).out_row::<I>(p) } else { None };
        let word = group.map_or(u32::MAX, |group| group as u32);
        let peers = warp::match_any(FULL_MASK, word).count_ones();
        let peers = if group.is_some() { peers } else { 0 };
        if warp::any(FULL_MASK, peers > most) {
            let mut best = peers * WARP_SIZE + lane;
            let mut distance = WARP_SIZE / 2;
            while distance > 0 {
                best = best.max(warp::shuffle_xor(FULL_MASK, best, distance, WARP_SIZE));
                distance /= 2;
            }
            most = best / WARP_SIZE;
            hot = warp::shuffle_idx(FULL_MASK, word, best % WARP_SIZE, WARP_SIZE) as u64;
        }
    }
    hot
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
