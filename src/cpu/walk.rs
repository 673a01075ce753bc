//! The loops over an index and over an indptr. They find the elements of `src` that belong to rows of the result.

use std::ops::Range;

use crate::{
    Accumulator, GatherPlan, GatherSegmentPlan, Index, Scalar, ScatterPlan, SegmentPlan,
    broadcast::{Columns, Layout},
    gather_segment::WeightLayout,
};

/// Neighbouring elements of `src` that belong to one row of the result, and have one weight.
pub(super) struct Run<'a, S, W> {
    /// The row of the result, counted from the first row of the call.
    pub(super) row: usize,
    /// The column of the first element.
    pub(super) column: usize,
    /// The position of the elements along the reduced axis.
    pub(super) position: usize,
    /// The elements as they are stored. [`Walk::value`] makes the values to reduce of them.
    pub(super) stored: &'a [S],
    pub(super) weight: W,
}

/// The elements of `src` [B, E, K], row by row of the result [B, N, K]. `T` is the type of the values to reduce.
pub(super) trait Walk<T>: Sync {
    /// The type of the elements as they are stored.
    type Stored: Copy;
    /// What the elements of a run are multiplied by; `()` for nothing.
    type Weight: Copy;

    /// The value to reduce of a stored element and the weight of its run.
    fn value(stored: Self::Stored, weight: Self::Weight) -> T;

    /// Whether each call of [`visit`](Self::visit) reads a whole slice, even for one row.
    fn reads_whole_slices(&self) -> bool {
        false
    }

    /// Whether the elements of a row of `src` always belong to the same row of the result.
    fn has_whole_rows(&self) -> bool {
        true
    }

    /// Calls `visit` for all elements of slice `b` that belong to `rows`. Elements of one row come in the order of
    /// `src`.
    fn visit(&self, b: usize, rows: Range<usize>, visit: impl FnMut(Run<'_, Self::Stored, Self::Weight>));
}

/// A walk that also finds the groups of a row of `src`.
pub(super) trait Groups<T>: Walk<T> {
    /// Calls `visit` for each row of `rows`, which are counted over all slices of `src`: with the row, with each run of
    /// its columns that has one group, and with that group. The group is None for elements that belong to none.
    fn groups(&self, rows: Range<usize>, visit: impl FnMut(usize, Range<usize>, Option<usize>));
}

/// The elements that an index assigns to groups. Elements with an index out of range belong to none.
#[derive(Clone, Copy)]
pub(super) struct ByIndex<'a, T, I> {
    src: &'a [T],
    index: &'a [I],
    layout: &'a Layout,
    columns: Columns,
    e: usize,
    k: usize,
    n: usize,
    is_sorted: bool,
}

impl<'a, T: Sync, I: Index> ByIndex<'a, T, I> {
    pub(super) fn scatter(plan: &'a ScatterPlan, src: &'a [T], index: &'a [I]) -> Self {
        let (layout, columns) = (&plan.layout, plan.layout.columns());
        Self { src, index, layout, columns, e: plan.e, k: plan.k, n: plan.n, is_sorted: false }
    }

    /// `is_sorted`: whether the index is known to be sorted and in range.
    pub(super) fn segments(plan: &'a SegmentPlan, src: &'a [T], index: &'a [I], is_sorted: bool) -> Self {
        let (layout, columns) = (&plan.layout, plan.layout.columns());
        Self { src, index, layout, columns, e: plan.e, k: plan.k, n: plan.n, is_sorted }
    }

    /// The position in the index of element (b, e, 0).
    fn row_start(&self, b: usize, e: usize) -> usize {
        self.layout.row_start(b, e)
    }

    /// Calls `visit` with the groups of a row of `src`: with each run of columns that has one group, and that group.
    /// The group is None where the index is out of range. `start` is the row's [`row_start`](Self::row_start).
    fn groups_of_row(&self, start: usize, mut visit: impl FnMut(Range<usize>, Option<usize>)) {
        let group = |position: usize| self.index[position].group(self.n);
        match self.columns {
            Columns::Same => visit(0..self.k, group(start)),
            Columns::Even(stride) => (0..self.k).for_each(|k| visit(k..k + 1, group(start + k * stride))),
            Columns::Uneven => {
                (0..self.k).for_each(|k| visit(k..k + 1, group(start + self.layout.column_offset(k))));
            }
        }
    }

