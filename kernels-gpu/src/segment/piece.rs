//! A piece of a segment, folded by lanes that share its elements and columns.

use kernel_params::SegmentParams;
use nvptx_arch::warp::{self, FULL_MASK, WARP_SIZE};

use super::{
    fold::{Fold, Partial, Position},
    indptr::Membership,
    store::{load_readonly_columns, Load},
};
use crate::{
    batch::{each, BATCH},
    element::{Accumulator, Scalar},
};

/// Neighbouring elements of one segment, in some neighbouring columns.
pub struct Piece {
    /// Position before the reduced axis.
    pub b: u64,
    /// The row of the index or indptr for it.
    pub row: u64,
    /// The segment.
    pub id: u64,
    /// The first element along the reduced axis.
    pub from: u64,
    /// The first column.
    pub column: u64,
    /// How many elements.
    pub length: u32,
}

/// What some elements of a segment have come to, in some neighbouring columns.
#[derive(Clone, Copy)]
pub struct Folded<A, P, const COLUMNS: usize> {
    /// For each column.
    pub partials: [Partial<A, P>; COLUMNS],
    /// How many elements there were.
    pub count: P,
}

impl<A: Accumulator, P: Position, const COLUMNS: usize> Folded<A, P, COLUMNS> {
    /// No elements.
    #[inline(always)]
    pub fn empty<R: Fold>() -> Self {
        Self { partials: [Partial::empty::<R>(); COLUMNS], count: 0.into() }
    }

    /// Takes one more element, which lies behind all so far, if it is there, but does not count it.
    #[inline(always)]
    pub fn take<T: Scalar<Accumulator = A>, R: Fold>(&mut self, values: &[T; COLUMNS], position: P, is_there: bool) {
        for (partial, value) in self.partials.iter_mut().zip(values) {
            R::take(partial, value.widen(), position, is_there);
        }
    }

    /// What both have come to together; they are of one segment.
    #[inline(always)]
    pub fn join<R: Fold>(self, other: Self) -> Self {
        let mut both = self;
        both.count = both.count + other.count;
        for i in 0..COLUMNS {
            both.partials[i] = R::join(self.partials[i], other.partials[i]);
        }
        both
    }

    /// Joins what the lanes of a warp have whose numbers differ in multiples of 2^`lanes_log2`, below 2^`end_log2`; each
    /// of them has the result. All lanes of the warp take part.
    #[inline(always)]
    pub unsafe fn join_lanes<R: Fold>(self, lanes_log2: u32, end_log2: u32, counts: bool) -> Self {
        let mut joined = self;
        for log2 in lanes_log2..end_log2 {
            let mut other = joined;
            for i in 0..COLUMNS {
                other.partials[i] = R::shuffle_xor(joined.partials[i], 1 << log2);
            }
            if counts {
                other.count = warp::shuffle_xor(FULL_MASK, joined.count, 1 << log2, WARP_SIZE);
            }
            joined = joined.join::<R>(other);
        }
        joined
    }
}

impl Piece {
    /// Folds every 2^`ways_log2`-th element from `way` on, in the columns from the first one on. Where there may be holes, elements
    /// whose index is another's are left out.
    #[inline(always)]
    pub unsafe fn fold<T: Scalar, R: Fold, L: Load, const COLUMNS: usize>(
        &self,
        p: &SegmentParams,
        way: u32,
        ways_log2: u32,
        has_holes: bool,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        if has_holes {
            self.fold_with_holes::<T, R, L, COLUMNS>(p, way, ways_log2)
        } else {
            self.fold_all::<T, R, L, COLUMNS>(p, way, ways_log2)
        }
    }

    /// ```text
    /// for each BATCH of the elements:
    ///     load them all, the first of them in place of those behind the end
    ///     take them one by one
    /// ```
    #[inline(always)]
    unsafe fn fold_all<T: Scalar, R: Fold, L: Load, const COLUMNS: usize>(
        &self,
        p: &SegmentParams,
        way: u32,
        ways_log2: u32,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        let mut folded = Folded::<T::Accumulator, u32, COLUMNS>::empty::<R>();
        let stride = (p.k << ways_log2) as usize;
        let mut src = self.src::<T>(p).wrapping_add(way as usize * p.k as usize);
        let mut at = way;
        while at < self.length {
            let batch: [[T; COLUMNS]; BATCH] = each(|i| {
                let is_there = at + ((i as u32) << ways_log2) < self.length;
                let from = if is_there { src.wrapping_add(i * stride) } else { src };
                load_readonly_columns::<T, L, COLUMNS>(from)
            });
            each(|i| {
                let element = at + ((i as u32) << ways_log2);
                folded.take::<T, R>(&batch[i], element, element < self.length);
            });
            at += (BATCH as u32) << ways_log2;
            src = src.wrapping_add(BATCH * stride);
        }
        // From `way` to below `length` in steps of 2^`ways_log2`.
        folded.count = if way < self.length { ((self.length - 1 - way) >> ways_log2) + 1 } else { 0 };
        folded
    }

    /// One by one, which takes no registers for what is rare.
    #[inline(always)]
    unsafe fn fold_with_holes<T: Scalar, R: Fold, L: Load, const COLUMNS: usize>(
        &self,
        p: &SegmentParams,
        way: u32,
        ways_log2: u32,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        let mut folded = Folded::<T::Accumulator, u32, COLUMNS>::empty::<R>();
        let membership = Membership::new(p, self.row, self.from);
        let mut element = way;
        while element < self.length {
            if membership.is_of(element, self.id) {
                let from = self.src::<T>(p).wrapping_add(element as usize * p.k as usize);
                let values = load_readonly_columns::<T, L, COLUMNS>(from);
                folded.take::<T, R>(&values, element, true);
                folded.count += 1;
            }
            element += 1 << ways_log2;
        }
        folded
    }

    /// Where its first element lies.
    #[inline(always)]
    fn src<T>(&self, p: &SegmentParams) -> *const T {
        (p.src as *const T).wrapping_add(((p.e * self.b + self.from) * p.k + self.column) as usize)
    }
}
