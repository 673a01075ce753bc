//! Attention over segments of rows that are read through an index, on the CPU.

use super::{
    check::check_index,
    reduce::{ELEMENTS_PER_THREAD, Sizes},
    walk::{Gathered, Weighted},
};
use crate::{
    Accumulator, AttentionCsrOptions, AttentionCsrPlan, BadIndex, Error, Float, FloatAccumulator, Index, Scalar,
    Tensor, TensorView, TensorViewMut, Weight, attention_csr::SCORE, gather_segment::check_float32_beside,
    try_vec::filled,
};

/// The sum of the rows of `src` that an index names in each segment, each times the softmax of its score over the
/// segment: what a graph attention layer, or attention over the points of a neighbourhood, computes of its scores.
///
/// With `src` of shape [.., R, ..], an index of shape [.., E] and an indptr of shape [.., N + 1], whose leading axes
/// expand to src's, `out[.., n, ..]` is the sum of all `alpha[.., e] * src[.., index[.., e], ..]` with
/// `indptr[.., n] <= e < indptr[.., n + 1]`, where `alpha` is the softmax of `score` over these e. Scores of shape
/// [.., E, H] have one of H heads for each K / H neighbouring columns of the K that follow the axis of R. An empty segment
/// gives 0.
///
/// This is [`softmax_csr`](super::softmax_csr()), and then [`gather_segment_csr`](super::gather_segment_csr()) with the
/// softmaxes as weights, but neither the softmaxes nor the rows are stored, and 16-bit floats are rounded once, at the
/// end. An element that is left out for its index ([`BadIndex::Skip`]) counts as not in the segment: its score is left
/// out too.
///
/// ```
/// use tensorrt_scatter::{AttentionCsrOptions, Tensor, Weight, cpu};
/// let src = Tensor::new(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let index = Tensor::new(&[3], vec![2, 0, 1])?;
/// let indptr = Tensor::new(&[3], vec![0, 2, 3])?;
/// // Elements 0 and 1 are equally important to segment 0.
/// let score = Tensor::new(&[3], vec![7.0, 7.0, 0.5])?;
/// let score = Weight::Same(score.view());
/// let out = cpu::attention_csr(&src, &index, &indptr, score, &AttentionCsrOptions::new())?;
/// assert_eq!(out.data(), [3.0, 4.0, 3.0, 4.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`AttentionCsrPlan::new`] for shapes that do not fit; [`Error::WeightType`] for scores of
/// [`Weight::Float32`] where src has no 16-bit floats; [`Error::IndexOutOfRange`] and [`Error::IndptrOutOfRange`] under
/// [`BadIndex::Error`]; [`Error::OutOfMemory`].
pub fn attention_csr<'a, T: Float, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    indptr: impl Into<TensorView<'a, I>>,
    score: Weight<'_, T>,
    options: &AttentionCsrOptions,
) -> Result<Tensor<T>, Error> {
    let inputs = Inputs { src: src.into(), index: index.into(), indptr: indptr.into(), score };
    let plan = inputs.plan()?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    inputs.run_into(&plan, options.bad_index, out.data_mut())?;
    Ok(out)
}

/// [`attention_csr`] that writes to the caller's tensor, to every element of it.
///
/// # Errors
/// Those of [`attention_csr`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is written
/// then.
pub fn attention_csr_into<'a, T: Float, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    indptr: impl Into<TensorView<'a, I>>,
    score: Weight<'_, T>,
    options: &AttentionCsrOptions,
    out: impl Into<TensorViewMut<'a, T>>,
) -> Result<(), Error> {
    let inputs = Inputs { src: src.into(), index: index.into(), indptr: indptr.into(), score };
    let (plan, out) = (inputs.plan()?, out.into());
    plan.check_output(out.shape())?;
    inputs.run_into(&plan, options.bad_index, out.into_data())
}

struct Inputs<'a, T, I> {
    src: TensorView<'a, T>,
    index: TensorView<'a, I>,
    indptr: TensorView<'a, I>,
    score: Weight<'a, T>,
}

