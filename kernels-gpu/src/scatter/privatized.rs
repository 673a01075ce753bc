//! Sums and means of float32, float16 and bfloat16 into few groups, for an index that is the same for all columns of a row.
//!
//! Each block adds its elements in shared memory, where atomics to the same address cost little, and adds its sums to
//! the accumulators once.
//!
//! ```text
//! sums[b, n, k] = -0 for all, in shared memory of b * n * k values
//! for each row (b, e) of the block and each COLUMNS columns of it:
//!     sums[b, index of (b, e), columns] += src[b, e, columns]
//! for each sum that is not -0:
//!     accumulators[b, n, k] += sums[b, n, k]
//! ```
//! For a mean, b * n counts (u32) lie behind the sums, and are joined in the same way. A block has fewer than 2^32 rows.

use kernel_params::ScatterParams;
use nvptx_arch::{
    atomic::{self, AtomicAdd},
    barrier::sync_threads,
    index::{block_dim_x, thread_idx_x},
    memory, shared,
};

use super::vectors;
use crate::{
    batch::{each, BATCH},
    element::{Float32, Index},
    items::Blocks,
    layout::Element,
};

/// With four columns at a time, the number of columns is a multiple of 4, and `src` is aligned to four values.
#[inline(always)]
pub unsafe fn accumulate<T: Float32, I: Index, const COLUMNS: usize, const COUNTS: bool>(
    p: &ScatterParams,
    blocks: Blocks,
) {
    let sums: *mut f32 = shared::dynamic_shared_mem();
    let (sum_count, row_count) = (p.b * p.n * p.k, p.b * p.n);
    let counts = sums.add(sum_count as usize).cast::<u32>();
    // -0 is the sum of no elements: x + -0 is x for every x, also for -0.
    for_each_of_block(sum_count, |sum| memory::store(sums.add(sum as usize), -0.0));
    if COUNTS {
        for_each_of_block(row_count, |row| memory::store(counts.add(row as usize), 0));
    }
    sync_threads();

    let count = p.b * p.e * (p.k / COLUMNS as u64);
    let threads = blocks.threads().count();
    let mut first = blocks.threads().number();
    while first < count {
        // The thread issues all loads of a batch before it waits for the first.
        let vectors = each(|i| first + i as u64 * threads);
        let positions = each(|i| vectors[i].min(count - 1) * COLUMNS as u64);
        let places = each(|i| {
            let (row, column) = p.by_k.divide(positions[i]);
            let out_row = Element::of_row(p, row).out_row::<I>(p);
            out_row.filter(|_| vectors[i] < count).map(|out_row| (out_row, column))
        });
        let values = each(|i| vectors::load::<T, COLUMNS>((p.src as *const T).add(positions[i] as usize)));
        each(|i| {
            if let Some((out_row, column)) = places[i] {
                let place = (out_row * p.k + column) as usize;
                for (column, &value) in values[i].iter().enumerate() {
                    atomic::shared_reduce_add_f32(sums.add(place + column), value);
                }
                if COUNTS && column == 0 {
                    atomic::shared_fetch_add_u32(counts.add(out_row as usize), 1);
                }
            }
        });
        first += BATCH as u64 * threads;
    }
    sync_threads();

    for_each_of_block(sum_count, |sum| {
        let value = memory::load(sums.add(sum as usize));
        if value.to_bits() != (-0.0f32).to_bits() {
            f32::reduce_add((p.accumulators as *mut f32).add(sum as usize), value);
        }
    });
    if COUNTS {
        for_each_of_block(row_count, |row| {
            let counted = memory::load(counts.add(row as usize));
            if counted != 0 {
                u64::reduce_add((p.counts as *mut u64).add(row as usize), counted as u64);
            }
        });
    }
}

/// A loop over the threads of a block: calls `visit` with each number below `count` that belongs to this thread.
#[inline(always)]
fn for_each_of_block(count: u64, mut visit: impl FnMut(u64)) {
    let mut number = thread_idx_x() as u64;
    while number < count {
        visit(number);
        number += block_dim_x() as u64;
    }
}
