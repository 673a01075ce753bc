//! Attention over segments of rows that an index names: generated cases, and the naive twin.

use proptest::prelude::*;
use tensorrt_scatter::{Reduce, TensorView};

use super::{
    Element,
    cases::Indices,
    composite::{Expected, FloatElement},
    gather_segments::{GatherSegmentCase, WeightValues, Weights, gather_segment_cases, repeated},
    naive,
};

/// Cases of rank 1 to 4, whose weights are scores.
pub fn attention_cases<T: FloatElement>(
    max_axis: usize,
    max_length: usize,
    indices: Indices,
) -> impl Strategy<Value = GatherSegmentCase<T>> {
    gather_segment_cases::<T>(max_axis, max_length, indices)
        .prop_filter("with scores", |case| case.weights.is_some())
        .prop_map(|case| GatherSegmentCase { reduce: Reduce::Sum, ..case })
}

/// One row of segments over 997 rows of `src`. The scores have several magnitudes.
pub fn large_case<T: FloatElement>(
    columns: usize,
    heads: usize,
    indptr: &[i64],
    length: usize,
) -> GatherSegmentCase<T> {
    let rows = 997;
    let src: Vec<T> = (0..rows * columns).map(|i| T::of(((i * 37 + i / 7) % 101) as f64 / 16.0 - 3.0)).collect();
    let index: Vec<i64> = (0..length).map(|e| (e * 7919 % rows) as i64).collect();
    let score = |i: usize| ((i * 61 + i / 13) % 127) as f64 / 8.0 - 9.0;
    let scores: Vec<T> = (0..length * heads).map(|i| T::of(score(i))).collect();
    GatherSegmentCase::new(columns, &src, &index, indptr, Some(&scores), Reduce::Sum)
}

/// The scores of a case.
pub fn scores<T>(case: &GatherSegmentCase<T>) -> &Weights<T> {
    case.weights.as_ref().expect("an attention has scores")
}

/// The score at a position.
fn score_at<T: FloatElement>(scores: &Weights<T>, position: usize) -> f64 {
    match &scores.values {
        WeightValues::Same(values) => values[position].exact(),
        WeightValues::Float32(values) => values[position].into(),
    }
}

/// The definition, in float64, for each element of the result on its own.
///
/// The tolerance: n products and n exponentials are summed in any order, each with a rounding error of the accumulator's
/// type. The error of a difference of scores is an error of its exponential relative to the exponential itself.
pub fn expected<T: FloatElement>(case: &GatherSegmentCase<T>) -> Expected {
    let (axis, scores) = (case.axis(), scores(case));
    let out_dims = case.out_dims();
    let columns: usize = out_dims[axis + 1..].iter().product();
    let wide_step = T::STEP.min(f32::EPSILON.into());
    let results = (0..out_dims.iter().product()).map(|position| {
        let at = naive::coordinates(&out_dims, position);
        let along = |coordinate: usize| [&at[..axis], &[coordinate]].concat();
        let bound = |n: usize| case.indptr[repeated(&case.indptr_dims, axis, &along(n))];
        let column = naive::position(&out_dims[axis + 1..], &at[axis + 1..]);
        // The score and the value of each element that is not left out.
        let elements: Vec<(f64, f64)> = (0..case.length())
            .filter(|&e| (bound(at[axis])..bound(at[axis] + 1)).contains(&(e as i64)))
            .filter_map(|e| {
                let row = case.index[repeated(&case.index_dims, axis, &along(e))];
                let mut from = at.clone();
                from[axis] = usize::try_from(row).ok().filter(|&row| row < case.rows())?;
                let mut of_element = along(e);
                if let Some(&heads) = scores.dims.get(axis + 1) {
                    of_element.push(column / (columns / heads));
                }
                let score = score_at(scores, repeated(&scores.dims, axis, &of_element));
                Some((score, case.src[naive::position(&case.src_dims, &from)].exact()))
            })
            .collect();
        let numbers = elements.iter().map(|&(score, _)| score).filter(|score| !score.is_nan());
        let max = numbers.clone().fold(f64::NEG_INFINITY, f64::max);
        let shift = if max == f64::NEG_INFINITY { 0.0 } else { max };
        let total: f64 = elements.iter().map(|(score, _)| (score - shift).exp()).sum();
        let terms = elements.iter().map(|(score, value)| (score - shift).exp() / total * value);
        let value: f64 = terms.clone().sum();
        let (scale, spread) = (terms.map(f64::abs).sum::<f64>(), numbers.map(|score| (shift - score).min(200.0)));
        let roundings = elements.len() as f64 + 16.0 + 4.0 * spread.fold(0.0, f64::max);
        let scale = if scale.is_finite() { scale } else { 1.0 };
        (value, (wide_step * roundings + T::STEP) * scale + T::SMALLEST)
    });
    let (values, tolerances) = results.unzip();
    Expected { values, tolerances }
}

/// Segments of every two of some special values as scores, and of every two as values; and an empty one.
pub fn special_values<T: FloatElement>(columns: usize) -> [GatherSegmentCase<T>; 2] {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, T::largest(), -T::largest()];
    let n = special.len().pow(2);
    let pairs: Vec<T> = (0..n).flat_map(|i| [special[i / 8], special[i % 8]]).map(T::of).collect();
    let indptr: Vec<i64> = (0..=n).map(|n| 2 * n as i64).chain([2 * n as i64]).collect();
    let index: Vec<i64> = (0..2 * n as i64).collect();
    let small: Vec<T> = (0..2 * n).map(|i| T::of((i % 5) as f64 / 4.0)).collect();
    let in_columns = |values: &[T]| values.iter().flat_map(|&value| vec![value; columns]).collect::<Vec<_>>();
    // Sums of exponentials times the largest value are beyond the type.
    let values: Vec<T> =
        pairs.iter().map(|&value| if value.exact().abs() == T::largest() { T::of(7.0) } else { value }).collect();
    let case = |src: &[T], scores: &[T]| {
        GatherSegmentCase::new(columns, &in_columns(src), &index, &indptr, Some(scores), Reduce::Sum)
    };
    [case(&small, &pairs), case(&values, &small)]
}