    /// The elements of a slice that can belong to `rows`: all of them unless the index is sorted. `start` is the
    /// position of the slice in the index.
    fn elements(&self, start: usize, rows: &Range<usize>) -> Range<usize> {
        if !self.is_sorted {
            return 0..self.e;
        }
        let stride = self.layout.stride_e as usize;
        let first_of = |row: usize| {
            let (mut low, mut high) = (0, self.e);
            while low < high {
                let middle = low + (high - low) / 2;
                if self.index[start + middle * stride].group(row).is_some() {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        first_of(rows.start)..first_of(rows.end)
    }
}

impl<T: Copy + Sync, I: Index> Walk<T> for ByIndex<'_, T, I> {
    type Stored = T;
    type Weight = ();

    fn value(stored: T, (): ()) -> T {
        stored
    }

    fn reads_whole_slices(&self) -> bool {
        !self.is_sorted
    }

    fn has_whole_rows(&self) -> bool {
        self.columns == Columns::Same
    }

    fn visit(&self, b: usize, rows: Range<usize>, mut visit: impl FnMut(Run<'_, T, ()>)) {
        let row_of = |group: Option<usize>| group?.checked_sub(rows.start).filter(|&row| row < rows.len());
        let start = self.row_start(b, 0);
        let stride = self.layout.stride_e as usize;
        for position in self.elements(start, &rows) {
            let src = &self.src[(b * self.e + position) * self.k..][..self.k];
            self.groups_of_row(start + position * stride, |columns, group| {
                if let Some(row) = row_of(group) {
                    visit(Run { row, column: columns.start, position, stored: &src[columns], weight: () });
                }
            });
        }
    }
}

impl<T: Copy + Sync, I: Index> Groups<T> for ByIndex<'_, T, I> {
    fn groups(&self, rows: Range<usize>, mut visit: impl FnMut(usize, Range<usize>, Option<usize>)) {
        for row in rows {
            let start = self.row_start(row / self.e, row % self.e);
            self.groups_of_row(start, |columns, group| visit(row, columns, group));
        }
    }
}

/// The elements that an indptr assigns to segments. Bounds out of range are clamped.
pub(super) struct ByIndptr<'a, T, I> {
    src: &'a [T],
    indptr: &'a [I],
    plan: &'a SegmentPlan,
}

impl<'a, T, I> ByIndptr<'a, T, I> {
    pub(super) fn new(plan: &'a SegmentPlan, src: &'a [T], indptr: &'a [I]) -> Self {
        Self { src, indptr, plan }
    }
}

impl<T: Copy + Sync, I: Index> Walk<T> for ByIndptr<'_, T, I> {
    type Stored = T;
    type Weight = ();

    fn value(stored: T, (): ()) -> T {
        stored
    }

    fn visit(&self, b: usize, rows: Range<usize>, mut visit: impl FnMut(Run<'_, T, ()>)) {
        let SegmentPlan { e, k, .. } = *self.plan;
        for_each_element(self.plan, self.indptr, b, rows, |row, position| {
            let stored = &self.src[(b * e + position) * k..][..k];
            visit(Run { row, column: 0, position, stored, weight: () });
        });
    }
}

impl<T: Copy + Sync, I: Index> Groups<T> for ByIndptr<'_, T, I> {
    /// If an indptr decreases, it may be any segment, or none.
    fn groups(&self, rows: Range<usize>, mut visit: impl FnMut(usize, Range<usize>, Option<usize>)) {
        let SegmentPlan { e, k, n, .. } = *self.plan;
        // The segments before this one end at or before the row.
        let mut segment = 0;
        for row in rows.clone() {
            let (b, position) = (row / e, row % e);
            let bounds = Bounds::new(self.plan, self.indptr, b);
            if position == 0 || row == rows.start {
                segment = bounds.ended_by(position);
            }
            while segment < n && bounds.get(segment + 1) <= position {
                segment += 1;
            }
            let is_inside = segment < n && bounds.get(segment) <= position;
            visit(row, 0..k, is_inside.then_some(segment));
        }
    }
}

/// One row of an indptr.
struct Bounds<'a, I> {
    plan: &'a SegmentPlan,
    indptr: &'a [I],
    start: usize,
}

impl<'a, I: Index> Bounds<'a, I> {
    /// The row for slice `b`.
    fn new(plan: &'a SegmentPlan, indptr: &'a [I], b: usize) -> Self {
        Self { plan, indptr, start: plan.layout.row_start(b, 0) }
    }

