//! Sums and means of float32, float16 and bfloat16, for an index that is the same for all columns of a row.
//!
//! A vector is COLUMNS neighbouring columns of a row. A thread reads the index once for all of them, and adds them with
//! one vector atomic if the architecture has vector atomics. For a mean, the thread with a row's first column counts the
//! row. A thread takes the same columns of a batch of rows that lie far apart, so that the threads of a warp take neighbours.

use kernel_params::ScatterParams;
use nvptx_arch::atomic::{self, AtomicAdd};

use super::count_one;
use crate::{
    batch::{each, BATCH},
    element::{Float32, Index},
    items::Threads,
    layout::Element,
};

/// With four columns at a time, the number of columns is a multiple of 4, and `src` and the accumulators are aligned to
/// four values.
#[inline(always)]
pub unsafe fn accumulate<T: Float32, I: Index, const COLUMNS: usize, const COUNTS: bool>(
    p: &ScatterParams,
    threads: Threads,
) {
    let rows = p.b * p.e;
    let distance = rows.div_ceil(BATCH as u64);
    threads.for_each(distance * (p.k / COLUMNS as u64), |vector| {
        let (first, column) = p.by_k.divide(vector * COLUMNS as u64);
        let numbers = each(|i| first + i as u64 * distance);
        // Behind the end, the first row again. All loads come before the first use.
        let out_rows = each(|i| Element::of_row(p, if numbers[i] < rows { numbers[i] } else { first }).out_row::<I>(p));
        let values = each(|i| {
            let row = if numbers[i] < rows { numbers[i] } else { first };
            load::<T, COLUMNS>((p.src as *const T).add((row * p.k + column) as usize))
        });
        each(|i| {
            if let (true, Some(out_row)) = (numbers[i] < rows, out_rows[i]) {
                join(p, out_row * p.k + column, values[i]);
                if COUNTS && column == 0 {
                    count_one(p, out_row);
                }
            }
        });
    });
}

/// Loads COLUMNS neighbouring values.
#[inline(always)]
pub unsafe fn load<T: Float32, const COLUMNS: usize>(from: *const T) -> [f32; COLUMNS] {
    const { assert!(COLUMNS == 1 || COLUMNS == 4, "one value or four are loaded at a time") };
    if COLUMNS == 4 {
        let quad = T::load_streaming_x4(from);
        core::array::from_fn(|lane| quad[lane % 4])
    } else {
        core::array::from_fn(|lane| T::load_streaming(from.add(lane)).widen())
    }
}

/// Adds COLUMNS neighbouring values to their accumulators. `place` is the position of the first accumulator.
#[inline(always)]
pub unsafe fn join<const COLUMNS: usize>(p: &ScatterParams, place: u64, values: [f32; COLUMNS]) {
    const { assert!(COLUMNS == 1 || COLUMNS == 4, "one value or four are added at a time") };
    let to = (p.accumulators as *mut f32).add(place as usize);
    if COLUMNS == 4 {
        atomic::reduce_add_f32x4(to, core::array::from_fn(|lane| values[lane % COLUMNS]));
    } else {
        for (lane, &value) in values.iter().enumerate() {
            f32::reduce_add(to.add(lane), value);
        }
    }
}
