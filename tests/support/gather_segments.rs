//! Reductions over segments of rows that an index names: the naive twin, and generated cases.

use proptest::{collection::vec, option, prelude::*, sample};
use tensorrt_scatter::{Accumulator, Reduce, ReduceOperator, Scalar, TensorView, Weight};

use super::{Element, cases::Indices, naive};

/// The inputs of gather_segment_csr.
#[derive(Clone, Debug)]
pub struct GatherSegmentCase<T> {
    pub src_dims: Vec<usize>,
    pub src: Vec<T>,
    pub index_dims: Vec<usize>,
    pub index: Vec<i64>,
    pub indptr_dims: Vec<usize>,
    pub indptr: Vec<i64>,
    pub weights: Option<Weights<T>>,
    pub reduce: Reduce,
}

/// Weights of either type.
#[derive(Clone, Debug)]
pub struct Weights<T> {
    pub dims: Vec<usize>,
    pub values: WeightValues<T>,
}

#[derive(Clone, Debug)]
pub enum WeightValues<T> {
    Same(Vec<T>),
    Float32(Vec<f32>),
}

impl<T: Element> Weights<T> {
    pub fn view(&self) -> Weight<'_, T> {
        match &self.values {
            WeightValues::Same(values) => Weight::Same(TensorView::new(&self.dims, values).unwrap()),
            WeightValues::Float32(values) => Weight::Float32(TensorView::new(&self.dims, values).unwrap()),
        }
    }

    pub fn value(&self, position: usize) -> T::Accumulator {
        match &self.values {
            WeightValues::Same(values) => values[position].widen(),
            // float32 is what 16-bit floats are added up in.
            WeightValues::Float32(values) => bytemuck::cast(values[position]),
        }
    }
}

impl<T: Element> GatherSegmentCase<T> {
    /// Segments of one index and one indptr, over rows of `columns` columns. `weights` has the type of `src`, and
    /// `weights.len() / index.len()` heads.
    pub fn new(
        columns: usize,
        src: &[T],
        index: &[i64],
        indptr: &[i64],
        weights: Option<&[T]>,
        reduce: Reduce,
    ) -> Self {
        let of_element = |weights: &[T]| weights.len() / index.len();
        Self {
            src_dims: vec![src.len() / columns, columns],
            src: src.to_vec(),
            index_dims: vec![index.len()],
            index: index.to_vec(),
            indptr_dims: vec![indptr.len()],
            indptr: indptr.to_vec(),
            weights: weights.map(|weights| Weights {
                dims: vec![index.len(), of_element(weights)],
                values: WeightValues::Same(weights.to_vec()),
            }),
            reduce,
        }
    }

    /// The same with weights of float32, which have `weights.len() / index.len()` heads.
    pub fn with_float32(mut self, weights: &[f32]) -> Self {
        let (length, values) = (self.index.len(), WeightValues::Float32(weights.to_vec()));
        self.weights = Some(Weights { dims: vec![length, weights.len() / length], values });
        self
    }

    pub fn axis(&self) -> usize {
        self.index_dims.len() - 1
    }

    /// R: the number of rows of `src`.
    pub fn rows(&self) -> usize {
        self.src_dims[self.axis()]
    }

    /// E: the number of elements of the index.
    pub fn length(&self) -> usize {
        self.index_dims[self.axis()]
    }

    pub fn out_dims(&self) -> Vec<usize> {
        let mut dims = self.src_dims.clone();
        dims[self.axis()] = self.indptr_dims[self.axis()].saturating_sub(1);
        dims
    }

    pub fn out_len(&self) -> usize {
        self.out_dims().iter().product()
    }

    /// The number of elements of the rows that the index names, which are never stored.
    pub fn gathered_len(&self) -> usize {
        let mut dims = self.src_dims.clone();
        dims[self.axis()] = self.length();
        dims.iter().product()
    }
}

/// The position of `at` in a tensor that repeats its axes of size 1 before `axis`.
pub fn repeated(dims: &[usize], axis: usize, at: &[usize]) -> usize {
    let at: Vec<_> = (0..dims.len()).map(|i| if i < axis && dims[i] == 1 { 0 } else { at[i] }).collect();
    naive::position(dims, &at)
}

/// The definition, for each element of the result on its own: every e is looked at, and an element that does not lie
/// between the bounds, or whose index names no row, is passed over. The result and, for min and max, the positions.
pub fn reduce<T: Element>(case: &GatherSegmentCase<T>) -> (Vec<T>, Vec<i64>) {
    let axis = case.axis();
    reduce_where(case, &case.out_dims(), |at, e| {
        let bound = |n: usize| case.indptr[repeated(&case.indptr_dims, axis, &[&at[..axis], &[n]].concat())];
        (bound(at[axis])..bound(at[axis] + 1)).contains(&(e as i64))
    })
}

