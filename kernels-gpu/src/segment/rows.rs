//! Which rows of `src` the elements of segments are: the rows in their order, or those that an index names.

use kernel_params::{Divisor, GatherSegmentParams, SegmentParams};
use nvptx_arch::{hint, memory};

use super::{
    columns::{load_readonly_columns, Load},
    fold::{Fold, Folded},
    piece::Piece,
};
use crate::{
    batch::{each, BATCH},
    element::{Accumulator, Scalar},
    layout::index_offset,
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
    // rows. (256 columns in two parts, 262,144 rows of `src`: 2 % faster; in four parts 8 %. H100.)
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
        let (part, segment) = p.by_segments.divide(number);
        (segment, part)
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
        let segments = &p.segments;
        // Without rows every element is left out, and there is no row 0.
        let length = if p.rows == 0 { 0 } else { piece.length };
        let order = Order::new(p, piece);
        let index = IndexRow::new(p, piece);
        let weights = WeightRow::new(p, piece);
        let src = (p.segments.src as *const T).wrapping_add((piece.b * p.rows * segments.k + piece.column) as usize);
        let mut at = way;
        // A round takes the batch that the round before it has loaded. If it loaded and took the same batch, ptxas would
        // make the loads wait for each other, to save registers.
        let mut batch = [[T::ZERO; COLUMNS]; BATCH];
        let mut weights_of_batch = [T::Accumulator::ONE; BATCH];
        let mut are_there = [false; BATCH];
        loop {
            each(|i| {
                let element = at.wrapping_sub(((BATCH - i) as u32) << ways_log2);
                folded.take_weighted::<T, R>(&batch[i], weights_of_batch[i], element, are_there[i]);
                folded.count += are_there[i] as u32;
            });
            if at >= length {
                return folded;
            }
            let elements = each(|i| at + ((i as u32) << ways_log2));
            // Behind the end, the batch's first element again.
            let positions = each(|i| if elements[i] < length { elements[i] } else { at });
            let numbers = order.load(positions);
            let rows = index.load(numbers);
            are_there = each(|i| (elements[i] < length) & (rows[i] < p.rows));
            weights_of_batch = weights.load::<T::Accumulator, T>(numbers, are_there);
            batch = each(|i| {
                let row = if rows[i] < p.rows { rows[i] } else { 0 };
                load_readonly_columns::<T, L, COLUMNS>(src.wrapping_add((row * segments.k) as usize))
            });
            if R::HAS_POSITION {
                // The folds of sums stay behind the loads as they are. (64 columns of float32: maxima took 1.6 times as
                // long as sums without this. H200.)
                are_there[0] = hint::after_loads(are_there[0], [1, 2, 3].map(|i| word_of(batch[i][0])));
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

/// The numbers of a piece's elements, at which the index and the weights are read: their positions in the piece, or,
/// with a perm, their positions in the whole row.
struct Order {
    /// The address of the first one in perm. 0 if there is no perm.
    address: u64,
    is_wide: bool,
}

impl Order {
    #[inline(always)]
    unsafe fn new(p: &GatherSegmentParams, piece: &Piece) -> Self {
        let is_wide = p.segments.indptr_is_wide != 0;
        let first = piece.row * p.segments.e + piece.from;
        let address = if p.perm == 0 { 0 } else { p.perm + (first << if is_wide { 3 } else { 2 }) };
        Self { address, is_wide }
    }

    #[inline(always)]
    unsafe fn load(&self, positions: [u32; BATCH]) -> [u32; BATCH] {
        if self.address == 0 {
            positions
        } else if self.is_wide {
            each(|i| memory::load_readonly((self.address as *const i64).add(positions[i] as usize)) as u32)
        } else {
            each(|i| memory::load_readonly((self.address as *const i32).add(positions[i] as usize)) as u32)
        }
    }

    /// The position in the whole row of element 0.
    #[inline(always)]
    fn first(p: &GatherSegmentParams, piece: &Piece) -> u64 {
        if p.perm == 0 {
            piece.from
        } else {
            0
        }
    }
}

/// The indices of a row's elements.
struct IndexRow {
    address: u64,
    is_wide: bool,
}

impl IndexRow {
    #[inline(always)]
    unsafe fn new(p: &GatherSegmentParams, piece: &Piece) -> Self {
        let is_wide = p.index_is_wide != 0;
        let row = if p.segments.b == 1 { 0 } else { index_offset(&p.index_layout, piece.b) };
        Self { address: p.index + ((row + Order::first(p, piece)) << if is_wide { 3 } else { 2 }), is_wide }
    }

    /// The indices as unsigned numbers: a negative one is above every row.
    #[inline(always)]
    unsafe fn load(&self, numbers: [u32; BATCH]) -> [u64; BATCH] {
        if self.is_wide {
            each(|i| memory::load_readonly((self.address as *const i64).add(numbers[i] as usize)) as u64)
        } else {
            each(|i| memory::load_readonly((self.address as *const i32).add(numbers[i] as usize)) as i64 as u64)
        }
    }
}

/// The weights of a row's elements, in the head of its columns.
struct WeightRow {
    /// The address of the first one. 0 if there are no weights.
    address: u64,
    heads: u32,
    are_float32: bool,
}

impl WeightRow {
    #[inline(always)]
    unsafe fn new(p: &GatherSegmentParams, piece: &Piece) -> Self {
        let (heads, are_float32) = (p.heads, p.weights_are_float32 != 0);
        if p.weight == 0 {
            return Self { address: 0, heads, are_float32 };
        }
        let row = if p.segments.b == 1 { 0 } else { index_offset(&p.weight_layout, piece.b) };
        let (head, _) = if heads == 1 { (0, 0) } else { p.by_head.divide(piece.column) };
        let first = row + Order::first(p, piece) * heads as u64 + head;
        Self { address: p.weight + first * p.weight_bytes as u64, heads, are_float32 }
    }

    /// The weights of the elements that are there.
    #[inline(always)]
    unsafe fn load<A: Accumulator, T: Scalar<Accumulator = A>>(
        &self,
        numbers: [u32; BATCH],
        are_there: [bool; BATCH],
    ) -> [A; BATCH] {
        let at = |i: usize| numbers[i] as usize * self.heads as usize;
        if self.address == 0 {
            each(|_| A::ONE)
        } else if size_of::<T>() < size_of::<A>() && self.are_float32 {
            // Of the types that are narrower than their sums, the sums are float32.
            let load = |i| memory::load_readonly((self.address as *const A).add(at(i)));
            each(|i| if are_there[i] { load(i) } else { A::ONE })
        } else {
            let load = |i| T::load_readonly((self.address as *const T).add(at(i))).widen();
            each(|i| if are_there[i] { load(i) } else { A::ONE })
        }
    }
}
