//! Reductions of groups of rows that are read through an index, on the CPU.

use super::{
    check::{check_index, group_count},
    gather_segment::reduce_rows,
    group_index::{group, sorted_bounds},
    walk::Gathered,
};
use crate::{
    Error, GatherScatterOptions, GatherScatterPlan, Index, Reduced, Scalar, Tensor, TensorView, TensorViewMut, Weight,
    gather_segment::{WEIGHT, check_float32_beside},
    reduction::Reduction,
    try_vec,
};

/// Reduces groups of rows of `src` that an index names, each times its weight.
///
/// With `src` of shape [.., R, ..], and an index and destinations of shape [.., E], whose leading axes expand to src's,
/// `out[.., n, ..]` is the reduction of all `weight[.., e] * src[.., index[.., e], ..]` with `destination[.., e] == n`.
/// The destinations may be in any order. Weights of shape [.., E, H] have one of H heads for each K / H neighbouring
/// columns of the K that follow the axis of R. Without weights nothing is multiplied.
///
/// This is `scatter(weight * gather_coo(src, index), destination)`, but the rows that are read are never stored, and
/// 16-bit floats are multiplied and added as float32 and rounded once. A mean is divided by the number of elements, not
/// by the weights. `arg_out` has positions e; it is E for an empty group.
///
/// ```
/// use tensorrt_scatter::{GatherScatterOptions, Reduce, Tensor, Weight, cpu};
/// let src = Tensor::new(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let index = Tensor::new(&[3], vec![2, 0, 2])?;
/// let destination = Tensor::new(&[3], vec![1, 1, 0])?;
/// let weight = Tensor::new(&[3], vec![1.0, 10.0, 2.0])?;
/// let weight = Some(Weight::Same(weight.view()));
/// let options = GatherScatterOptions::new(Reduce::Sum).dim_size(2);
/// let sum = cpu::gather_scatter(&src, &index, &destination, weight, &options)?;
/// assert_eq!(sum.out.data(), [10.0, 12.0, 15.0, 26.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`GatherScatterPlan::new`] for shapes that do not fit; [`Error::WeightType`] for [`Weight::Float32`] where
/// src has no 16-bit floats; [`Error::IndexOutOfRange`] under [`BadIndex::Error`](crate::BadIndex::Error);
/// [`Error::ArgOutTooNarrow`] where a position does not fit the index's type; [`Error::OutOfMemory`].
pub fn gather_scatter<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    destination: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherScatterOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let inputs = Inputs { src: src.into(), index: index.into(), destination: destination.into(), weight };
    let plan = inputs.plan(options, || Ok(group_count(&inputs.destination)))?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    let mut arg_out = plan.no_position()?.map(|nowhere| Tensor::full(*plan.out_shape(), nowhere)).transpose()?;
    inputs.run_into(&plan, options, out.view_mut(), arg_out.as_mut().map(Tensor::view_mut))?;
    Ok(Reduced { out, arg_out })
}

/// [`gather_scatter`] that writes to the caller's tensors, to every element of them. Without a `dim_size`, the number of
/// groups is that of `out`. `arg_out` is for min and max only, and is optional.
///
/// # Errors
/// Those of [`gather_scatter`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
pub fn gather_scatter_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    destination: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherScatterOptions,
    out: impl Into<TensorViewMut<'a, T>>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    let inputs = Inputs { src: src.into(), index: index.into(), destination: destination.into(), weight };
    let out = out.into();
    let plan = inputs.plan(options, || Ok(GatherScatterPlan::groups_of(out.shape(), inputs.index.shape())))?;
    inputs.run_into(&plan, options, out, arg_out)
}

struct Inputs<'a, T, I> {
    src: TensorView<'a, T>,
    index: TensorView<'a, I>,
    destination: TensorView<'a, I>,
    weight: Option<Weight<'a, T>>,
}

impl<T: Scalar, I: Index> Inputs<'_, T, I> {
    fn plan(
        &self,
        options: &GatherScatterOptions,
        group_count: impl FnOnce() -> Result<usize, Error>,
    ) -> Result<GatherScatterPlan, Error> {
        if let Some(Weight::Float32(_)) = self.weight {
            check_float32_beside(T::TYPE, WEIGHT)?;
        }
        let weight = self.weight.as_ref().map(Weight::shape);
        let (src, index, destination) = (self.src.shape(), self.index.shape(), self.destination.shape());
        GatherScatterPlan::with_group_count(src, index, destination, weight, options, group_count)
    }

    fn run_into(
        &self,
        plan: &GatherScatterPlan,
        options: &GatherScatterOptions,
        out: TensorViewMut<'_, T>,
        arg_out: Option<TensorViewMut<'_, I>>,
    ) -> Result<(), Error> {
        plan.check_outputs(out.shape(), arg_out.as_ref().map(TensorViewMut::shape))?;
        let nowhere = plan.no_position()?;
        check_index(&plan.segments.rows, &self.index, options.groups.bad_index)?;
        check_index(&plan.groups, &self.destination, options.groups.bad_index)?;
        // int64 holds every position, whatever the type of the index.
        let mut indptr = try_vec::filled(plan.groups.indptr_shape().element_count(), 0i64)?;
        let perm = if plan.groups.is_sorted {
            sorted_bounds(&plan.groups, self.destination.data(), &mut indptr);
            None
        } else {
            let mut perm = try_vec::filled(plan.groups.perm_shape().element_count(), 0i64)?;
            group(&plan.groups, self.destination.data(), &mut perm, &mut indptr)?;
            Some(perm)
        };
        let rows = Gathered {
            plan: &plan.segments,
            src: self.src.data(),
            index: self.index.data(),
            indptr: &indptr,
            perm: perm.as_deref(),
        };
        reduce_rows(rows, self.weight, nowhere, out.into_data(), arg_out.map(TensorViewMut::into_data))
    }
}
