//! Which rows of `src` the elements of segments are: the rows in their order, or those that an index names.

use kernel_params::{Divisor, GatherSegmentParams, SegmentParams};
use nvptx_arch::hint;

use super::{
    columns::Load,
    fold::{Fold, Folded},
    gathered::{Batch, GatheredRows},
    piece::Piece,
};
use crate::{
    batch::{each, BATCH},
    element::Scalar,
};

/// Which rows of `src` the elements of segments are.
pub trait Rows {
    /// The parameter of the kernels.
    type Params;
    /// Whether elements may be left out, so that a partial result has a count of its own.
    const LEAVES_OUT: bool;
    /// Whether a sorted index gives the segments. Then they may have holes, and the kernel before the first one has just
    /// made the indptr, so the caches hold it.
    const SEGMENTS_ARE_BY_INDEX: bool;
    /// Whether the first column parts of all segments come first, then their second ones, and so on. Otherwise the parts
    /// of a segment are neighbours.
    const TAKES_PARTS_APART: bool;
    /// Whether `arg_out` may have other numbers than positions.
    const MAY_HAVE_ARGS: bool;

    /// What the parameter says of the segments.
    fn segments(p: &Self::Params) -> &SegmentParams;

    /// Splits the number of a team, counted over all column parts of all segments, into the segment and the part.
    fn split_parts(p: &Self::Params, number: u64) -> (u64, u64);

    /// Divides by the number of column parts that the second kernel takes of a chunk tile at a time.
    fn parts_of_pass(p: &Self::Params) -> &Divisor;

    /// Folds every 2^`ways_log2`-th element of a piece, beginning with element `way`. If the piece may have holes, it
    /// skips elements that do not belong to the segment.
    unsafe fn fold<T: Scalar, R: Fold, L: Load, const COLUMNS: usize>(
        p: &Self::Params,
        piece: &Piece,
        way: u32,
        ways_log2: u32,
        has_holes: bool,
    ) -> Folded<T::Accumulator, u32, COLUMNS>;
}

/// The rows of `src` in their order.
pub struct InOrder<const HAS_INDEX: bool>;

impl<const HAS_INDEX: bool> Rows for InOrder<HAS_INDEX> {
    type Params = SegmentParams;
    const LEAVES_OUT: bool = HAS_INDEX;
    const SEGMENTS_ARE_BY_INDEX: bool = HAS_INDEX;
    const TAKES_PARTS_APART: bool = false;
    const MAY_HAVE_ARGS: bool = false;

    #[inline(always)]
    fn segments(p: &SegmentParams) -> &SegmentParams {
        p
    }

    /// With one part, the usual case, there is no division.
    #[inline(always)]
    fn split_parts(p: &SegmentParams, number: u64) -> (u64, u64) {
        if p.column_parts.value == 1 {
            return (number, 0);
        }
        p.column_parts.divide(number)
    }

    #[inline(always)]
    fn parts_of_pass(p: &SegmentParams) -> &Divisor {
        &p.column_parts
    }

    #[inline(always)]
    unsafe fn fold<T: Scalar, R: Fold, L: Load, const COLUMNS: usize>(
        p: &SegmentParams,
        piece: &Piece,
        way: u32,
        ways_log2: u32,
        has_holes: bool,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        piece.fold::<T, R, L, COLUMNS>(p, way, ways_log2, has_holes)
    }
}

/// The rows of `src` that an index names, each times its weight, if there are weights.
pub struct ByIndex;

impl Rows for ByIndex {
    type Params = GatherSegmentParams;
    const LEAVES_OUT: bool = true;
    const SEGMENTS_ARE_BY_INDEX: bool = false;
    // What is read of `src` at a time is then one part of each row, and the second-level cache holds that part of more
    // rows. (256 columns in two parts, 262,144 rows of `src`: 2 % faster; in four parts 8 %. H100.) Where each row is read
    // once, the first kernel takes the parts of a segment one after the other: neighbours in memory at about the same
    // time. (256 columns in four parts: 8 % faster. H200.)
    const TAKES_PARTS_APART: bool = true;
    const MAY_HAVE_ARGS: bool = true;

    #[inline(always)]
    fn segments(p: &GatherSegmentParams) -> &SegmentParams {
        &p.segments
    }

    #[inline(always)]
    fn split_parts(p: &GatherSegmentParams, number: u64) -> (u64, u64) {
        if p.segments.column_parts.value == 1 {
            return (number, 0);
        }
        let (outer, inner) = p.by_inner.divide(number);
        if p.parts_are_neighbours != 0 {
            (outer, inner)
        } else {
            (inner, outer)
        }
    }

    #[inline(always)]
    fn parts_of_pass(p: &GatherSegmentParams) -> &Divisor {
        &p.one_part
    }

    /// ```text
    /// for each batch of elements:
    ///     if there is a perm: load their numbers
    ///     load their indices
    ///     load the weights of those that are not left out
    ///     load the rows that the indices name; for an element that is left out, row 0 instead
    ///     take the elements that are not left out, one by one
    /// ```
    #[inline(always)]
    unsafe fn fold<T: Scalar, R: Fold, L: Load, const COLUMNS: usize>(
        p: &GatherSegmentParams,
        piece: &Piece,
        way: u32,
        ways_log2: u32,
        _: bool,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        let mut folded = Folded::<T::Accumulator, u32, COLUMNS>::empty::<R>();
        let rows = GatheredRows::new::<T>(p, piece);
        let mut at = way;
        // A round takes the batch that the round before it has loaded. If it loaded and took the same batch, ptxas would
        // make the loads wait for each other, to save registers.
        let mut batch = Batch::nothing();
        loop {
            let Batch { values, weights, are_there } = batch;
            each(|i| {
                let element = at.wrapping_sub(((BATCH - i) as u32) << ways_log2);
                folded.take_weighted::<T, R>(&values[i], weights[i], element, are_there[i]);
                folded.count += are_there[i] as u32;
            });
            if at >= rows.length {
                return folded;
            }
            batch = rows.load::<T, L, COLUMNS>(p, at, ways_log2);
            if R::HAS_POSITION {
                // The folds of sums stay behind the loads as they are. (64 columns of float32: maxima took 1.6 times as
                // long as sums without this. H200.)
                let words = [1, 2, 3].map(|i| word_of(batch.values[i][0]));
                batch.are_there[0] = hint::after_loads(batch.are_there[0], words);
            }
            at += (BATCH as u32) << ways_log2;
        }
    }
}

/// The first 32 bits of a value, or all bits of a narrower one.
#[inline(always)]
unsafe fn word_of<T: Scalar>(value: T) -> u32 {
    if size_of::<T>() < size_of::<u32>() {
        core::mem::transmute_copy::<T, u16>(&value) as u32
    } else {
        core::mem::transmute_copy(&value)
    }
}
