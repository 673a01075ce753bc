//! Which element a thread works on, and where its index lies.

use cuda_std::prelude::*;
use kernel_params::{IndexLayout, LayoutAxis, ScatterParams};
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

/// Which of `rows` rows a position lies in that is counted over all of them, each `length` long, and where in it. Without
/// a division where there is one row, as nearly always.
#[inline(always)]
pub fn split_rows(position: u64, length: u64, rows: u64) -> (u64, u64) {
    if rows == 1 {
        (0, position)
    } else {
        divide(position, length)
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
        let (row, k) = divide(position, p.k);
        let (b, e) = divide(row, p.e);
        Self { b, e, k }
    }

    /// The row of `out` seen as [B * N, K] that the element's index names; None for one outside [0, N).
    #[inline(always)]
    pub unsafe fn out_row<I: Index>(&self, p: &ScatterParams) -> Option<u64> {
        let index = (p.index as *const I).add(index_position(&p.layout, self) as usize);
        let group = memory::load_readonly(index).group(p.n)?;
        Some(self.b * p.n + group)
    }
}

/// Quotient and remainder. LLVM's back end for PTX tries 32 bits first by itself.
#[inline(always)]
fn divide(dividend: u64, divisor: u64) -> (u64, u64) {
    let quotient = dividend / divisor;
    (quotient, dividend - quotient * divisor)
}

/// Position in the index tensor: the broadcast, as arithmetic.
#[inline(always)]
fn index_position(layout: &IndexLayout, element: &Element) -> u64 {
    let along = element.e * layout.stride_e;
    if layout.runs != 0 {
        let runs = layout.runs as *const LayoutAxis;
        // SAFETY: the host has put `trailing + leading` runs there (`store_runs`).
        return unsafe {
            along
                + run_offset(runs, layout.trailing, element.k)
                + run_offset(runs.add(layout.trailing as usize), layout.leading, element.b)
        };
    }
    // At most one run on either side: the first of them is after the reduced axis, if there is one there.
    let (trailing, leading) = match layout.trailing {
        0 => (0, layout.axes[0].stride),
        _ => (layout.axes[0].stride, layout.axes[1].stride),
    };
    along + element.k * trailing + element.b * leading
}

/// How far a position, split over the runs, moves the index.
#[inline(always)]
unsafe fn run_offset(runs: *const LayoutAxis, count: u32, position: u64) -> u64 {
    let mut rest = position;
    let mut offset = 0;
    for run in 0..count as usize {
        let size = memory::load_readonly(&raw const (*runs.add(run)).size);
        let stride = memory::load_readonly(&raw const (*runs.add(run)).stride);
        let (quotient, remainder) = divide(rest, size);
        offset += remainder * stride;
        rest = quotient;
    }
    offset
}

/// Copies the runs of a layout to where it says they are, for the kernels that follow.
#[inline(always)]
pub unsafe fn store_runs(layout: &IndexLayout) {
    if thread::block_idx_x() == 0 && thread::thread_idx_x() == 0 {
        let runs = layout.runs as *mut LayoutAxis;
        for (at, run) in layout.axes.iter().enumerate() {
            memory::store(&raw mut (*runs.add(at)).size, run.size);
            memory::store(&raw mut (*runs.add(at)).stride, run.stride);
        }
    }
}

/// Whether the index is the same along k, so that an index stands for a whole row.
#[inline(always)]
pub fn is_row_index(layout: &IndexLayout) -> bool {
    // Neighbouring axes along which the index stands still are one run.
    layout.trailing == 0 || layout.trailing == 1 && layout.axes[0].stride == 0
}

/// Where the index of the elements at `b` before the reduced axis starts, for an index without trailing axes.
#[inline(always)]
pub fn index_offset(layout: &IndexLayout, b: u64) -> u64 {
    index_position(layout, &Element { b, e: 0, k: 0 })
}
