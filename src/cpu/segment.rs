//! Reductions over segments on the CPU.

use std::ops::Range;

use rayon::prelude::*;

use super::check;
use crate::{
    Accumulator, BadIndex, Error, Index, Reduce, Reduced, Scalar, SegmentCooOptions, SegmentCsrOptions, SegmentPlan,
    Tensor, TensorView, TensorViewMut, segment::Segments,
};

/// Reduces the elements of `src` that share an index, where the index is sorted along its last axis.
///
/// With `src` of shape [.., E, ..] and an index of shape [.., E] whose leading axes expand to src's,
/// `out[.., n, ..]` is the reduction of all `src[.., e, ..]` with `index[.., e] == n`. `base`, torch_scatter's
/// `out`, is what the reduction starts from: it is added to or compared with, and has the result's shape.
///
/// ```
/// use tensorrt_scatter::{Reduce, SegmentCooOptions, Tensor, cpu};
/// let src = Tensor::new(&[4], vec![1.0, 5.0, 2.0, 3.0])?;
/// let index = Tensor::new(&[4], vec![0, 0, 2, 2])?;
/// let max = cpu::segment_coo(&src, &index, None, &SegmentCooOptions::new(Reduce::Max))?;
/// assert_eq!(max.out.data(), [5.0, 0.0, 3.0]);
/// assert_eq!(max.arg_out.unwrap().data(), [1, 4, 3]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`SegmentPlan::coo`] for shapes that do not fit; [`Error::IndexOutOfRange`] and
/// [`Error::UnsortedIndex`] under [`BadIndex::Error`]; [`Error::ArgOutTooNarrow`] where a position does not fit the
/// index's type.
pub fn segment_coo<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    base: Option<TensorView<'_, T>>,
    options: &SegmentCooOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let (src, index) = (src.into(), index.into());
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        // The shapes come first: a bad one is the better message.
        SegmentPlan::check_coo(src.shape(), index.shape(), &options)?;
        options.dim_size = Some(super::scatter::group_count(&index));
    }
    let plan = SegmentPlan::coo(src.shape(), index.shape(), base.as_ref().map(|b| b.shape()), &options)?;
    reduce(&plan, &src, &index, base, options.bad_index)
}

/// [`segment_coo`] into tensors of the caller's. `arg_out` is for min and max alone, and may be left out there.
///
/// # Errors
/// Those of [`segment_coo`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
pub fn segment_coo_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    base: Option<TensorView<'_, T>>,
    options: &SegmentCooOptions,
    out: impl Into<TensorViewMut<'a, T>>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    let (src, index, out) = (src.into(), index.into(), out.into());
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        let axis = SegmentPlan::check_coo(src.shape(), index.shape(), &options)?;
        options.dim_size = out.shape().dims().get(axis).copied();
    }
    let plan = SegmentPlan::coo(src.shape(), index.shape(), base.as_ref().map(|b| b.shape()), &options)?;
    reduce_into(&plan, &src, &index, base, options.bad_index, out, arg_out)
}

/// Reduces the segments of `src` that `indptr` delimits.
///
/// With `src` of shape [.., E, ..] and an indptr of shape [.., N + 1] whose leading axes expand to src's,
/// `out[.., n, ..]` is the reduction of all `src[.., e, ..]` with `indptr[.., n] <= e < indptr[.., n + 1]`.
///
/// ```
/// use tensorrt_scatter::{Reduce, SegmentCsrOptions, Tensor, cpu};
/// let src = Tensor::new(&[4], vec![1.0, 5.0, 2.0, 3.0])?;
/// let indptr = Tensor::new(&[4], vec![0, 2, 2, 4])?;
/// let sum = cpu::segment_csr(&src, &indptr, &SegmentCsrOptions::new(Reduce::Sum))?;
/// assert_eq!(sum.out.data(), [6.0, 0.0, 5.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`SegmentPlan::csr`] for shapes that do not fit; [`Error::IndptrOutOfRange`] under
/// [`BadIndex::Error`]; [`Error::ArgOutTooNarrow`] where a position does not fit indptr's type.
pub fn segment_csr<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    indptr: impl Into<TensorView<'a, I>>,
    options: &SegmentCsrOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let (src, indptr) = (src.into(), indptr.into());
    let plan = SegmentPlan::csr(src.shape(), indptr.shape(), options)?;
    reduce(&plan, &src, &indptr, None, options.bad_index)
}

