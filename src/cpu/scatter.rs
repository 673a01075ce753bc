//! Scatter on the CPU.

use rayon::prelude::*;

use super::check;
use crate::{
    Accumulator, BadIndex, Error, Index, Reduce, Reduced, Scalar, ScatterOptions, ScatterPlan, Shape, Tensor,
    TensorView, TensorViewMut, broadcast,
};

/// Reduces the elements of `src` that share an index.
///
/// With `src` of shape [.., E, ..] and an index that broadcasts to it, `out[.., n, ..]` is the reduction of
/// all `src[.., e, ..]` with `index[.., e, ..] == n`. `base`, torch_scatter's `out`, is what the reduction
/// starts from: it is added to, multiplied, or compared with, and has the result's shape.
///
/// ```
/// use tensorrt_scatter::{Reduce, ScatterOptions, Tensor, cpu};
/// let src = Tensor::new(&[4], vec![1.0, 5.0, 2.0, 3.0])?;
/// let index = Tensor::new(&[4], vec![0, 1, 0, 1])?;
/// let max = cpu::scatter(&src, &index, None, &ScatterOptions::new(Reduce::Max))?;
/// assert_eq!(max.out.data(), [2.0, 5.0]);
/// assert_eq!(max.arg_out.unwrap().data(), [2, 1]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`ScatterPlan::new`] for shapes that do not fit; [`Error::IndexOutOfRange`] under
/// [`BadIndex::Error`]; [`Error::ArgOutTooNarrow`] where a position does not fit the index's type.
pub fn scatter<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    base: Option<TensorView<'_, T>>,
    options: &ScatterOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let (src, index) = (src.into(), index.into());
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        // The shapes come first: a bad one is the better message.
        let dim = ScatterPlan::reduced_axis(src.shape(), &options)?;
        broadcast::scatter_layout(src.shape(), index.shape(), dim)?;
        // As in torch_scatter, an index that no element of src uses names no group.
        options.dim_size = Some(if src.data().is_empty() { 0 } else { group_count(&index) });
    }
    let plan = ScatterPlan::new(src.shape(), index.shape(), base.as_ref().map(|b| b.shape()), &options)?;
    let mut out = Tensor::try_full(*plan.out_shape(), T::zeroed())?;
    let mut arg_out = plan
        .reduce()
        .has_arg()
        .then(|| no_position(&plan).and_then(|position| Tensor::try_full(*plan.out_shape(), position)))
        .transpose()?;
    run(&plan, &src, &index, base, options.bad_index, out.data_mut(), arg_out.as_mut().map(|a| a.data_mut()))?;
    Ok(Reduced { out, arg_out })
}

/// [`scatter`] into tensors of the caller's. `arg_out` is for min and max alone, and may be left out there.
///
/// # Errors
/// Those of [`scatter`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
pub fn scatter_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    base: Option<TensorView<'_, T>>,
    options: &ScatterOptions,
    out: impl Into<TensorViewMut<'a, T>>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    let (src, index, out) = (src.into(), index.into(), out.into());
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        let dim = ScatterPlan::reduced_axis(src.shape(), &options)?;
        options.dim_size = out.shape().dims().get(dim).copied();
    }
    let plan = ScatterPlan::new(src.shape(), index.shape(), base.as_ref().map(|b| b.shape()), &options)?;
    plan.check_output("out", out.shape())?;
    if let Some(arg_out) = &arg_out {
        plan.check_has_arg()?;
        plan.check_output("arg_out", arg_out.shape())?;
    }
    run(&plan, &src, &index, base, options.bad_index, out.into_data(), arg_out.map(|a| a.into_data()))
}

/// The largest index plus one: how many groups there are when nothing else says so.
pub fn group_count<I: Index>(index: &TensorView<'_, I>) -> usize {
    let largest = index.data().par_iter().max();
    largest.map_or(0, |&largest| usize::try_from(largest.to_i64().saturating_add(1)).unwrap_or(0))
}

/// What `arg_out` says where nothing arrived or base won: src's length along the reduced axis.
fn no_position<I: Index>(plan: &ScatterPlan) -> Result<I, Error> {
    I::from_position(plan.e).ok_or(Error::ArgOutTooNarrow { length: plan.e })
}

