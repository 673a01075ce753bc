//! Reductions over segments of rows that are read through an index, on the CPU.

use std::any::TypeId;

use super::{
    check::check_index,
    reduce::{ELEMENTS_PER_THREAD, Sizes, reduce},
    threads::Division,
    walk::{Gathered, Weighted},
};
use crate::{
    Accumulator, BadIndex, Error, GatherSegmentCsrOptions, GatherSegmentPlan, Index, Reduced, Scalar, Tensor,
    TensorView, TensorViewMut, Weight,
    gather_segment::{WEIGHT, check_float32_beside},
    reduction::Reduction,
    try_vec::filled,
};

/// Reduces segments of rows of `src` that an index names, each times its weight.
///
/// With `src` of shape [.., R, ..], an index of shape [.., E] and an indptr of shape [.., N + 1], whose leading axes
/// expand to src's, `out[.., n, ..]` is the reduction of all `weight[.., e] * src[.., index[.., e], ..]` with
/// `indptr[.., n] <= e < indptr[.., n + 1]`. Weights of shape [.., E, H] have one of H heads for each K / H
/// neighbouring columns of the K that follow the axis of R. Without weights nothing is multiplied.
///
/// This is `segment_csr(weight * gather_coo(src, index), indptr)`, but the rows that are read are never stored, and
/// 16-bit floats are multiplied and added as float32 and rounded once. A mean is divided by the number of elements, not
/// by the weights. `arg_out` has positions e.
///
/// ```
/// use tensorrt_scatter::{GatherSegmentCsrOptions, Reduce, Tensor, Weight, cpu};
/// let src = Tensor::new(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let index = Tensor::new(&[3], vec![2, 0, 2])?;
/// let indptr = Tensor::new(&[3], vec![0, 2, 3])?;
/// let weight = Tensor::new(&[3], vec![1.0, 10.0, 2.0])?;
/// let weight = Some(Weight::Same(weight.view()));
/// let options = GatherSegmentCsrOptions::new(Reduce::Sum);
/// let sum = cpu::gather_segment_csr(&src, &index, &indptr, weight, &options)?;
/// assert_eq!(sum.out.data(), [15.0, 26.0, 10.0, 12.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`GatherSegmentPlan::csr`] for shapes that do not fit; [`Error::WeightType`] for [`Weight::Float32`] where
/// src has no 16-bit floats; [`Error::IndexOutOfRange`] and [`Error::IndptrOutOfRange`] under [`BadIndex::Error`];
/// [`Error::ArgOutTooNarrow`] where a position does not fit the index's type; [`Error::OutOfMemory`].
pub fn gather_segment_csr<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    indptr: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherSegmentCsrOptions,
) -> Result<Reduced<Tensor<T>, Tensor<I>>, Error> {
    let inputs = Inputs { src: src.into(), index: index.into(), indptr: indptr.into(), weight };
    let plan = inputs.plan(options)?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    let mut arg_out = plan.no_position()?.map(|nowhere| Tensor::full(*plan.out_shape(), nowhere)).transpose()?;
    inputs.run_into(&plan, options.bad_index, out.view_mut(), arg_out.as_mut().map(Tensor::view_mut))?;
    Ok(Reduced { out, arg_out })
}

/// [`gather_segment_csr`] that writes to the caller's tensors, to every element of them. `arg_out` is for min and max
/// only, and is optional.
///
/// # Errors
/// Those of [`gather_segment_csr`]; [`Error::OutputShape`] where `out` or `arg_out` has another shape than the result;
/// [`Error::NoArgOut`] where `arg_out` is given to another reduction. Nothing is written then.
pub fn gather_segment_csr_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    indptr: impl Into<TensorView<'a, I>>,
    weight: Option<Weight<'_, T>>,
    options: &GatherSegmentCsrOptions,
    out: impl Into<TensorViewMut<'a, T>>,
    arg_out: Option<TensorViewMut<'_, I>>,
) -> Result<(), Error> {
    let inputs = Inputs { src: src.into(), index: index.into(), indptr: indptr.into(), weight };
    let plan = inputs.plan(options)?;
    inputs.run_into(&plan, options.bad_index, out.into(), arg_out)
}

