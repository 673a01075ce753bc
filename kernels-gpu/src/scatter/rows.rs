//! Sums and means of float32, float16 and bfloat16, for an index that is the same for all columns of a row and advances evenly
//! over the leading axes. A lane takes COLUMNS columns, and the lanes for a row are a power of two up to 32, so that a
//! warp takes whole rows. If COLUMNS times a power of two is no row, the last lanes of a row have nothing to do.
//!
//! If many rows go to one group, their atomics wait for each other. So each warp takes neighbouring rows, samples the
//! first of them for a group that occurs twice, and keeps the sums of this hot group in registers:
//!
//! ```text
//! hot = the group that occurs most often among the first rows of the warp, if one occurs twice
//! for each row (b, e) of the warp and each COLUMNS columns of it, a lane each:
//!     n = index of (b, e)
//!     if n is hot: kept += src[b, e, columns]
//!     else:        accumulators[b, n, columns] += src[b, e, columns]
//! accumulators[hot, columns] += the sum of kept over the lanes of those columns
//! ```
//! For a mean, the lanes with a row's first columns count the row in the same way.

use kernel_params::ScatterParams;
use nvptx_arch::{
    atomic::AtomicAdd,
    hint,
    index::lane_id,
    memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    count_one,
    vectors::{join, load},
};
use crate::{
    batch::{each, BATCH},
    element::{Float32, Index},
    items::Warps,
    layout::{even_index_position, split_rows},
};

/// The fewest rows of a warp among which it samples, if the sample is read ahead. With fewer, no rows would be left to
/// which the found group applies.
const SHORTEST_SAMPLED: u32 = 2 * WARP_SIZE;

/// Stands for no row of `out`. Rows of `out` are counted in 32 bits.
const NONE: u32 = u32::MAX;

/// With four columns at a time, `src` and the accumulators are aligned to four values.
#[inline(always)]
pub unsafe fn accumulate<T: Float32, I: Index, const COLUMNS: usize, const COUNTS: bool>(
    p: &ScatterParams,
    warps: Warps,
) {
    let lane = lane_id();
    let Place { columns_log2, row_of_lane, column, is_idle } = Place::of::<COLUMNS>(lane, p.k as u32);
    let rows_at_once = WARP_SIZE >> columns_log2;
    let first = warps.number() * p.rows_of_warp;
    let rows = p.b * p.e;
    if first >= rows {
        return;
    }
    let rows_of_warp = Rows { p, first, rows: p.rows_of_warp.min(rows - first) as u32 };

    let mut hot = NONE;
    // All lanes sample, so each of them has a row.
    let shortest = if COLUMNS == 1 { rows_at_once } else { SHORTEST_SAMPLED.max(2 * BATCH as u32 * rows_at_once) };
    let mut is_sampled = rows_of_warp.rows < shortest;
    let src = (p.src as *const T).add((first * p.k) as usize + column);
    let mut kept = [-0.0; COLUMNS];
    let mut kept_rows = 0;
    let mut keeps = false;
    let mut row = row_of_lane;
    while row < rows_of_warp.rows {
        // The thread issues all loads of a batch before it waits for the first.
        let rows = each(|i| row + i as u32 * rows_at_once);
        let out_rows = each(|i| rows_of_warp.out_row::<I>(if is_idle { rows_of_warp.rows } else { rows[i] }));
        let values = each(|i| load::<T, COLUMNS>(src.add(rows[i].min(rows_of_warp.rows - 1) as usize * p.k as usize)));
        // The warp samples after it has issued the loads of the first batch, so that both run at the same time.
        if !hint::opaque_bool(is_sampled) {
            hot = if COLUMNS == 1 {
                // The rows of the first batch are the sample: with few columns they are enough.
                Rows::hot_group(lane, out_rows, p.k as u32 / COLUMNS as u32)
            } else {
                rows_of_warp.find_hot_group::<I>(lane)
            };
            is_sampled = true;
        }
        each(|i| {
            if out_rows[i] == hot && hot != NONE {
                keeps = true;
                kept_rows += 1;
                for column in 0..COLUMNS {
                    kept[column] += values[i][column];
                }
            } else if out_rows[i] != NONE {
                join(p, out_rows[i] as u64 * p.k + column as u64, values[i]);
                if COUNTS && column == 0 {
                    count_one(p, out_rows[i] as u64);
                }
            }
        });
        row += BATCH as u32 * rows_at_once;
    }
    if warp::any(FULL_MASK, keeps) {
        // Computed anew, so that they take no registers in the loop.
        let lane = hint::opaque(lane_id());
        let Place { columns_log2, row_of_lane, column, is_idle } = Place::of::<COLUMNS>(lane, hint::opaque(p.k as u32));
        add_up_columns(columns_log2, &mut kept);
        // A lane that kept nothing adds -0, the sum of no elements. The first lane of each column has the sum.
        if row_of_lane == 0 && !is_idle {
            join(p, hot as u64 * p.k + column as u64, kept);
        }
        if COUNTS {
            let kept_rows = add_up_lanes(columns_log2, kept_rows);
            if lane == 0 {
                u64::reduce_add((p.counts as *mut u64).add(hot as usize), kept_rows as u64);
            }
        }
    }
}

