//! Which element a thread works on, and where the index of that element lies.

use kernel_params::{Divisor, IndexLayout, OffsetsParams, ScatterParams};
use nvptx_arch::memory;

use crate::{element::Index, items::Threads};

/// Splits a position that is counted over `rows` rows into the row and the position within it. `by_length` divides by
/// the length of a row. With one row, the usual case, there is no division.
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

    /// The first element of a row. `row` is counted over all b and e.
    #[inline(always)]
    pub fn of_row(p: &ScatterParams, row: u64) -> Self {
        let (b, e) = split_rows(row, &p.by_e, p.b);
        Self { b, e, k: 0 }
    }

    /// The row of `out`, seen as [B * N, K], that the element's index names. None for an index outside [0, N).
    #[inline(always)]
    pub unsafe fn out_row<I: Index>(&self, p: &ScatterParams) -> Option<u64> {
        let index = (p.index as *const I).add(index_position(&p.layout, self) as usize);
        let group = memory::load_readonly(index).group(p.n)?;
        Some(self.b * p.n + group)
    }
}

/// The position of an element's index in the index tensor.
#[inline(always)]
unsafe fn index_position(layout: &IndexLayout, element: &Element) -> u64 {
    element.e * layout.stride_e
        + offset(layout.stride_b, layout.offsets_b, element.b)
        + offset(layout.stride_k, layout.offsets_k, element.k)
}

/// [`index_position`] of the first element of row (b, e), for an index that advances evenly over the leading axes.
#[inline(always)]
pub fn even_index_position(layout: &IndexLayout, b: u64, e: u64) -> u64 {
    e * layout.stride_e + b * layout.stride_b
}

/// How far a position before or after the reduced axis moves the index, in elements.
#[inline(always)]
unsafe fn offset(stride: u64, offsets: u64, position: u64) -> u64 {
    if offsets == 0 {
        position * stride
    } else {
        // SAFETY: the host has launched [`store_offsets`], which stored an offset for each position.
        memory::load_readonly((offsets as *const u64).add(position as usize))
    }
}

/// Stores the offsets of one side of an [`IndexLayout`], for the kernels that follow.
#[inline(always)]
pub unsafe fn store_offsets(p: &OffsetsParams, threads: Threads) {
    threads.for_each(p.count, |position| {
        memory::store((p.offsets as *mut u64).add(position as usize), p.runs.offset_unrolled(position));
    });
}

/// Whether the index is the same for all columns of a row.
#[inline(always)]
pub fn is_row_index(layout: &IndexLayout) -> bool {
    layout.stride_k == 0 && layout.offsets_k == 0
}

/// The position in the index tensor where the row for `b` starts, for an index without axes after the reduced one.
#[inline(always)]
pub unsafe fn index_offset(layout: &IndexLayout, b: u64) -> u64 {
    offset(layout.stride_b, layout.offsets_b, b)
}
