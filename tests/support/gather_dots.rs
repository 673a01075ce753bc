//! Scores of pairs of rows that two indices name: the naive twin, and generated cases.

use proptest::{collection::vec, option, prelude::*, sample};
use tensorrt_scatter::{Accumulator, Combine, FloatAccumulator, GatherDotOptions, Scalar};

use super::{
    Element,
    cases::Indices,
    composite::FloatElement,
    gather_segments::{WeightValues, Weights, repeated},
    naive,
};

/// The inputs of gather_dot.
#[derive(Clone, Debug)]
pub struct GatherDotCase<T> {
    pub src_dims: Vec<usize>,
    pub src: Vec<T>,
    pub index_dims: Vec<usize>,
    pub index: Vec<i64>,
    pub other_dims: Vec<usize>,
    pub other: Vec<T>,
    pub other_index_dims: Vec<usize>,
    pub other_index: Vec<i64>,
    pub weights: Option<Weights<T>>,
    pub combine: Combine,
    pub heads: usize,
    pub negative_slope: f64,
}

impl<T: FloatElement> GatherDotCase<T> {
    /// Pairs of rows of K columns, without weights, in one head.
    pub fn new(columns: usize, combine: Combine, src: &[T], index: &[i64], other: &[T], other_index: &[i64]) -> Self {
        Self {
            src_dims: vec![src.len() / columns, columns],
            src: src.to_vec(),
            index_dims: vec![index.len()],
            index: index.to_vec(),
            other_dims: vec![other.len() / columns, columns],
            other: other.to_vec(),
            other_index_dims: vec![other_index.len()],
            other_index: other_index.to_vec(),
            weights: None,
            combine,
            heads: 1,
            negative_slope: 0.25,
        }
    }

    pub fn options(&self) -> GatherDotOptions {
        GatherDotOptions::new(self.combine).heads(self.heads).negative_slope(self.negative_slope)
    }

    pub fn axis(&self) -> usize {
        self.index_dims.len() - 1
    }

    /// K: the number of columns of a row.
    pub fn columns(&self) -> usize {
        self.src_dims[self.axis() + 1..].iter().product()
    }

    pub fn out_dims(&self) -> Vec<usize> {
        [&self.src_dims[..self.axis()], &[self.index_dims[self.axis()], self.heads]].concat()
    }

    pub fn out_len(&self) -> usize {
        self.out_dims().iter().product()
    }
}

/// The definition, for each score on its own.
pub fn scores<T: FloatElement>(case: &GatherDotCase<T>) -> Vec<T> {
    let (axis, out_dims, columns) = (case.axis(), case.out_dims(), case.columns());
    let width = columns / case.heads;
    let slope = T::Accumulator::from_f64(case.negative_slope);
    let score = |position| {
        let at = naive::coordinates(&out_dims, position);
        let (along, head) = (&at[..=axis], at[axis + 1]);
        let start = |dims: &[usize], index_dims: &[usize], index: &[i64]| {
            let row = usize::try_from(index[repeated(index_dims, axis, along)]).ok()?;
            let from = naive::position(&dims[..=axis], &[&at[..axis], &[row]].concat());
            (row < dims[axis]).then_some(from * columns)
        };
        let from = start(&case.src_dims, &case.index_dims, &case.index)?;
        let to = start(&case.other_dims, &case.other_index_dims, &case.other_index)?;
        let mut sum = T::Accumulator::ZERO;
        for column in head * width..(head + 1) * width {
            let (a, b) = (case.src[from + column].widen(), case.other[to + column].widen());
            let combined = match case.combine {
                Combine::Mul => a.mul(b),
                Combine::Add if a.add(b) > T::Accumulator::ZERO => a.add(b),
                Combine::Add => a.add(b).mul(slope),
            };
            let weight = case.weights.as_ref().map_or(T::Accumulator::ONE, |weights| weights.value(column));
            sum = sum.add(combined.mul(weight));
        }
        Some(T::narrow(sum))
    };
    (0..out_dims.iter().product()).map(|position| score(position).unwrap_or(T::of(0.0))).collect()
}

