//! Scores of pairs of rows that are read through two indices, on the CPU.

use super::{check::check_index, reduce::ELEMENTS_PER_THREAD, threads::Division};
use crate::{
    Accumulator, BadIndex, Combine, Error, Float, FloatAccumulator, GatherDotOptions, GatherDotPlan, Index, Tensor,
    TensorView, TensorViewMut, Weight,
    gather_segment::{WEIGHT, check_float32_beside},
    try_vec::{copied, filled},
};

/// The sums that are taken side by side: as many float32 as a vector register of AVX2 has.
const WAYS: usize = 8;

/// The scores of pairs of rows that two indices name: what a graph attention layer computes for each edge before its
/// softmax. cuSPARSE calls it a sampled dense-dense matrix multiplication.
///
/// With `src` of shape [.., R, ..], `other` of shape [.., S, ..], which differ in R and S alone, and indices of shape
/// [.., E], whose leading axes expand to src's, the result has shape [.., E, H]. The K values of a row are H heads of
/// K / H neighbouring columns. `out[.., e, h]` is the sum over the columns c of head h of
/// `weight[c] * combine(src[.., index[.., e], c], other[.., other_index[.., e], c])`. Without weights nothing is
/// multiplied.
///
/// [`Combine::Mul`] is the product. [`Combine::Add`] is the sum, times the negative slope where it is not above 0. The
/// rows that are read are never stored, and 16-bit floats are computed with as float32 and rounded once, at the end. A
/// pair with a bad index ([`BadIndex::Skip`]) has score 0.
///
/// ```
/// use tensorrt_scatter::{Combine, GatherDotOptions, Tensor, cpu};
/// let key = Tensor::new(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let query = Tensor::new(&[2, 2], vec![1.0, 0.0, 1.0, 10.0])?;
/// let from = Tensor::new(&[3], vec![2, 0, 1])?;
/// let to = Tensor::new(&[3], vec![1, 1, 0])?;
/// let out = cpu::gather_dot(&key, &from, &query, &to, None, &GatherDotOptions::new(Combine::Mul))?;
/// assert_eq!(out.data(), [65.0, 21.0, 3.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`GatherDotPlan::new`] for shapes that do not fit; [`Error::WeightType`] for weights of [`Weight::Float32`]
/// where src has no 16-bit floats; [`Error::IndexOutOfRange`] under [`BadIndex::Error`]; [`Error::OutOfMemory`].
pub fn gather_dot<'a, T: Float, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    other: impl Into<TensorView<'a, T>>,
    other_index: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherDotOptions,
) -> Result<Tensor<T>, Error> {
    let inputs =
        Inputs { src: src.into(), index: index.into(), other: other.into(), other_index: other_index.into(), weight };
    let plan = inputs.plan(options)?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    inputs.run_into(&plan, options.bad_index, out.data_mut())?;
    Ok(out)
}

/// [`gather_dot`] that writes to the caller's tensor, to every element of it.
///
/// # Errors
/// Those of [`gather_dot`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is written
/// then.
pub fn gather_dot_into<'a, T: Float, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    other: impl Into<TensorView<'a, T>>,
    other_index: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherDotOptions,
    out: impl Into<TensorViewMut<'a, T>>,
) -> Result<(), Error> {
    let inputs =
        Inputs { src: src.into(), index: index.into(), other: other.into(), other_index: other_index.into(), weight };
    let (plan, out) = (inputs.plan(options)?, out.into());
    plan.check_output(out.shape())?;
    inputs.run_into(&plan, options.bad_index, out.into_data())
}

struct Inputs<'a, T, I> {
    src: TensorView<'a, T>,
    index: TensorView<'a, I>,
    other: TensorView<'a, T>,
    other_index: TensorView<'a, I>,
    weight: Option<Weight<'a, T>>,
}

