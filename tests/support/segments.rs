//! Reductions over segments: the naive twin, and generated cases.

use proptest::{collection::vec, prelude::*, sample};
use tensorrt_scatter::{Reduce, ReduceOperator};

use super::{
    Element,
    cases::Indices,
    naive::{self, ScatterCase},
};

/// The reductions of segment_csr, or of segment_coo.
pub fn reductions(is_csr: bool) -> Vec<Reduce> {
    let operator = if is_csr { ReduceOperator::SegmentCsr } else { ReduceOperator::SegmentCoo };
    operator.reductions().collect()
}

/// The inputs of a reduction over segments.
#[derive(Clone, Debug)]
pub struct SegmentCase<T> {
    pub src_dims: Vec<usize>,
    pub src: Vec<T>,
    /// The sizes of the index or indptr.
    pub index_dims: Vec<usize>,
    pub index: Vec<i64>,
    pub base: Option<Vec<T>>,
    pub segments: usize,
    pub reduce: Reduce,
    pub is_csr: bool,
}

impl<T> SegmentCase<T> {
    /// The segments of one indptr, over rows of `columns` columns.
    pub fn csr(columns: usize, src: Vec<T>, indptr: Vec<i64>, reduce: Reduce) -> Self {
        Self {
            src_dims: vec![src.len() / columns, columns],
            src,
            index_dims: vec![indptr.len()],
            segments: indptr.len() - 1,
            index: indptr,
            base: None,
            reduce,
            is_csr: true,
        }
    }

    pub fn axis(&self) -> usize {
        self.index_dims.len() - 1
    }

    pub fn out_dims(&self) -> Vec<usize> {
        let mut dims = self.src_dims.clone();
        dims[self.axis()] = self.segments;
        dims
    }

    pub fn out_len(&self) -> usize {
        self.out_dims().iter().product()
    }
}

/// The definition: a scatter whose index is written out for every element.
pub fn reduce<T: Element>(case: &SegmentCase<T>) -> (Vec<T>, Vec<i64>) {
    naive::scatter(&written_out(case))
}

/// The scatter whose index is written out for every element. An indptr says for each element the one segment whose bounds
/// it lies between, if any.
pub fn written_out<T: Element>(case: &SegmentCase<T>) -> ScatterCase<T> {
    let axis = case.axis();
    let index_dims = case.src_dims[..=axis].to_vec();
    let index = (0..index_dims.iter().product())
        .map(|position| {
            let at = naive::coordinates(&index_dims, position);
            let mut row = at.clone();
            for (coordinate, &size) in row.iter_mut().zip(&case.index_dims) {
                *coordinate = if size == 1 { 0 } else { *coordinate };
            }
            if !case.is_csr {
                return case.index[naive::position(&case.index_dims, &row)];
            }
            let bound = |n: usize| {
                let mut entry = row.clone();
                entry[axis] = n;
                case.index[naive::position(&case.index_dims, &entry)]
            };
            let e = at[axis] as i64;
            (0..case.segments).find(|&n| bound(n) <= e && e < bound(n + 1)).map_or(-1, |n| n as i64)
        })
        .collect();
    ScatterCase {
        src_dims: case.src_dims.clone(),
        src: case.src.clone(),
        index_dims: if axis == 0 { vec![case.src_dims[0]] } else { index_dims },
        index,
        base: case.base.clone(),
        dim: axis,
        dim_size: case.segments,
        reduce: case.reduce,
    }
}