/// Cases of rank 1 to 4: axes of up to `max_axis` elements, and up to `max_length` rows and pairs; 0 included. The
/// leading axes of each index are 1 or src's.
///
/// Every product, and every sum of so many, is exact in float32, so the order of additions does not matter.
pub fn gather_dot_cases<T: FloatElement>(
    max_axis: usize,
    max_length: usize,
    indices: Indices,
) -> impl Strategy<Value = GatherDotCase<T>> {
    let lengths = (0..=max_length, 0..=max_length, 0..=max_length);
    let full = || vec(any::<bool>(), 4);
    // Whether the weights are float32, where they may be.
    let weights = option::of(any::<bool>());
    let slope = sample::select(&[0.25, 1.0, 0.0, -2.0][..]);
    (vec(0..=max_axis, 1..=4), 0..4usize, lengths, [full(), full()], weights, sample::select(&Combine::ALL[..]), slope)
        .prop_flat_map(move |(mut src_dims, axis, (rows, others, length), full, weights, combine, slope)| {
            let axis = axis % src_dims.len();
            src_dims[axis] = rows;
            let mut other_dims = src_dims.clone();
            other_dims[axis] = others;
            // Without rows every index is bad: there is nothing to ask for.
            let length = if rows * others == 0 && matches!(indices, Indices::Good) { 0 } else { length };
            let index_dims = |full: &[bool]| -> Vec<usize> {
                let leading = src_dims[..axis].iter().zip(full).map(|(&size, &full)| if full { size } else { 1 });
                leading.chain([length]).collect()
            };
            let dims = [index_dims(&full[0]), index_dims(&full[1])];
            let columns: usize = src_dims[axis + 1..].iter().product();
            let divisors: Vec<usize> = (1..=columns.max(3)).filter(|&heads| columns.is_multiple_of(heads)).collect();
            let values = |len| vec(-4i8..=4, len);
            let count = |dims: &[usize]| dims.iter().product::<usize>();
            let numbers = |dims: &[usize], rows: usize| {
                let range = match indices {
                    Indices::Good => 0..rows.max(1) as i64,
                    Indices::SomeBad => -1..rows as i64 + 1,
                };
                vec(range, count(dims))
            };
            let is_float32 = weights.map(|is_float32| is_float32 && T::TYPE.is_half());
            (
                (values(count(&src_dims)), values(count(&other_dims)), values(columns), sample::select(divisors)),
                (numbers(&dims[0], rows), numbers(&dims[1], others)),
                Just((src_dims, other_dims, dims, is_float32, combine, slope)),
            )
        })
        .prop_map(|((src, other, weights, heads), (index, other_index), fixed)| {
            let (src_dims, other_dims, [index_dims, other_index_dims], is_float32, combine, negative_slope) = fixed;
            let of = |values: &[i8]| values.iter().map(|&value| T::of(value.into())).collect::<Vec<_>>();
            let weights = is_float32.map(|is_float32| Weights {
                dims: vec![weights.len()],
                values: if is_float32 {
                    // More bits than 16-bit floats have.
                    WeightValues::Float32(weights.iter().map(|&w| f32::from(w) * (1.0 + 1.0 / 2048.0)).collect())
                } else {
                    WeightValues::Same(of(&weights))
                },
            });
            let (src, other) = (of(&src), of(&other));
            GatherDotCase {
                src_dims,
                src,
                index_dims,
                index,
                other_dims,
                other,
                other_index_dims,
                other_index,
                weights,
                combine,
                heads,
                negative_slope,
            }
        })
}

/// Pairs of 997 and 331 rows, with weights. Sums are exact in any order.
pub fn large_case<T: FloatElement>(combine: Combine, columns: usize, heads: usize, length: usize) -> GatherDotCase<T> {
    let (rows, others) = (997, 331);
    let values = |count: usize, step: usize| -> Vec<T> {
        (0..count).map(|i| T::of(((i * step + i / 7) % 9) as f64 - 4.0)).collect()
    };
    let index: Vec<i64> = (0..length).map(|e| (e * 7919 % rows) as i64).collect();
    let other_index: Vec<i64> = (0..length).map(|e| (e * 6007 % others) as i64).collect();
    let (src, other) = (values(rows * columns, 37), values(others * columns, 53));
    let weights = Weights { dims: vec![columns], values: WeightValues::Same(values(columns, 5)) };
    let case = GatherDotCase::new(columns, combine, &src, &index, &other, &other_index);
    GatherDotCase { heads, weights: Some(weights), ..case }
}

/// Pairs of every two of some special values, in rows of `columns` columns, the others of which are small.
pub fn special_values<T: FloatElement>(combine: Combine, columns: usize) -> GatherDotCase<T> {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, T::largest(), -T::largest()];
    let in_row = |value: f64| (0..columns).map(move |column| T::of(if column == columns / 2 { value } else { 2.0 }));
    let src: Vec<T> = special.into_iter().flat_map(in_row).collect();
    let count = special.len() as i64;
    let index: Vec<i64> = (0..count * count).map(|e| e / count).collect();
    let other_index: Vec<i64> = (0..count * count).map(|e| e % count).collect();
    GatherDotCase::new(columns, combine, &src, &index, &src, &other_index)
}