/// [`segment_csr`] into tensors of the caller's, of which every element is overwritten. `arg_out` is for min and max
/// alone, and may be left out there.
///
/// # Errors
/// Those of [`segment_csr`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
pub fn segment_csr_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    indptr: impl Into<TensorView<'a, I>>,
    options: &SegmentCsrOptions,
    out: impl Into<TensorViewMut<'a, T>>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    let (src, indptr) = (src.into(), indptr.into());
    let plan = SegmentPlan::csr(src.shape(), indptr.shape(), options)?;
    reduce_into(&plan, &src, &indptr, None, options.bad_index, out.into(), arg_out)
}

fn reduce<T: Scalar, I: Index>(
    plan: &SegmentPlan,
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    base: Option<TensorView<'_, T>>,
    bad_index: BadIndex,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let mut out = Tensor::try_full(*plan.out_shape(), T::zeroed())?;
    let mut arg_out = match plan.reduce.has_arg() {
        true => Some(Tensor::try_full(*plan.out_shape(), no_position(plan)?)?),
        false => None,
    };
    reduce_into(plan, src, index, base, bad_index, out.view_mut(), arg_out.as_mut().map(Tensor::view_mut))?;
    Ok(Reduced { out, arg_out })
}

fn reduce_into<T: Scalar, I: Index>(
    plan: &SegmentPlan,
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    base: Option<TensorView<'_, T>>,
    bad_index: BadIndex,
    out: TensorViewMut<'_, T>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    plan.check_output("out", out.shape())?;
    if let Some(arg_out) = &arg_out {
        plan.check_has_arg()?;
        plan.check_output("arg_out", arg_out.shape())?;
    }
    let nowhere: I = if plan.reduce.has_arg() { no_position(plan)? } else { bytemuck::Zeroable::zeroed() };
    if bad_index == BadIndex::Error && plan.uses_index() {
        check_index(plan, index)?;
    }
    let out = out.into_data();
    if out.is_empty() {
        return Ok(());
    }
    let mut unwanted = Vec::new();
    let arg_out = match arg_out {
        Some(arg_out) => arg_out.into_data(),
        None => {
            unwanted.resize(out.len(), nowhere);
            &mut unwanted
        }
    };
    let base = base.map(|base| base.data());
    let of_b = plan.n * plan.k;
    out.par_chunks_mut(of_b).zip(arg_out.par_chunks_mut(of_b)).enumerate().for_each(|(b, (out, arg))| {
        let segments = SegmentElements::new(plan, index.data(), b);
        let src = &src.data()[b * plan.e * plan.k..][..plan.e * plan.k];
        let rows = out.par_chunks_mut(plan.k).zip(arg.par_chunks_mut(plan.k)).enumerate();
        rows.for_each_init(
            || vec![T::Accumulator::ZERO; plan.k],
            |accumulators, (n, (out, arg))| {
                match base {
                    Some(base) => out.copy_from_slice(&base[(b * plan.n + n) * plan.k..][..plan.k]),
                    None => out.fill(T::zeroed()),
                }
                let row = Row { plan, src, segments: &segments, n };
                match plan.reduce {
                    Reduce::Min | Reduce::Max => row.select(nowhere, out, arg),
                    _ => row.accumulate(accumulators, out),
                }
            },
        );
    });
    Ok(())
}

/// What `arg_out` says where nothing arrived or base won: src's length along the reduced axis.
fn no_position<I: Index>(plan: &SegmentPlan) -> Result<I, Error> {
    I::from_position(plan.e).ok_or(Error::ArgOutTooNarrow { length: plan.e })
}

fn check_index<I: Index>(plan: &SegmentPlan, index: &TensorView<'_, I>) -> Result<(), Error> {
    let (data, row) = (index.data(), plan.index_row());
    match check::first_unsorted(data, row, plan.index_limit()) {
        None => Ok(()),
        Some(position) => {
            let previous = (position % row != 0).then(|| data[position - 1].to_i64());
            Err(plan.bad_index(position as u64, data[position].to_i64(), previous))
        }
    }
}

