//! Pieces of segments. Lanes share the elements and columns of a piece and fold it.

use kernel_params::SegmentParams;

use super::{
    columns::{load_readonly_columns, Load},
    fold::{Fold, Folded},
    indptr::Membership,
};
use crate::{
    batch::{each, BATCH},
    element::Scalar,
};

/// Neighbouring elements of one segment, in neighbouring columns.
pub struct Piece {
    /// The position before the reduced axis.
    pub b: u64,
    /// The row of the index or indptr for this `b`.
    pub row: u64,
    /// The number of the segment, below N.
    pub id: u64,
    /// The first element, along the reduced axis.
    pub from: u64,
    /// The first column.
    pub column: u64,
    /// The number of elements.
    pub length: u32,
}

impl Piece {
    /// Folds every 2^`ways_log2`-th element, beginning with element `way`. If the piece may have holes, it skips
    /// elements that do not belong to the segment.
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
    /// for each batch of elements:
    ///     load them all; behind the end of the piece, load the batch's first element again
    ///     take those before the end, one by one
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
        // The number of elements from `way` to below `length`, in steps of 2^`ways_log2`.
        folded.count = if way < self.length { ((self.length - 1 - way) >> ways_log2) + 1 } else { 0 };
        folded
    }

    /// Element by element, without a batch: holes are rare, and a second batch would need registers.
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

    /// The address of the first element.
    #[inline(always)]
    pub fn src<T>(&self, p: &SegmentParams) -> *const T {
        (p.src as *const T).wrapping_add(((p.e * self.b + self.from) * p.k + self.column) as usize)
    }
}