fn run<T: Scalar, I: Index>(
    plan: &ScatterPlan,
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    base: Option<TensorView<'_, T>>,
    bad_index: BadIndex,
    out: &mut [T],
    arg_out: Option<&mut [I]>,
) -> Result<(), Error> {
    let nowhere: I = if plan.reduce.has_arg() { no_position(plan)? } else { bytemuck::Zeroable::zeroed() };
    check::check_groups(plan, index, bad_index)?;
    if out.is_empty() {
        return Ok(());
    }
    // Each part holds whole rows of out, so that no two threads write one; every part reads the whole index
    // of its b, so there are no more parts than threads can use.
    let parts_per_b = rayon::current_num_threads().div_ceil(plan.b).min(plan.n);
    let rows_per_part = plan.n.div_ceil(parts_per_b);
    let part = |b: usize, row: usize| Part { plan, src: src.data(), index: index.data(), b, first_row: row };
    let parts = out.par_chunks_mut(plan.n * plan.k).enumerate();
    let base = base.map(|base| base.data());
    let base_of = |b: usize, row: usize, len: usize| base.map(|base| &base[(b * plan.n + row) * plan.k..][..len]);
    let chunk = rows_per_part * plan.k;
    if !plan.reduce.has_arg() {
        parts.for_each(|(b, rows)| {
            rows.par_chunks_mut(chunk).enumerate().for_each(|(i, out)| {
                let row = i * rows_per_part;
                part(b, row).accumulate(base_of(b, row, out.len()), out);
            });
        });
        return Ok(());
    }
    let mut unwanted = Vec::new();
    let arg_out = arg_out.unwrap_or_else(|| {
        unwanted = vec![nowhere; out_len(plan)];
        &mut unwanted
    });
    parts.zip(arg_out.par_chunks_mut(plan.n * plan.k)).for_each(|((b, rows), args)| {
        rows.par_chunks_mut(chunk).zip(args.par_chunks_mut(chunk)).enumerate().for_each(|(i, (out, arg))| {
            let row = i * rows_per_part;
            part(b, row).select(base_of(b, row, out.len()), nowhere, out, arg);
        });
    });
    Ok(())
}

fn out_len(plan: &ScatterPlan) -> usize {
    Shape::element_count(plan.out_shape())
}

/// Some whole rows of the result, of one b: what one thread reduces.
struct Part<'a, T, I> {
    plan: &'a ScatterPlan,
    src: &'a [T],
    index: &'a [I],
    b: usize,
    first_row: usize,
}

impl<T: Scalar, I: Index> Part<'_, T, I> {
    /// Calls `visit(element of src, element of the part, e)` for each element that lands in the part's rows,
    /// in the order of src.
    fn for_each(&self, rows: usize, mut visit: impl FnMut(T, usize, usize)) {
        let plan = self.plan;
        let is_row_index = plan.layout.is_row_index();
        let row_of = |e: usize, k: usize| {
            let group = self.index[plan.layout.position(self.b, e, k)].group(plan.n)?;
            group.checked_sub(self.first_row).filter(|&row| row < rows)
        };
        for e in 0..plan.e {
            let src = &self.src[(self.b * plan.e + e) * plan.k..][..plan.k];
            if is_row_index {
                if let Some(row) = row_of(e, 0) {
                    for (k, &value) in src.iter().enumerate() {
                        visit(value, row * plan.k + k, e);
                    }
                }
            } else {
                for (k, &value) in src.iter().enumerate() {
                    if let Some(row) = row_of(e, k) {
                        visit(value, row * plan.k + k, e);
                    }
                }
            }
        }
    }

    /// Sum, mul and mean.
    fn accumulate(&self, base: Option<&[T]>, out: &mut [T]) {
        let rows = out.len() / self.plan.k;
        let is_mul = self.plan.reduce == Reduce::Mul;
        let identity = if is_mul { T::Accumulator::ONE } else { T::Accumulator::ZERO };
        let mut accumulators = match base {
            Some(base) => base.iter().map(|value| value.widen()).collect(),
            None => vec![identity; out.len()],
        };
        match self.plan.reduce {
            Reduce::Mul => self.for_each(rows, |value, at, _| accumulators[at] = accumulators[at].mul(value.widen())),
            Reduce::Mean => {
                let mut counts = vec![0u64; out.len()];
                self.for_each(rows, |value, at, _| {
                    accumulators[at] = accumulators[at].add(value.widen());
                    counts[at] += 1;
                });
                for (accumulator, count) in accumulators.iter_mut().zip(counts) {
                    *accumulator = accumulator.divide_by_count(count.max(1));
                }
            }
            _ => self.for_each(rows, |value, at, _| accumulators[at] = accumulators[at].add(value.widen())),
        }
        for (out, accumulator) in out.iter_mut().zip(accumulators) {
            *out = T::narrow(accumulator);
        }
    }

    /// Min and max. A NaN never replaces a number, and among equals the first element stays.
    fn select(&self, base: Option<&[T]>, nowhere: I, out: &mut [T], arg: &mut [I]) {
        let rows = out.len() / self.plan.k;
        match base {
            Some(base) => out.copy_from_slice(base),
            None => out.fill(T::zeroed()),
        }
        arg.fill(nowhere);
        let is_max = self.plan.reduce == Reduce::Max;
        self.for_each(rows, |value, at, e| {
            let is_first = base.is_none() && arg[at] == nowhere;
            let wins = if is_first {
                value.partial_cmp(&value).is_some()
            } else if is_max {
                value > out[at]
            } else {
                value < out[at]
            };
            if wins {
                out[at] = value;
                // A position along an axis whose length fits the type fits as well.
                arg[at] = I::from_position(e).unwrap_or(nowhere);
            }
        });
    }
}
