//! The rows of `src` that an index names for the elements of a piece, with their weights.

use kernel_params::GatherSegmentParams;
use nvptx_arch::memory;

use super::{
    columns::{load_readonly_columns, Load},
    piece::Piece,
};
use crate::{
    batch::{each, BATCH},
    element::{Accumulator, Scalar},
    layout::index_offset,
};

/// The rows of a piece's elements, in neighbouring columns.
pub struct GatheredRows {
    /// The number of elements. 0 if `src` has no rows: then every element is left out, and there is no row 0.
    pub length: u32,
    /// The address of row 0.
    src: u64,
    order: Order,
    index: IndexRow,
    weights: WeightRow,
}

/// Elements in registers.
pub struct Batch<T: Scalar, const COLUMNS: usize> {
    /// Their values. Those of row 0 for an element that is left out.
    pub values: [[T; COLUMNS]; BATCH],
    /// Their weights; 1 without weights, and for an element that is left out.
    pub weights: [T::Accumulator; BATCH],
    /// Whether they are not left out: they are not behind the end of the piece, and their index names a row.
    pub are_there: [bool; BATCH],
}

impl<T: Scalar, const COLUMNS: usize> Batch<T, COLUMNS> {
    /// Of no elements.
    #[inline(always)]
    pub fn nothing() -> Self {
        Self { values: [[T::ZERO; COLUMNS]; BATCH], weights: [T::Accumulator::ONE; BATCH], are_there: [false; BATCH] }
    }
}

impl GatheredRows {
    #[inline(always)]
    pub unsafe fn new<T: Scalar>(p: &GatherSegmentParams, piece: &Piece) -> Self {
        let row_0 = (piece.b * p.rows * p.segments.k + piece.column) as usize;
        Self {
            length: if p.rows == 0 { 0 } else { piece.length },
            src: (p.segments.src as *const T).wrapping_add(row_0) as u64,
            order: Order::new(p, piece),
            index: IndexRow::new(p, piece),
            weights: WeightRow::new(p, piece),
        }
    }

    /// Loads every 2^`ways_log2`-th element from `at` on, which must be below `length`.
    #[inline(always)]
    pub unsafe fn load<T: Scalar, L: Load, const COLUMNS: usize>(
        &self,
        p: &GatherSegmentParams,
        at: u32,
        ways_log2: u32,
    ) -> Batch<T, COLUMNS> {
        let elements = each(|i| at + ((i as u32) << ways_log2));
        // Behind the end, the batch's first element again.
        let positions = each(|i| if elements[i] < self.length { elements[i] } else { at });
        let numbers = self.order.load(positions);
        let rows = self.index.load(numbers);
        let are_there = each(|i| (elements[i] < self.length) & (rows[i] < p.rows));
        let weights = self.weights.load::<T::Accumulator, T>(numbers, are_there);
        let values = each(|i| {
            let row = if rows[i] < p.rows { rows[i] } else { 0 };
            let from = (self.src as *const T).wrapping_add((row * p.segments.k) as usize);
            load_readonly_columns::<T, L, COLUMNS>(from)
        });
        Batch { values, weights, are_there }
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
