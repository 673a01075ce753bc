//! Scatter on the CPU.

use super::{
    check::{check_index, group_count},
    reduce::{Sizes, reduce},
    walk::ByIndex,
};
use crate::{
    BadIndex, Error, Index, Reduced, Scalar, ScatterOptions, ScatterPlan, Tensor, TensorView, TensorViewMut,
    reduction::Reduction,
};

/// Reduces the elements of `src` with the same index to one.
///
/// With `src` of shape [.., E, ..] and an index that broadcasts to it, `out[.., n, ..]` is the reduction of
/// all `src[.., e, ..]` with `index[.., e, ..] == n`. The reduction starts from `base`, which is torch_scatter's `out`
/// and has the result's shape.
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
/// [`BadIndex::Error`]; [`Error::ArgOutTooNarrow`] where a position does not fit the index's type;
/// [`Error::OutOfMemory`].
pub fn scatter<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    base: Option<TensorView<'_, T>>,
    options: &ScatterOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let (src, index) = (src.into(), index.into());
    let base_shape = base.as_ref().map(TensorView::shape);
    let group_count = || Ok(group_count(&index));
    let plan = ScatterPlan::with_group_count(src.shape(), index.shape(), base_shape, options, group_count)?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    let mut arg_out = plan.no_position()?.map(|nowhere| Tensor::full(*plan.out_shape(), nowhere)).transpose()?;
    run(&plan, &src, &index, base, options.bad_index, out.data_mut(), arg_out.as_mut().map(|a| a.data_mut()))?;
    Ok(Reduced { out, arg_out })
}

/// [`scatter`] that writes to the caller's tensors. `arg_out` is for min and max only, and is optional.
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
    let base_shape = base.as_ref().map(TensorView::shape);
    let mut options = *options;
    if options.dim_size.is_none() && base.is_none() {
        let dim = ScatterPlan::reduced_axis(src.shape(), &options)?;
        options.dim_size = out.shape().dims().get(dim).copied();
    }
    let plan = ScatterPlan::new(src.shape(), index.shape(), base_shape, &options)?;
    plan.check_outputs(out.shape(), arg_out.as_ref().map(TensorViewMut::shape))?;
    run(&plan, &src, &index, base, options.bad_index, out.into_data(), arg_out.map(|a| a.into_data()))
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
    let nowhere = plan.no_position()?;
    check_index(plan, index, bad_index)?;
    let walk = ByIndex::scatter(plan, src.data(), index.data());
    let base = base.map(|base| base.data());
    reduce(Sizes::of(plan), plan.reduce, &walk, base, nowhere, out, arg_out)
}