/// Cases of rank 1 to 4: axes of up to `max_axis` elements, the reduced one up to `max_length`, 0 included.
pub fn segment_cases<T: Element>(
    max_axis: usize,
    max_length: usize,
    indices: Indices,
) -> impl Strategy<Value = SegmentCase<T>> {
    let shape = (vec(0..=max_axis, 1..=4), 0..4usize, 0..=max_length, 0..=max_length);
    (shape, any::<sample::Index>(), any::<bool>(), any::<bool>(), vec(any::<bool>(), 4))
        .prop_flat_map(move |((mut src_dims, axis, length, segments), choice, is_csr, has_base, broadcast)| {
            let reduce = *choice.get(&reductions(is_csr));
            let axis = axis % src_dims.len();
            src_dims[axis] = length;
            let mut out_dims = src_dims.clone();
            out_dims[axis] = segments;
            let mut index_dims: Vec<_> =
                (0..axis).map(|axis| if broadcast[axis] { 1 } else { src_dims[axis] }).collect();
            index_dims.push(if is_csr { segments + 1 } else { length });
            let values = |len: usize| vec((-4i8..=4).prop_map(|value| T::of(value.into())), len);
            let base = if has_base && !is_csr {
                values(out_dims.iter().product()).prop_map(Some).boxed()
            } else {
                Just(None).boxed()
            };
            let bound = if is_csr { length as i64 + 1 } else { segments.max(1) as i64 };
            let range = match indices {
                Indices::Good => 0..bound,
                Indices::SomeBad => -2..bound + 2,
            };
            (
                values(src_dims.iter().product()),
                vec(range, index_dims.iter().product::<usize>()),
                base,
                Just((src_dims, index_dims, segments, reduce, is_csr)),
            )
        })
        .prop_map(|(src, mut index, base, (src_dims, index_dims, segments, reduce, is_csr))| {
            let row = index_dims[index_dims.len() - 1];
            if row != 0 {
                index.chunks_mut(row).for_each(|row| row.sort_unstable());
            }
            SegmentCase { src_dims, src, index_dims, index, base, segments, reduce, is_csr }
        })
}

/// A column of one row of segments.
pub fn column<T: Copy>(
    reduce: Reduce,
    src: &[T],
    index: &[i64],
    base: Option<&[T]>,
    segments: usize,
    is_csr: bool,
) -> SegmentCase<T> {
    SegmentCase {
        src_dims: vec![src.len()],
        src: src.to_vec(),
        index_dims: vec![index.len()],
        index: index.to_vec(),
        base: base.map(<[T]>::to_vec),
        segments,
        reduce,
        is_csr,
    }
}

/// How long the segments of a [`large`] case are.
#[derive(Clone, Copy, Debug)]
pub enum Lengths {
    /// About the same.
    Even,
    /// Most elements in a few of them, with stretches of empty ones between.
    Skewed,
    /// All elements in one.
    One,
}

impl Lengths {
    pub const ALL: [Self; 3] = [Self::Even, Self::Skewed, Self::One];

    fn segment(self, e: usize, length: usize, segments: usize) -> i64 {
        let u = e as f64 / length as f64;
        match self {
            Self::Even => (u * segments as f64) as i64,
            Self::Skewed => (u.powi(4) * segments as f64) as i64,
            Self::One => segments as i64 / 2,
        }
    }
}

/// A case with `b` rows of `length` elements of `k` columns.
pub fn large<T: Element>(
    (b, length, k, segments): (usize, usize, usize, usize),
    lengths: Lengths,
    reduce: Reduce,
    is_csr: bool,
) -> SegmentCase<T> {
    let index: Vec<_> = (0..length).map(|e| lengths.segment(e, length, segments)).collect();
    let indptr = |n: usize| index.partition_point(|&segment| segment < n as i64) as i64;
    let row: Vec<_> = if is_csr { (0..=segments).map(indptr).collect() } else { index.clone() };
    SegmentCase {
        src_dims: vec![b, length, k],
        // Small integers, few of them so that there are ties: sums are exact in any order.
        src: (0..b * length * k).map(|i| T::of(((i * 37 + i / 7) % 5) as f64 - 2.0)).collect(),
        index_dims: vec![b, row.len()],
        index: row.repeat(b),
        base: None,
        segments,
        reduce,
        is_csr,
    }
}
