//! Reductions over segments on the CPU.

use super::{
    check::{check_index, group_count},
    reduce::{Sizes, reduce},
    walk::{ByIndex, ByIndptr},
};
use crate::{
    BadIndex, Error, Index, Reduced, Scalar, SegmentCooOptions, SegmentCsrOptions, SegmentPlan, Tensor, TensorView,
    TensorViewMut, reduction::Reduction, segment::Segments,
};

/// Reduces the elements of `src` with the same index to one, where the index is sorted along its last axis.
///
/// With `src` of shape [.., E, ..] and an index of shape [.., E] whose leading axes expand to src's, `out[.., n, ..]`
/// is the reduction of all `src[.., e, ..]` with `index[.., e] == n`. The reduction starts from `base`, which is
/// torch_scatter's `out` and has the result's shape.
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
/// Those of [`SegmentPlan::coo`] for shapes that do not fit; [`Error::IndexOutOfRange`] and [`Error::UnsortedIndex`]
/// under [`BadIndex::Error`]; [`Error::ArgOutTooNarrow`] where a position does not fit the index's type;
/// [`Error::OutOfMemory`].
pub fn segment_coo<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    base: Option<TensorView<'_, T>>,
    options: &SegmentCooOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let (src, index) = (src.into(), index.into());
    let base_shape = base.as_ref().map(TensorView::shape);
    let segment_count = || Ok(group_count(&index));
    let plan = SegmentPlan::coo_with_segment_count(src.shape(), index.shape(), base_shape, options, segment_count)?;
    run(&plan, &src, &index, base, options.bad_index)
}

/// [`segment_coo`] that writes to the caller's tensors. `arg_out` is for min and max only, and is optional.
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
    run_into(&plan, &src, &index, base, options.bad_index, out, arg_out)
}

/// Reduces each segment of `src` to one row; `indptr` has the bounds of the segments.
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
/// [`BadIndex::Error`]; [`Error::ArgOutTooNarrow`] where a position does not fit indptr's type;
/// [`Error::OutOfMemory`].
pub fn segment_csr<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    indptr: impl Into<TensorView<'a, I>>,
    options: &SegmentCsrOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let (src, indptr) = (src.into(), indptr.into());
    let plan = SegmentPlan::csr(src.shape(), indptr.shape(), options)?;
    run(&plan, &src, &indptr, None, options.bad_index)
}

/// [`segment_csr`] that writes to the caller's tensors, to every element of them. `arg_out` is for min and max only,
/// and is optional.
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
    run_into(&plan, &src, &indptr, None, options.bad_index, out.into(), arg_out)
}

fn run<T: Scalar, I: Index>(
    plan: &SegmentPlan,
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    base: Option<TensorView<'_, T>>,
    bad_index: BadIndex,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    let mut arg_out = plan.no_position()?.map(|nowhere| Tensor::full(*plan.out_shape(), nowhere)).transpose()?;
    run_into(plan, src, index, base, bad_index, out.view_mut(), arg_out.as_mut().map(Tensor::view_mut))?;
    Ok(Reduced { out, arg_out })
}

fn run_into<T: Scalar, I: Index>(
    plan: &SegmentPlan,
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    base: Option<TensorView<'_, T>>,
    bad_index: BadIndex,
    out: TensorViewMut<'_, T>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    plan.check_outputs(out.shape(), arg_out.as_ref().map(TensorViewMut::shape))?;
    let nowhere = plan.no_position()?;
    check_index(plan, index, bad_index)?;
    let (sizes, base) = (Sizes::of_segments(plan), base.map(|base| base.data()));
    let (out, arg_out) = (out.into_data(), arg_out.map(TensorViewMut::into_data));
    match plan.segments {
        Segments::Index => {
            let is_sorted = match bad_index {
                BadIndex::Error => true,
                BadIndex::Skip => false,
            };
            let walk = ByIndex::segments(plan, src.data(), index.data(), is_sorted);
            reduce(sizes, plan.reduce, &walk, base, nowhere, out, arg_out)
        }
        Segments::Indptr => {
            let walk = ByIndptr::new(plan, src.data(), index.data());
            reduce(sizes, plan.reduce, &walk, base, nowhere, out, arg_out)
        }
    }
}
