//! The last step of a segment: finish its result with base, store value and position.

use kernel_params::SegmentParams;
use nvptx_arch::memory;

use super::{
    columns::{load_columns, store_columns},
    fold::{Fold, Folded, Position},
    indptr::{self, Indptr},
};
use crate::{element::Scalar, layout::split_rows};

/// Finishes a segment and stores it at the position `at` in `out` and `arg_out`. `u32` positions in `folded` are
/// relative to `origin`. `number` is the segment's, counted over all b, if `arg_out` may have other numbers than
/// positions.
#[inline(always)]
pub unsafe fn store<T: Scalar, R: Fold, P: Position, const COLUMNS: usize>(
    p: &SegmentParams,
    at: usize,
    folded: Folded<T::Accumulator, P, COLUMNS>,
    origin: u64,
    number: Option<u64>,
) {
    let bases = if p.base != 0 { load_columns((p.base as *const T).add(at)) } else { [T::ZERO; COLUMNS] };
    let (values, positions) = R::finish(p, folded, origin, bases);
    store_columns((p.out as *mut T).add(at), values);
    if R::HAS_POSITION && p.arg_out != 0 {
        let args = match number {
            Some(number) if p.args != 0 => load_args(p, number, positions),
            Some(_) | None => positions,
        };
        store_args(p, at, args);
    }
}

/// The numbers that `arg_out` has for positions. E stays E.
#[inline(always)]
unsafe fn load_args<const COLUMNS: usize>(p: &SegmentParams, number: u64, positions: [u64; COLUMNS]) -> [u64; COLUMNS] {
    let (b, _) = split_rows(number, &p.by_n, p.b);
    let first = Indptr::new(p, b).row * p.e;
    let mut args = positions;
    for arg in &mut args {
        if *arg < p.e {
            *arg = indptr::load(p.args, p.indptr_is_wide, first + *arg) as u64;
        }
    }
    args
}

/// Stores numbers in `arg_out`.
#[inline(always)]
unsafe fn store_args<const COLUMNS: usize>(p: &SegmentParams, at: usize, args: [u64; COLUMNS]) {
    if p.arg_is_wide != 0 {
        for (i, arg) in args.into_iter().enumerate() {
            memory::store((p.arg_out as *mut i64).add(at + i), arg as i64);
        }
    } else {
        for (i, arg) in args.into_iter().enumerate() {
            memory::store((p.arg_out as *mut i32).add(at + i), arg as i32);
        }
    }
}
