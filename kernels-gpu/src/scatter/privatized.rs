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
    element::{Float32, Index},
    layout::{for_each_position, Element},
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

    let columns = p.k / WIDTH as u64;
    for_each_position(p.b * p.e * columns, |position| {
        let row = position / columns;
        let column = position - row * columns;
        let element = Element { b: row / p.e, e: row % p.e, k: 0 };
        if let Some(row) = element.out_row::<I>(p) {
            let to = sums.add(((row * columns + column) * WIDTH as u64) as usize);
            let values = vectors::load::<T, WIDTH>((p.src as *const T).add(position as usize * WIDTH));
            for (lane, &value) in values.iter().enumerate() {
                atomic::shared_reduce_add_f32(to.add(lane), value);
            }
        }
    });
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