impl<T: Float, I: Index> Inputs<'_, T, I> {
    fn plan(&self, options: &GatherDotOptions) -> Result<GatherDotPlan, Error> {
        if let Some(Weight::Float32(_)) = self.weight {
            check_float32_beside(T::TYPE, WEIGHT)?;
        }
        let [src, index, other, other_index] =
            [self.src.shape(), self.index.shape(), self.other.shape(), self.other_index.shape()];
        GatherDotPlan::new(src, index, other, other_index, self.weight.as_ref().map(Weight::shape), options)
    }

    fn run_into(&self, plan: &GatherDotPlan, bad_index: BadIndex, out: &mut [T]) -> Result<(), Error> {
        check_index(&plan.rows, &self.index, bad_index)?;
        check_index(&plan.other_rows, &self.other_index, bad_index)?;
        let weight = self.weight.map(widened).transpose()?;
        let weight = weight.as_deref();
        let negative_slope = T::Accumulator::from_f64(plan.negative_slope);
        match plan.combine {
            Combine::Mul => self.score(plan, weight, out, |a, b| a.mul(b)),
            Combine::Add => self.score(plan, weight, out, |a, b| {
                let sum = a.add(b);
                if sum > T::Accumulator::ZERO { sum } else { sum.mul(negative_slope) }
            }),
        }
        Ok(())
    }

    fn score(
        &self,
        plan: &GatherDotPlan,
        weight: Option<&[T::Accumulator]>,
        out: &mut [T],
        combine: impl Fn(T::Accumulator, T::Accumulator) -> T::Accumulator + Sync,
    ) {
        let (heads, columns) = (plan.heads, plan.columns_of_head());
        if out.is_empty() || columns == 0 {
            return out.fill(T::zeroed());
        }
        let (rows, other_rows) = (&plan.rows, &plan.other_rows);
        let (src, other) = (self.src.data(), self.other.data());
        let division = Division::new(out.len() * columns, ELEMENTS_PER_THREAD);
        let part_rows = division.part_length(out.len() / heads);
        division.for_each(out.chunks_mut(part_rows * heads).enumerate(), |(part, out)| {
            for (row, scores) in out.chunks_mut(heads).enumerate() {
                let (b, e) = ((part * part_rows + row) / rows.e, (part * part_rows + row) % rows.e);
                let from = self.index.data()[rows.index_start(b) + e].group(rows.s);
                let to = self.other_index.data()[other_rows.index_start(b) + e].group(other_rows.s);
                let Some((from, to)) = from.zip(to) else {
                    scores.fill(T::zeroed());
                    continue;
                };
                let from = &src[(b * rows.s + from) * rows.k..][..rows.k];
                let to = &other[(b * other_rows.s + to) * rows.k..][..rows.k];
                for (head, score) in scores.iter_mut().enumerate() {
                    let range = head * columns..(head + 1) * columns;
                    let (from, to) = (&from[range.clone()], &to[range.clone()]);
                    let sum = match weight {
                        None => sum_columns(columns, |c| combine(from[c].widen(), to[c].widen())),
                        Some(weight) => {
                            let weight = &weight[range];
                            sum_columns(columns, |c| combine(from[c].widen(), to[c].widen()).mul(weight[c]))
                        }
                    };
                    *score = T::narrow(sum);
                }
            }
        });
    }
}

/// The weights as accumulators.
fn widened<T: Float>(weight: Weight<'_, T>) -> Result<Vec<T::Accumulator>, Error> {
    match weight {
        Weight::Same(weight) => {
            let mut wide = filled(weight.data().len(), T::Accumulator::ZERO)?;
            wide.iter_mut().zip(weight.data()).for_each(|(wide, &value)| *wide = value.widen());
            Ok(wide)
        }
        // The accumulators of 16-bit floats are float32.
        Weight::Float32(weight) => copied(bytemuck::cast_slice(weight.data())),
    }
}

/// The sum of the values of the columns below `columns`: in [`WAYS`] sums side by side, of every `WAYS`-th column each,
/// which are then added up, and then the columns that are left over.
fn sum_columns<A: Accumulator>(columns: usize, value: impl Fn(usize) -> A) -> A {
    let mut sums = [A::ZERO; WAYS];
    let whole = columns - columns % WAYS;
    for first in (0..whole).step_by(WAYS) {
        for (way, sum) in sums.iter_mut().enumerate() {
            *sum = sum.add(value(first + way));
        }
    }
    (whole..columns).fold(sums.into_iter().fold(A::ZERO, A::add), |sum, column| sum.add(value(column)))
}
