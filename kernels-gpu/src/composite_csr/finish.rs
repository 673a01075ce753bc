//! What becomes of a segment when everything is known of it.

use kernel_params::CompositeCsrParams;
use nvptx_arch::hint;

use super::{
    columns::{each_column, load_columns, store_columns},
    statistic::{Pair, Statistic},
};
use crate::{
    batch::{each, BATCH},
    composite::{shift_of, Float, FloatAccumulator},
    element::Accumulator,
    segment::{Load, Piece},
};

/// Whether the result has an element for each of src's.
#[inline(always)]
pub fn keeps_shape<S: Statistic>(p: &CompositeCsrParams) -> bool {
    S::MAY_KEEP_SHAPE && p.operator != CompositeCsrParams::LOGSUMEXP
}

/// [`Statistic::settle`] for neighbouring columns.
///
/// A loop with one logarithm, because a logarithm is a hundred instructions to compile. Each round settles the first
/// column and rotates the columns by one.
#[inline(always)]
pub fn settle<A: FloatAccumulator, S: Statistic, const COLUMNS: usize>(
    p: &CompositeCsrParams,
    pairs: [Pair<A>; COLUMNS],
    count: u64,
) -> [Pair<A>; COLUMNS] {
    let mut settled = pairs;
    let mut left = COLUMNS as u32;
    while left > 0 {
        let first = S::settle(p, settled[0], count);
        let mut rotated = [first; COLUMNS];
        rotated[..COLUMNS - 1].copy_from_slice(&settled[1..]);
        settled = rotated;
        left = hint::opaque(left) - 1;
    }
    settled
}

/// Stores the results of a segment in neighbouring columns, at the position `at` in `out`.
#[inline(always)]
pub unsafe fn store_results<T: Float, S: Statistic, const COLUMNS: usize>(
    p: &CompositeCsrParams,
    at: u64,
    settled: [Pair<T::Accumulator>; COLUMNS],
) {
    let mut results = [T::ZERO; COLUMNS];
    each_column!(COLUMNS, I => {
        results[I] = S::result::<T>(settled[I]);
    });
    store_columns((p.segments.out as *mut T).add(at as usize), results);
}

/// Stores the softmax or log_softmax of every 2^`ways_log2`-th element of a piece, beginning with element `way`.
#[inline(always)]
pub unsafe fn map<T: Float, L: Load, const COLUMNS: usize>(
    p: &CompositeCsrParams,
    piece: &Piece,
    way: u32,
    ways_log2: u32,
    settled: [Pair<T::Accumulator>; COLUMNS],
) {
    let k = p.segments.k as usize;
    let is_softmax = p.operator == CompositeCsrParams::SOFTMAX;
    let mut from = piece.src::<T>(&p.segments).wrapping_add(way as usize * k);
    // An element of `out` lies as far behind the element of `src`, in bytes.
    let distance = p.segments.out.wrapping_sub(p.segments.src) as usize;
    let change = |value: T, [max, number]: Pair<T::Accumulator>| {
        let shifted = value.widen().sub(shift_of(max));
        // Both, because a condition on the exponential would be a branch for each element.
        let (softmax, log_softmax) = (shifted.exp().mul(number), shifted.sub(number));
        T::narrow(if is_softmax { softmax } else { log_softmax })
    };
    let stride = k << ways_log2;
    let mut at = way;
    while at < piece.length {
        let are_there = each(|i| at + ((i as u32) << ways_log2) < piece.length);
        let batch: [[T; COLUMNS]; BATCH] =
            each(|i| load_columns::<T, L, COLUMNS>(if are_there[i] { from.wrapping_add(i * stride) } else { from }));
        each(|i| {
            let mut results = [T::ZERO; COLUMNS];
            each_column!(COLUMNS, I => {
                results[I] = change(batch[i][I], settled[I]);
            });
            if are_there[i] {
                let to = from.wrapping_add(i * stride).cast_mut().wrapping_byte_add(distance);
                store_columns(to, results);
            }
        });
        at += (BATCH as u32) << ways_log2;
        from = from.wrapping_add(BATCH * stride);
    }
}