struct Inputs<'a, T, I> {
    src: TensorView<'a, T>,
    index: TensorView<'a, I>,
    indptr: TensorView<'a, I>,
    weight: Option<Weight<'a, T>>,
}

impl<T: Scalar, I: Index> Inputs<'_, T, I> {
    fn plan(&self, options: &GatherSegmentCsrOptions) -> Result<GatherSegmentPlan, Error> {
        if let Some(Weight::Float32(_)) = self.weight {
            check_float32_beside(T::TYPE, WEIGHT)?;
        }
        let weight = self.weight.as_ref().map(Weight::shape);
        GatherSegmentPlan::csr(self.src.shape(), self.index.shape(), self.indptr.shape(), weight, options)
    }

    fn run_into(
        &self,
        plan: &GatherSegmentPlan,
        bad_index: BadIndex,
        out: TensorViewMut<'_, T>,
        arg_out: Option<TensorViewMut<'_, I>>,
    ) -> Result<(), Error> {
        plan.check_outputs(out.shape(), arg_out.as_ref().map(TensorViewMut::shape))?;
        let nowhere = plan.no_position()?;
        check_index(&plan.rows, &self.index, bad_index)?;
        check_index(&plan.segments, &self.indptr, bad_index)?;
        let (out, arg_out) = (out.into_data(), arg_out.map(TensorViewMut::into_data));
        let (index, indptr) = (self.index.data(), self.indptr.data());
        let rows = Gathered { plan, src: self.src.data(), index, indptr, perm: None };
        reduce_rows(rows, self.weight, nowhere, out, arg_out)
    }
}

/// Reduces rows, times their weights if there are weights.
pub(super) fn reduce_rows<T: Scalar, I: Index, P: Index>(
    rows: Gathered<'_, T, I, P>,
    weight: Option<Weight<'_, T>>,
    nowhere: Option<I>,
    out: &mut [T],
    arg_out: Option<&mut [I]>,
) -> Result<(), Error> {
    let plan = rows.plan;
    match weight.zip(plan.weight) {
        None => reduce(Sizes::of_segments(&plan.segments), plan.reduce(), &rows, None, nowhere, out, arg_out),
        Some((Weight::Same(weight), layout)) => {
            reduce_products(&Weighted { rows, weight: weight.data(), layout }, nowhere, out, arg_out)
        }
        Some((Weight::Float32(weight), layout)) => {
            // The accumulators of 16-bit floats are float32.
            let weight: &[T::Accumulator] = bytemuck::cast_slice(weight.data());
            reduce_products(&Weighted { rows, weight, layout }, nowhere, out, arg_out)
        }
    }
}

/// Reduces the products as accumulators, and rounds each result once.
fn reduce_products<T: Scalar, W: Scalar<Accumulator = T::Accumulator>, I: Index, P: Index>(
    products: &Weighted<'_, T, W, I, P>,
    nowhere: Option<I>,
    out: &mut [T],
    arg_out: Option<&mut [I]>,
) -> Result<(), Error> {
    let plan = products.rows.plan;
    let sizes = Sizes::of_segments(&plan.segments);
    if TypeId::of::<T>() == TypeId::of::<T::Accumulator>() {
        return reduce(sizes, plan.reduce(), products, None, nowhere, bytemuck::cast_slice_mut(out), arg_out);
    }
    let mut wide = filled(out.len(), T::Accumulator::ZERO)?;
    reduce(sizes, plan.reduce(), products, None, nowhere, &mut wide, arg_out)?;
    let division = Division::new(out.len(), ELEMENTS_PER_THREAD);
    let length = division.part_length(out.len());
    division.for_each(out.chunks_mut(length).zip(wide.chunks(length)), |(out, wide)| {
        out.iter_mut().zip(wide).for_each(|(out, &wide)| *out = T::narrow(wide));
    });
    Ok(())
}