    /// Entry n, clamped to [0, E].
    fn get(&self, n: usize) -> usize {
        let bound = self.indptr[self.start + n * self.plan.layout.stride_e as usize].to_i64();
        usize::try_from(bound).unwrap_or(0).min(self.plan.e)
    }

    /// The number of segments that end at or before a position.
    fn ended_by(&self, position: usize) -> usize {
        let (mut low, mut high) = (0, self.plan.n);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle + 1) <= position { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// Calls `visit` with the row, counted from the first one, and the position of each element that an indptr assigns to
/// `rows`. Bounds out of range are clamped.
fn for_each_element<I: Index>(
    plan: &SegmentPlan,
    indptr: &[I],
    b: usize,
    rows: Range<usize>,
    mut visit: impl FnMut(usize, usize),
) {
    let bounds = Bounds::new(plan, indptr, b);
    for row in rows.clone() {
        for position in bounds.get(row)..bounds.get(row + 1) {
            visit(row - rows.start, position);
        }
    }
}

/// The rows that an index names for the elements of an indptr's segments. Elements with an index out of range are left
/// out. `P` is the type of the indptr.
#[derive(Clone, Copy)]
pub(super) struct Gathered<'a, T, I, P> {
    pub(super) plan: &'a GatherSegmentPlan,
    pub(super) src: &'a [T],
    pub(super) index: &'a [I],
    pub(super) indptr: &'a [P],
    /// The numbers of the elements in the order of the segments, a row for each row of the indptr. None: the elements
    /// are in order.
    pub(super) perm: Option<&'a [P]>,
}

impl<T, I: Index, P: Index> Gathered<'_, T, I, P> {
    /// Calls `visit` with the row of the result, counted from the first one, the position, and the row of `src` of each
    /// element that belongs to `rows`.
    fn for_each_row(&self, b: usize, rows: Range<usize>, mut visit: impl FnMut(usize, usize, &[T])) {
        let GatherPlan { s, e, k, .. } = self.plan.rows;
        let index = &self.index[self.plan.rows.index_start(b)..][..e];
        let SegmentPlan { layout, n, .. } = &self.plan.segments;
        let perm = self.perm.map(|perm| &perm[layout.row_start(b, 0) / (n + 1) * e..][..e]);
        for_each_element(&self.plan.segments, self.indptr, b, rows, |row, position| {
            let position = perm.map_or(position, |perm| perm[position].to_i64() as usize);
            if let Some(read) = index[position].group(s) {
                visit(row, position, &self.src[(b * s + read) * k..][..k]);
            }
        });
    }
}

impl<T: Copy + Sync, I: Index, P: Index> Walk<T> for Gathered<'_, T, I, P> {
    type Stored = T;
    type Weight = ();

    fn value(stored: T, (): ()) -> T {
        stored
    }

    fn visit(&self, b: usize, rows: Range<usize>, mut visit: impl FnMut(Run<'_, T, ()>)) {
        self.for_each_row(b, rows, |row, position, stored| {
            visit(Run { row, column: 0, position, stored, weight: () });
        });
    }
}

/// [`Gathered`] rows times weights of type `W`. The values to reduce are accumulators: products are not rounded.
pub(super) struct Weighted<'a, T, W, I, P> {
    pub(super) rows: Gathered<'a, T, I, P>,
    pub(super) weight: &'a [W],
    pub(super) layout: WeightLayout,
}

impl<T, W, I, P> Walk<T::Accumulator> for Weighted<'_, T, W, I, P>
where
    T: Scalar,
    W: Scalar<Accumulator = T::Accumulator>,
    I: Index,
    P: Index,
{
    type Stored = T;
    type Weight = T::Accumulator;

    fn value(stored: T, weight: T::Accumulator) -> T::Accumulator {
        stored.widen().mul(weight)
    }

    /// A run has the columns of one head.
    fn visit(&self, b: usize, rows: Range<usize>, mut visit: impl FnMut(Run<'_, T, T::Accumulator>)) {
        let GatherPlan { e, k, .. } = self.rows.plan.rows;
        let heads = self.layout.heads;
        let width = k / heads;
        let weight = &self.weight[self.layout.leading.offset(b as u64) as usize..][..e * heads];
        self.rows.for_each_row(b, rows, |row, position, stored| {
            let weights = &weight[position * heads..][..heads];
            for (head, (stored, weight)) in stored.chunks_exact(width).zip(weights).enumerate() {
                visit(Run { row, column: head * width, position, stored, weight: weight.widen() });
            }
        });
    }
}
