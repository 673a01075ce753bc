//! The last step of a segment: finish its result with base, store value and position.

use kernel_params::SegmentParams;
use nvptx_arch::memory;

use super::{
    columns::{load_columns, store_columns},
    fold::{Fold, Folded, Position},
};
use crate::element::Scalar;

/// Finishes a segment and stores it at the position `at` in `out` and `arg_out`. `u32` positions in `folded` are
/// relative to `origin`.
#[inline(always)]
pub unsafe fn store<T: Scalar, R: Fold, P: Position, const COLUMNS: usize>(
    p: &SegmentParams,
    at: usize,
    folded: Folded<T::Accumulator, P, COLUMNS>,
    origin: u64,
) {
    let bases = if p.base != 0 { load_columns((p.base as *const T).add(at)) } else { [T::ZERO; COLUMNS] };
    let (values, positions) = R::finish(p, folded, origin, bases);
    store_columns((p.out as *mut T).add(at), values);
    if R::HAS_POSITION {
        store_args(p, at, positions);
    }
}

/// Stores positions in `arg_out`, if there is one.
#[inline(always)]
unsafe fn store_args<const COLUMNS: usize>(p: &SegmentParams, at: usize, positions: [u64; COLUMNS]) {
    if p.arg_out == 0 {
        return;
    }
    if p.arg_is_wide != 0 {
        for (i, position) in positions.into_iter().enumerate() {
            memory::store((p.arg_out as *mut i64).add(at + i), position as i64);
        }
    } else {
        for (i, position) in positions.into_iter().enumerate() {
            memory::store((p.arg_out as *mut i32).add(at + i), position as i32);
        }
    }
}
