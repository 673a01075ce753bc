//! The gathers on the CPU.

use super::{check::check_index, threads::Division};
use crate::{
    Error, GatherCooOptions, GatherCsrOptions, GatherPlan, Index, Scalar, Tensor, TensorView, TensorViewMut,
    index_rules::IndexRules,
};

/// The fewest elements for each thread. With fewer, waking a thread costs more than it saves (docs/CPU.md).
const ELEMENTS_PER_THREAD: usize = 1 << 16;

/// Copies rows of `src` by an index.
///
/// With `src` of shape [.., S, ..] and `index` of shape [.., E], whose leading axes are 1 or src's,
/// `out[.., e, ..] = src[.., index[.., e], ..]`. The gathered axis is the index's last. The index may be in any
/// order.
///
/// ```
/// use tensorrt_scatter::{GatherCooOptions, Tensor, cpu};
/// let src = Tensor::new(&[3], vec![1.0, 5.0, 2.0])?;
/// let index = Tensor::new(&[4], vec![0, 0, 2, 1])?;
/// let out = cpu::gather_coo(&src, &index, &GatherCooOptions::new())?;
/// assert_eq!(out.data(), [1.0, 1.0, 2.0, 5.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`GatherPlan::coo`] for shapes that do not fit; [`Error::IndexOutOfRange`] under
/// [`BadIndex::Error`](crate::BadIndex::Error); [`Error::OutOfMemory`].
pub fn gather_coo<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    options: &GatherCooOptions,
) -> Result<Tensor<T>, Error> {
    let (src, index) = (src.into(), index.into());
    let plan = GatherPlan::coo(src.shape(), index.shape())?;
    check_index(&plan, &index, options.bad_index)?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    copy_rows(&plan, src.data(), index.data(), out.data_mut());
    Ok(out)
}

/// [`gather_coo`] that writes to the caller's tensor, to every element of it.
///
/// # Errors
/// Those of [`gather_coo`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is
/// written then.
pub fn gather_coo_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    index: impl Into<TensorView<'a, I>>,
    options: &GatherCooOptions,
    out: impl Into<TensorViewMut<'a, T>>,
) -> Result<(), Error> {
    let (src, index, out) = (src.into(), index.into(), out.into());
    let plan = GatherPlan::coo(src.shape(), index.shape())?;
    plan.check_output(out.shape())?;
    check_index(&plan, &index, options.bad_index)?;
    copy_rows(&plan, src.data(), index.data(), out.into_data());
    Ok(())
}

/// Repeats each row of `src` over its segment.
///
/// With `src` of shape [.., N, ..] and `indptr` of shape [.., N + 1], whose leading axes are 1 or src's,
/// `out[.., e, ..] = src[.., n, ..]` for every e in [indptr[.., n], indptr[.., n + 1]). Positions outside every
/// segment are 0.
///
/// ```
/// use tensorrt_scatter::{GatherCsrOptions, Tensor, cpu};
/// let src = Tensor::new(&[3], vec![1.0, 5.0, 2.0])?;
/// let indptr = Tensor::new(&[4], vec![0, 2, 2, 3])?;
/// let out = cpu::gather_csr(&src, &indptr, &GatherCsrOptions::new())?;
/// assert_eq!(out.data(), [1.0, 1.0, 2.0]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`GatherPlan::csr`] for shapes that do not fit; [`Error::IndptrOutOfRange`] under
/// [`BadIndex::Error`](crate::BadIndex::Error); [`Error::OutOfMemory`].
pub fn gather_csr<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    indptr: impl Into<TensorView<'a, I>>,
    options: &GatherCsrOptions,
) -> Result<Tensor<T>, Error> {
    let (src, indptr) = (src.into(), indptr.into());
    GatherPlan::segment_axis(src.shape(), indptr.shape())?;
    let size = options.size.unwrap_or_else(|| last_element(&indptr));
    let plan = GatherPlan::csr(src.shape(), indptr.shape(), size)?;
    // Before the allocation: a wrong last element may ask for more memory than the system has.
    check_index(&plan, &indptr, options.bad_index)?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    repeat_rows(&plan, src.data(), indptr.data(), out.data_mut());
    Ok(out)
}

/// [`gather_csr`] that writes to the caller's tensor, to every element of it.
///
/// # Errors
/// Those of [`gather_csr`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is
/// written then.
pub fn gather_csr_into<'a, T: Scalar, I: Index>(
    src: impl Into<TensorView<'a, T>>,
    indptr: impl Into<TensorView<'a, I>>,
    options: &GatherCsrOptions,
    out: impl Into<TensorViewMut<'a, T>>,
) -> Result<(), Error> {
    let (src, indptr, out) = (src.into(), indptr.into(), out.into());
    let axis = GatherPlan::segment_axis(src.shape(), indptr.shape())?;
    // An out of another rank may lack this axis; `check_output` refuses it below.
    let size = options.size.or_else(|| out.shape().dims().get(axis).copied()).unwrap_or(0);
    let plan = GatherPlan::csr(src.shape(), indptr.shape(), size)?;
    plan.check_output(out.shape())?;
    check_index(&plan, &indptr, options.bad_index)?;
    repeat_rows(&plan, src.data(), indptr.data(), out.into_data());
    Ok(())
}

/// The default length of the result: indptr's last element.
fn last_element<I: Index>(indptr: &TensorView<'_, I>) -> usize {
    indptr.data().last().map_or(0, |last| usize::try_from(last.to_i64()).unwrap_or(0))
}

fn copy_rows<T: Scalar, I: Index>(plan: &GatherPlan, src: &[T], index: &[I], out: &mut [T]) {
    for_each_row(plan, out, |b, e, row| {
        copy_row(plan, src, b, index[plan.index_start(b) + e].group(plan.s), row);
    });
}

fn repeat_rows<T: Scalar, I: Index>(plan: &GatherPlan, src: &[T], indptr: &[I], out: &mut [T]) {
    if !plan.uses_index() {
        return out.fill(T::zeroed());
    }
    for_each_row(plan, out, |b, e, row| {
        let indptr = &indptr[plan.index_start(b)..][..plan.index_row()];
        // The number of segments that start at or before e. The last one of them has e, unless it ends before.
        let started = indptr.partition_point(|start| start.to_i64() <= e as i64);
        let segment = started.checked_sub(1).filter(|&segment| segment < plan.s);
        copy_row(plan, src, b, segment, row);
    });
}

/// Calls `write(b, e, row of out)` for every row that has elements.
fn for_each_row<T: Scalar>(plan: &GatherPlan, out: &mut [T], write: impl Fn(usize, usize, &mut [T]) + Sync) {
    if out.is_empty() {
        return;
    }
    let division = Division::new(out.len(), ELEMENTS_PER_THREAD);
    let rows = division.part_length(out.len() / plan.k);
    division.for_each(out.chunks_mut(rows * plan.k).enumerate(), |(part, out)| {
        for (row, out) in out.chunks_mut(plan.k).enumerate() {
            let row = part * rows + row;
            write(row / plan.e, row % plan.e, out);
        }
    });
}

/// Copies a row of src, or fills the row with zeros.
fn copy_row<T: Scalar>(plan: &GatherPlan, src: &[T], b: usize, from: Option<usize>, out: &mut [T]) {
    match from {
        Some(s) => out.copy_from_slice(&src[(b * plan.s + s) * plan.k..][..plan.k]),
        None => out.fill(T::zeroed()),
    }
}
