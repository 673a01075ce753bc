//! Reductions of rows that are read through an index, over segments that a sorted index gives, on the CPU.

use super::gather_scatter::{gather_scatter, gather_scatter_into};
use crate::{Error, GatherSegmentCooOptions, Index, Reduced, Scalar, Tensor, TensorView, TensorViewMut, Weight};

/// Reduces segments of rows of `src` that an index names, each times its weight.
///
/// This is [`gather_scatter`] for destinations that are sorted along their last axis: `out[.., n, ..]` is the reduction
/// of all `weight[.., e] * src[.., index[.., e], ..]` with `destination[.., e] == n`. The results have the same bits.
/// Nothing is sorted, so the call is faster and needs less memory.
///
/// ```
/// use tensorrt_scatter::{GatherSegmentCooOptions, Reduce, Tensor, Weight, cpu};
/// let src = Tensor::new(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let index = Tensor::new(&[3], vec![2, 0, 2])?;
/// let destination = Tensor::new(&[3], vec![0, 0, 2])?;
/// let weight = Tensor::new(&[3], vec![1.0, 10.0, 2.0])?;
/// let weight = Some(Weight::Same(weight.view()));
/// let options = GatherSegmentCooOptions::new(Reduce::Sum);
/// let sum = cpu::gather_segment_coo(&src, &index, &destination, weight, &options)?;
/// assert_eq!(sum.out.data(), [15.0, 26.0, 0.0, 0.0, 10.0, 12.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`gather_scatter`]; [`Error::UnsortedIndex`] under [`BadIndex::Error`](crate::BadIndex::Error) for a
/// destination below the one before it.
pub fn gather_segment_coo<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    destination: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherSegmentCooOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    gather_scatter(src, index, destination, weight, &options.0)
}

/// [`gather_segment_coo`] that writes to the caller's tensors, to every element of them. Without a `dim_size`, the
/// number of segments is that of `out`. `arg_out` is for min and max only, and is optional.
///
/// # Errors
/// Those of [`gather_segment_coo`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
pub fn gather_segment_coo_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    destination: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherSegmentCooOptions,
    out: impl Into<TensorViewMut<'a, T>>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    gather_scatter_into(src, index, destination, weight, &options.0, out, arg_out)
}
