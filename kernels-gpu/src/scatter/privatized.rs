//! Sums of float32, float16 and bfloat16 into few groups, for an index that is the same along a row: each block adds up
//! its part of `src` in shared memory, where threads that meet in a group cost little, and joins its sums once.
//!
//! ```text
//! sums[b, n, k] = -0 for all, in shared memory of b * n * k values
//! for each row (b, e) of the block and each WIDTH columns of it:
//!     sums[b, index of (b, e), columns] += src[b, e, columns]
//! for each sum that is not -0:
//!     accumulators[b, n, k] += sums[b, n, k]
//! ```

use cuda_std::{prelude::*, shared};
use kernel_params::ScatterParams;
use nvptx_arch::{
    atomic::{self, AtomicAdd},
    memory,
};

use super::vectors;
use crate::{
    batch::{each, BATCH},
    element::{Float32, Index},
    layout::Element,
};

/// One column at a time, for any number of columns.
#[inline(always)]
pub unsafe fn accumulate_singles<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 1>(p);
}

/// Four columns at a time: their number is a multiple of 4, and `src` is aligned to four values.
#[inline(always)]
pub unsafe fn accumulate_quads<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 4>(p);
}

#[inline(always)]
unsafe fn accumulate<T: Float32, I: Index, const WIDTH: usize>(p: &ScatterParams) {
    let sums: *mut f32 = shared::dynamic_shared_mem();
    // -0 is the sum of nothing: added to any value, -0 too, it leaves that value.
    for_each_sum(p, |sum| memory::store(sums.add(sum as usize), -0.0));
    thread::sync_threads();

    let count = p.b * p.e * (p.k / WIDTH as u64);
    let threads = thread::grid_dim_x() as u64 * thread::block_dim_x() as u64;
    let mut first = thread::block_idx_x() as u64 * thread::block_dim_x() as u64 + thread::thread_idx_x() as u64;
    while first < count {
        // All of a batch's loads are on the way before the first of them is waited for.
        let vectors = each(|i| first + i as u64 * threads);
        let positions = each(|i| vectors[i].min(count - 1) * WIDTH as u64);
        let places = each(|i| {
            let (row, column) = p.by_k.divide(positions[i]);
            let out_row = Element::of_row(p, row).out_row::<I>(p);
            out_row.filter(|_| vectors[i] < count).map(|out_row| out_row * p.k + column)
        });
        let values = each(|i| vectors::load::<T, WIDTH>((p.src as *const T).add(positions[i] as usize)));
        each(|i| {
            if let Some(place) = places[i] {
                for (column, &value) in values[i].iter().enumerate() {
                    atomic::shared_reduce_add_f32(sums.add(place as usize + column), value);
                }
            }
        });
        first += BATCH as u64 * threads;
    }
    thread::sync_threads();

    for_each_sum(p, |sum| {
        let value = memory::load(sums.add(sum as usize));
        if value.to_bits() != (-0.0f32).to_bits() {
            f32::reduce_add((p.accumulators as *mut f32).add(sum as usize), value);
        }
    });
}

/// Calls `visit` with every sum that is this thread's within its block.
#[inline(always)]
fn for_each_sum(p: &ScatterParams, mut visit: impl FnMut(u64)) {
    let mut sum = thread::thread_idx_x() as u64;
    while sum < p.b * p.n * p.k {
        visit(sum);
        sum += thread::block_dim_x() as u64;
    }
}
