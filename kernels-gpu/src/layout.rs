//! Which element a thread works on, and where its index lies.

use cuda_std::prelude::*;
use kernel_params::{Divisor, IndexLayout, OffsetsParams, ScatterParams};
use nvptx_arch::{memory, warp::WARP_SIZE};

use crate::element::Index;

/// Calls `visit` with every position below `count` that is this thread's: its own number in the grid, then
/// a whole grid further each time.
#[inline(always)]
pub fn for_each_position(count: u64, mut visit: impl FnMut(u64)) {
    let threads = thread::grid_dim_x() as u64 * thread::block_dim_x() as u64;
    let mut position = thread::block_idx_x() as u64 * thread::block_dim_x() as u64 + thread::thread_idx_x() as u64;
    while position < count {
        visit(position);
        position += threads;
    }
}

/// Calls `visit` with every task below `count` that is this thread's warp's: its number in the grid, then all the grid's
/// warps further each time.
#[inline(always)]
pub fn for_each_task_of_warp(count: u64, mut visit: impl FnMut(u64)) {
    let warps_per_block = (thread::block_dim_x() / WARP_SIZE) as u64;
    let warps = thread::grid_dim_x() as u64 * warps_per_block;
    let mut task = thread::block_idx_x() as u64 * warps_per_block + (thread::thread_idx_x() / WARP_SIZE) as u64;
    while task < count {
        visit(task);
        task += warps;
    }
}

/// How many warps further on those are for which a warp has the elements of an index fetched that they will wait for: about as many
/// as run at once on the largest device so far (132 multiprocessors of four blocks).
pub const WARPS_AHEAD: u64 = 4096;

/// Which of `rows` rows a position lies in that is counted over all of them, and where in it; the divisor is their length.
/// Without a division where there is one row, as nearly always.
#[inline(always)]
pub fn split_rows(position: u64, by_length: &Divisor, rows: u64) -> (u64, u64) {
    if rows == 1 {
        (0, position)
    } else {
        by_length.divide(position)
    }
}

/// An element of `src` seen as [B, E, K].
#[derive(Clone, Copy)]
pub struct Element {
    /// Position before the reduced axis.
    pub b: u64,
    /// Position along the reduced axis.
    pub e: u64,
    /// Position after the reduced axis.
    pub k: u64,
}

impl Element {
    /// The element at a row-major position.
    #[inline(always)]
    pub fn at(p: &ScatterParams, position: u64) -> Self {
        let (row, k) = p.by_k.divide(position);
        Self { k, ..Self::of_row(p, row) }
    }

    /// The first element of a row, counted over all b and e.
    #[inline(always)]
    pub fn of_row(p: &ScatterParams, row: u64) -> Self {
        let (b, e) = split_rows(row, &p.by_e, p.b);
        Self { b, e, k: 0 }
    }

    /// The row of `out` seen as [B * N, K] that the element's index names; None for one outside [0, N).
    #[inline(always)]
    pub unsafe fn out_row<I: Index>(&self, p: &ScatterParams) -> Option<u64> {
        let index = (p.index as *const I).add(index_position(&p.layout, self) as usize);
        let group = memory::load_readonly(index).group(p.n)?;
        Some(self.b * p.n + group)
    }
}

/// Position in the index tensor: the broadcast, as arithmetic.
#[inline(always)]
unsafe fn index_position(layout: &IndexLayout, element: &Element) -> u64 {
    element.e * layout.stride_e
        + offset(layout.stride_b, layout.offsets_b, element.b)
        + offset(layout.stride_k, layout.offsets_k, element.k)
}

/// The same for the first element of a row, where the index advances evenly over the leading axes.
#[inline(always)]
pub fn even_index_position(layout: &IndexLayout, b: u64, e: u64) -> u64 {
    e * layout.stride_e + b * layout.stride_b
}

/// How far a position on one side of the reduced axis moves the index.
#[inline(always)]
unsafe fn offset(stride: u64, offsets: u64, position: u64) -> u64 {
    if offsets == 0 {
        position * stride
    } else {
        // SAFETY: the host has put one for each position there ([`store_offsets`]).
        memory::load_readonly((offsets as *const u64).add(position as usize))
    }
}

/// Makes the offsets of one side of a layout, for the kernels that follow.
#[inline(always)]
pub unsafe fn store_offsets(p: &OffsetsParams) {
    for_each_position(p.count, |position| {
        memory::store((p.offsets as *mut u64).add(position as usize), p.runs.offset_unrolled(position));
    });
}

/// Whether the index is the same along k, so that an index stands for a whole row.
#[inline(always)]
pub fn is_row_index(layout: &IndexLayout) -> bool {
    layout.stride_k == 0 && layout.offsets_k == 0
}

/// Where the index of the elements at `b` before the reduced axis starts, for an index without trailing axes.
#[inline(always)]
pub unsafe fn index_offset(layout: &IndexLayout, b: u64) -> u64 {
    offset(layout.stride_b, layout.offsets_b, b)
}