/// The elements of each segment of one b.
struct SegmentElements {
    /// The elements of all segments, segment after segment; the identity where there is none.
    order: Option<Vec<usize>>,
    /// Where each segment's elements lie in `order`.
    ranges: Vec<Range<usize>>,
}

impl SegmentElements {
    fn new<I: Index>(plan: &SegmentPlan, index: &[I], b: usize) -> Self {
        let entry = |e: usize| index[plan.layout.position(b, e, 0)];
        match plan.segments {
            Segments::Indptr => {
                let bound = |n: usize| usize::try_from(entry(n).to_i64()).unwrap_or(0).min(plan.e);
                Self { order: None, ranges: (0..plan.n).map(|n| bound(n)..bound(n + 1)).collect() }
            }
            Segments::Index => Self::sort(plan, (0..plan.e).map(|e| entry(e).group(plan.n))),
        }
    }

    /// Sorts the elements by segment, those of a segment staying in order: a counting sort. A sorted index is in
    /// order as it is.
    fn sort(plan: &SegmentPlan, segments: impl Iterator<Item = Option<usize>> + Clone) -> Self {
        let mut ends = vec![0; plan.n + 1];
        let (mut is_sorted, mut last) = (true, 0);
        for segment in segments.clone() {
            is_sorted &= segment.is_some_and(|segment| segment >= last);
            if let Some(segment) = segment {
                last = segment;
                ends[segment + 1] += 1;
            }
        }
        for n in 0..plan.n {
            ends[n + 1] += ends[n];
        }
        let ranges = ends.windows(2).map(|ends| ends[0]..ends[1]).collect();
        if is_sorted {
            return Self { order: None, ranges };
        }
        let mut order = vec![0; ends[plan.n]];
        for (e, segment) in segments.enumerate() {
            if let Some(segment) = segment {
                order[ends[segment]] = e;
                ends[segment] += 1;
            }
        }
        Self { order: Some(order), ranges }
    }

    /// The elements of a segment, in src's order.
    fn of(&self, n: usize) -> impl Iterator<Item = usize> {
        self.ranges[n].clone().map(|at| self.order.as_ref().map_or(at, |order| order[at]))
    }
}

/// One row of the result: what one thread reduces.
struct Row<'a, T> {
    plan: &'a SegmentPlan,
    /// src at the row's b.
    src: &'a [T],
    segments: &'a SegmentElements,
    n: usize,
}

impl<'a, T: Scalar> Row<'a, T> {
    fn elements(&self) -> impl Iterator<Item = (usize, &'a [T])> {
        let (src, k) = (self.src, self.plan.k);
        self.segments.of(self.n).map(move |e| (e, &src[e * k..][..k]))
    }

    /// Sum and mean; `out` holds what they start from.
    fn accumulate(&self, accumulators: &mut [T::Accumulator], out: &mut [T]) {
        for (accumulator, start) in accumulators.iter_mut().zip(&*out) {
            *accumulator = start.widen();
        }
        let mut count = 0u64;
        for (_, values) in self.elements() {
            count += 1;
            for (accumulator, value) in accumulators.iter_mut().zip(values) {
                *accumulator = accumulator.add(value.widen());
            }
        }
        let divisor = if self.plan.reduce == Reduce::Mean { Some(count.max(1)) } else { None };
        for (out, &accumulator) in out.iter_mut().zip(&*accumulators) {
            *out = T::narrow(divisor.map_or(accumulator, |count| accumulator.divide_by_count(count)));
        }
    }

    /// Min and max; `out` holds what they start from. A NaN never replaces a number, and among equals the first
    /// element stays.
    fn select<I: Index>(&self, nowhere: I, out: &mut [T], arg: &mut [I]) {
        arg.fill(nowhere);
        let is_max = self.plan.reduce == Reduce::Max;
        for (e, values) in self.elements() {
            for ((out, arg), &value) in out.iter_mut().zip(&mut *arg).zip(values) {
                let is_first = !self.plan.has_base && *arg == nowhere;
                let wins = if is_first {
                    value.partial_cmp(&value).is_some()
                } else if is_max {
                    value > *out
                } else {
                    value < *out
                };
                if wins {
                    *out = value;
                    // A position along an axis whose length fits the type fits as well.
                    *arg = I::from_position(e).unwrap_or(nowhere);
                }
            }
        }
    }
}