impl<T: Float, I: Index> Inputs<'_, T, I> {
    fn plan(&self) -> Result<AttentionCsrPlan, Error> {
        if let Weight::Float32(_) = self.score {
            check_float32_beside(T::TYPE, SCORE)?;
        }
        let [src, index, indptr] = [self.src.shape(), self.index.shape(), self.indptr.shape()];
        AttentionCsrPlan::new(src, index, indptr, self.score.shape())
    }

    fn run_into(&self, plan: &AttentionCsrPlan, bad_index: BadIndex, out: &mut [T]) -> Result<(), Error> {
        check_index(&plan.gather.rows, &self.index, bad_index)?;
        check_index(&plan.gather.segments, &self.indptr, bad_index)?;
        let (index, indptr) = (self.index.data(), self.indptr.data());
        let rows = Gathered { plan: &plan.gather, src: self.src.data(), index, indptr, perm: None };
        match self.score {
            Weight::Same(score) => attend(&Weighted { rows, weight: score.data(), layout: plan.layout() }, out),
            Weight::Float32(score) => {
                // The accumulators of 16-bit floats are float32.
                let weight: &[T::Accumulator] = bytemuck::cast_slice(score.data());
                attend(&Weighted { rows, weight, layout: plan.layout() }, out)
            }
        }
    }
}

/// What is known of the scores of a segment, in one head.
#[derive(Clone, Copy)]
struct Head<A> {
    /// The largest score, before all are read; then what is subtracted from each: 0 where there is no number.
    shift: A,
    /// The sum of exp(score - shift).
    sum: A,
}

/// Three passes over the elements of each segment: the largest score, the sum of exponentials, the weighted rows.
fn attend<T, W, I>(rows: &Weighted<'_, T, W, I, I>, out: &mut [T]) -> Result<(), Error>
where
    T: Float,
    W: Scalar<Accumulator = T::Accumulator>,
    I: Index,
{
    if out.is_empty() {
        return Ok(());
    }
    let sizes = Sizes::of_segments(&rows.rows.plan.segments);
    let (k, heads) = (sizes.k, rows.layout.heads);
    let width = k / heads;
    let start = Head { shift: T::Accumulator::NEG_INFINITY, sum: T::Accumulator::ZERO };
    let mut of_segments = filled(sizes.b * sizes.n * heads, start)?;
    let mut sums = filled(out.len(), T::Accumulator::ZERO)?;

    let division = sizes.division(rows, ELEMENTS_PER_THREAD);
    let part_rows = division.part_length(sizes.b * sizes.n);
    let of_segments = of_segments.chunks_mut(part_rows * heads);
    let parts = out.chunks_mut(part_rows * k).zip(sums.chunks_mut(part_rows * k)).zip(of_segments).enumerate();
    division.for_each(parts, |(part, ((out, sums), of_segments))| {
        let (first, count) = (part * part_rows, out.len() / k);
        sizes.visit(rows, first, count, |run| {
            let head = &mut of_segments[run.row * heads + run.column / width];
            head.shift = if run.weight > head.shift { run.weight } else { head.shift };
        });
        for head in &mut *of_segments {
            head.shift = if head.shift == T::Accumulator::NEG_INFINITY { T::Accumulator::ZERO } else { head.shift };
        }
        sizes.visit(rows, first, count, |run| {
            let head = &mut of_segments[run.row * heads + run.column / width];
            head.sum = head.sum.add(run.weight.sub(head.shift).exp());
        });
        sizes.visit(rows, first, count, |run| {
            let head = &of_segments[run.row * heads + run.column / width];
            let softmax = run.weight.sub(head.shift).exp().div(head.sum);
            for (sum, &value) in sums[run.row * k + run.column..].iter_mut().zip(run.stored) {
                *sum = sum.add(softmax.mul(value.widen()));
            }
        });
        out.iter_mut().zip(sums).for_each(|(out, &mut sum)| *out = T::narrow(sum));
    });
    Ok(())
}
