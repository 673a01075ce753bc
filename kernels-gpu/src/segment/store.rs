//! The last step of a segment: join base, divide a mean, store value and position.

use kernel_params::SegmentParams;
use nvptx_arch::{hint, memory};

use super::{
    columns::{load_columns, store_columns},
    fold::{Fold, Folded, Partial, Position},
};
use crate::element::{Accumulator, Scalar};

/// A reduction that turns a segment's result into elements of `out` and `arg_out`.
pub trait Finish: Fold {
    /// The values for `out`, and the positions for `arg_out`. A position is E where base wins or the segment is empty.
    ///
    /// `bases` are the values of base, or zeros without a base. `u32` positions in `folded` are relative to `origin`.
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        origin: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]);
}

impl Finish for crate::reduction::Sum {
    #[inline(always)]
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        _: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]) {
        let mut sums = [T::Accumulator::ZERO; COLUMNS];
        for i in 0..COLUMNS {
            sums[i] = bases[i].widen().add(folded.partials[i].value);
        }
        if p.is_mean != 0 {
            // A loop with one division, because a division is a hundred instructions to compile. Each round divides the
            // first sum and rotates the sums by one.
            let mut left = COLUMNS as u32;
            while left > 0 {
                let mean = sums[0].divide_by_count(folded.count.into().max(1));
                let mut rotated = [mean; COLUMNS];
                rotated[..COLUMNS - 1].copy_from_slice(&sums[1..]);
                sums = rotated;
                left = hint::opaque(left) - 1;
            }
        }
        let mut values = [T::ZERO; COLUMNS];
        for i in 0..COLUMNS {
            values[i] = T::narrow(sums[i]);
        }
        (values, [p.e; COLUMNS])
    }
}

impl<S: crate::reduction::Selection> Finish for S {
    #[inline(always)]
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        origin: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]) {
        let (mut values, mut positions) = (bases, [p.e; COLUMNS]);
        let has_base = p.base != 0;
        for i in 0..COLUMNS {
            let Partial { value, position } = folded.partials[i];
            let loses = has_base & !S::beats(value, bases[i].widen());
            if (position != P::NONE) & !loses {
                values[i] = T::narrow(value);
                positions[i] = position.on_axis(origin);
            }
        }
        (values, positions)
    }
}

/// Finishes a segment and stores it at the position `at` in `out` and `arg_out`. `u32` positions in `folded` are
/// relative to `origin`.
#[inline(always)]
pub unsafe fn store<T: Scalar, R: Finish, P: Position, const COLUMNS: usize>(
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