/// Which columns of which row a lane takes, of the rows that a warp takes at once.
struct Place {
    /// The power of two of the lanes for a row.
    columns_log2: u32,
    row_of_lane: u32,
    /// The first of the lane's columns; column 0 for an idle lane.
    column: usize,
    /// Whether there is no column for the lane.
    is_idle: bool,
}

impl Place {
    /// The place of a lane in rows of `k` columns, of which a lane takes COLUMNS.
    #[inline(always)]
    fn of<const COLUMNS: usize>(lane: u32, k: u32) -> Self {
        let columns_log2 = (k / COLUMNS as u32).next_power_of_two().trailing_zeros();
        let row_of_lane = lane >> columns_log2;
        let column = (lane - (row_of_lane << columns_log2)) * COLUMNS as u32;
        let is_idle = column >= k;
        Self { columns_log2, row_of_lane, column: if is_idle { 0 } else { column as usize }, is_idle }
    }
}

/// The neighbouring rows of a warp, at least one.
struct Rows<'a> {
    p: &'a ScatterParams,
    first: u64,
    rows: u32,
}

impl Rows<'_> {
    /// The row of `out` that a row goes to. [`NONE`] for a bad index, and for a row behind the end.
    #[inline(always)]
    unsafe fn out_row<I: Index>(&self, row: u32) -> u32 {
        // There is no branch before the load, so that a lane can issue the loads of several rows together.
        let (b, e) = split_rows(self.first + row.min(self.rows - 1) as u64, &self.p.by_e, self.p.b);
        let at = even_index_position(&self.p.layout, b, e);
        // Streamed, because most rows are read once. Those of the sample are read a second time soon after.
        let group = memory::load_streaming((self.p.index as *const I).add(at as usize)).group(self.p.n);
        if row < self.rows {
            group.map_or(NONE, |group| (b * self.p.n + group) as u32)
        } else {
            NONE
        }
    }

    /// [`hot_group`](Self::hot_group) of the first rows: a row for each lane in each window.
    #[inline(always)]
    unsafe fn find_hot_group<I: Index>(&self, lane: u32) -> u32 {
        Self::hot_group(lane, each(|window| self.out_row::<I>(window as u32 * WARP_SIZE + lane)), 1)
    }

    /// The row of `out` that most rows of a window go to, if at least two rows of one window go there. Otherwise
    /// [`NONE`].
    ///
    /// A window is one value of `out_rows` in each lane; `lanes_of_row` neighbouring lanes have the same row, and others
    /// have [`NONE`]. A group
    /// with one row in 23 occurs twice in one window of 32 rows with probability 0.42, so in one of four windows with
    /// 0.89.
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

/// Adds the numbers of the lanes that have the same columns. Every lane has its sum.
#[inline(always)]
unsafe fn add_up_lanes(columns_log2: u32, mut number: u32) -> u32 {
    let mut distance = WARP_SIZE / 2;
    while distance >> columns_log2 > 0 {
        number += warp::shuffle_xor(FULL_MASK, number, distance, WARP_SIZE);
        distance /= 2;
    }
    number
}

/// [`add_up_lanes`] of COLUMNS values.
#[inline(always)]
unsafe fn add_up_columns<const COLUMNS: usize>(columns_log2: u32, values: &mut [f32; COLUMNS]) {
    let mut distance = WARP_SIZE / 2;
    while distance >> columns_log2 > 0 {
        for value in values.iter_mut() {
            *value += warp::shuffle_xor(FULL_MASK, *value, distance, WARP_SIZE);
        }
        distance /= 2;
    }
}