/// [`reduce`] of the elements e that `belongs` assigns to the element of the result at some coordinates.
pub fn reduce_where<T: Element>(
    case: &GatherSegmentCase<T>,
    out_dims: &[usize],
    belongs: impl Fn(&[usize], usize) -> bool,
) -> (Vec<T>, Vec<i64>) {
    let axis = case.axis();
    let columns: usize = out_dims[axis + 1..].iter().product();
    let mut out = Vec::new();
    let mut arg_out = Vec::new();
    for position in 0..out_dims.iter().product() {
        let at = naive::coordinates(out_dims, position);
        // The leading coordinates, and one along the axis.
        let along = |coordinate: usize| [&at[..axis], &[coordinate]].concat();
        let column = naive::position(&out_dims[axis + 1..], &at[axis + 1..]);

        let mut sum = T::Accumulator::ZERO;
        let mut count = 0;
        let mut best: Option<(T::Accumulator, usize)> = None;
        for e in 0..case.length() {
            let row = case.index[repeated(&case.index_dims, axis, &along(e))];
            if !belongs(&at, e) || row < 0 || row >= case.rows() as i64 {
                continue;
            }
            let mut from = at.clone();
            from[axis] = row as usize;
            let mut value = case.src[naive::position(&case.src_dims, &from)].widen();
            if let Some(weights) = &case.weights {
                let mut of_element = along(e);
                if let Some(&heads) = weights.dims.get(axis + 1) {
                    of_element.push(column / (columns / heads));
                }
                value = value.mul(weights.value(repeated(&weights.dims, axis, &of_element)));
            }
            sum = sum.add(value);
            count += 1;
            let is_number = value.partial_cmp(&value).is_some();
            let is_better = best.is_none_or(|(best, _)| match case.reduce {
                Reduce::Max => value > best,
                Reduce::Min => value < best,
                Reduce::Sum | Reduce::Mean | Reduce::Mul => false,
            });
            if is_number && is_better {
                best = Some((value, e));
            }
        }
        out.push(T::narrow(match case.reduce {
            Reduce::Sum => sum,
            Reduce::Mean => sum.divide_by_count(count.max(1)),
            Reduce::Min | Reduce::Max => best.map_or(T::Accumulator::ZERO, |(value, _)| value),
            Reduce::Mul => unreachable!("gather_segment_csr has no mul"),
        }));
        arg_out.push(best.map_or(case.length(), |(_, e)| e) as i64);
    }
    (out, if case.reduce.has_arg() { arg_out } else { Vec::new() })
}

/// Cases of rank 1 to 4: axes of up to `max_axis` elements, and up to `max_length` rows, elements of the index and
/// elements of the indptr; 0 included. The leading axes of the index, the indptr and the weights are 1 or src's, each
/// on its own.
///
/// Products need more bits than 16-bit floats have. Sums of up to 15 of them are exact in float32, in any order.
pub fn gather_segment_cases<T: Element>(
    max_axis: usize,
    max_length: usize,
    indices: Indices,
) -> impl Strategy<Value = GatherSegmentCase<T>> {
    let reductions: Vec<_> = ReduceOperator::GatherSegmentCsr.reductions().collect();
    let lengths = (0..=max_length, 0..=max_length, 0..=max_length);
    let full = || vec(any::<bool>(), 4);
    // Whether the weights have an axis of heads, which divisor of K its length is, and whether they may be float32.
    let weights = option::weighted(0.8, (any::<bool>(), any::<sample::Index>(), any::<bool>()));
    (vec(0..=max_axis, 1..=4), 0..4usize, lengths, [full(), full(), full()], weights, sample::select(reductions))
        .prop_flat_map(move |(mut src_dims, axis, (rows, length, entries), full, weights, reduce)| {
            let axis = axis % src_dims.len();
            src_dims[axis] = rows;
            // Without rows every index is bad: there is nothing to ask for.
            let length = if rows == 0 && matches!(indices, Indices::Good) { 0 } else { length };
            let dims = |full: &[bool], size: usize| -> Vec<usize> {
                let leading = src_dims[..axis].iter().zip(full).map(|(&size, &full)| if full { size } else { 1 });
                leading.chain([size]).collect()
            };
            let (index_dims, indptr_dims) = (dims(&full[0], length), dims(&full[1], entries));
            let columns: usize = src_dims[axis + 1..].iter().product();
            let weights = weights.map(|(has_heads, choice, is_float32)| {
                let mut dims = dims(&full[2], length);
                if has_heads {
                    let divisors: Vec<_> =
                        (1..=columns.max(3)).filter(|&heads| columns.is_multiple_of(heads)).collect();
                    dims.push(*choice.get(&divisors));
                }
                (dims, is_float32 && size_of::<T>() == 2)
            });
            let range = |good: std::ops::Range<i64>| match indices {
                Indices::Good => good.start..good.end.max(1),
                Indices::SomeBad => good.start - 2..good.end + 2,
            };
            let len = |dims: &[usize]| dims.iter().product::<usize>();
            let small = |len: usize| vec(-2i8..=2, len);
            (
                small(len(&src_dims)),
                vec(range(0..rows as i64), len(&index_dims)),
                vec(range(0..length as i64 + 1), len(&indptr_dims)),
                small(weights.as_ref().map_or(0, |(dims, _)| len(dims))),
                Just((src_dims, index_dims, indptr_dims, weights, reduce)),
            )
        })
        .prop_map(|(src, index, mut indptr, weight, (src_dims, index_dims, indptr_dims, weights, reduce))| {
            let entries = indptr_dims[indptr_dims.len() - 1];
            if entries != 0 {
                indptr.chunks_mut(entries).for_each(|row| row.sort_unstable());
            }
            let of = |&value: &i8| T::of(f64::from(value) * (1.0 + 1.0 / 128.0));
            let weights = weights.map(|(dims, is_float32)| Weights {
                dims,
                values: if is_float32 {
                    WeightValues::Float32(weight.iter().map(|&w| f32::from(w) * (1.0 + 1.0 / 2048.0)).collect())
                } else {
                    WeightValues::Same(weight.iter().map(of).collect())
                },
            });
            let src = src.iter().map(of).collect();
            GatherSegmentCase { src_dims, src, index_dims, index, indptr_dims, indptr, weights, reduce }
        })
}
