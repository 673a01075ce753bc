//! Which element a thread works on, and where its index lies.

use cuda_std::prelude::*;
use kernel_params::{IndexLayout, ScatterParams, MAX_LAYOUT_AXES};
use nvptx_arch::memory;

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

/// Position in the index tensor: the broadcast, as arithmetic. The loop's bound is constant so that the
/// parameter stays in registers: an array indexed by a variable would be copied to local memory.
#[inline(always)]
fn index_position(layout: &IndexLayout, element: &Element) -> u64 {
    let mut offset = element.e * layout.stride_e;
    let (trailing, leading) = (layout.trailing as usize, layout.leading as usize);
    let mut rest = element.k;
    for axis in 0..MAX_LAYOUT_AXES {
        if axis == trailing {
            rest = element.b;
        }
        if axis == trailing + leading {
            break;
        }
        let run = &layout.axes[axis];
        // The outermost run on either side has no remainder to leave.
        if axis + 1 == trailing || axis + 1 == trailing + leading {
            offset += rest * run.stride;
        } else {
            let (quotient, remainder) = divide(rest, run.size);
            offset += remainder * run.stride;
            rest = quotient;
        }
    }
    offset
}

/// Whether the index is the same along k, so that an index stands for a whole row.
#[inline(always)]
pub fn is_row_index(layout: &IndexLayout) -> bool {
    let mut same = true;
    for axis in 0..MAX_LAYOUT_AXES {
        if axis < layout.trailing as usize {
            same &= layout.axes[axis].stride == 0;
        }
    }
    same
}
