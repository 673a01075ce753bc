//! The composites over segments on the CPU.

use super::{
    check::check_index,
    composite::{Formula, compute_over},
    reduce::Sizes,
    walk::ByIndptr,
};
use crate::{Composite, CompositeCsrOptions, CompositeCsrPlan, Error, Float, Index, Tensor, TensorView, TensorViewMut};

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident, $name_into:ident, $composite:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of [`CompositeCsrPlan::new`] for shapes that do not fit; [`Error::IndptrOutOfRange`] under
        /// [`BadIndex::Error`](crate::BadIndex::Error); [`Error::OutOfMemory`].
        pub fn $name<'a, T: Float, I: Index>(
            src: impl Into<TensorView<'a, T>>,
            indptr: impl Into<TensorView<'a, I>>,
            options: &CompositeCsrOptions,
        ) -> Result<Tensor<T>, Error> {
            let (src, indptr) = (src.into(), indptr.into());
            let plan = CompositeCsrPlan::new(Composite::$composite, src.shape(), indptr.shape(), options)?;
            check_index(&plan.segments, &indptr, options.bad_index)?;
            let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
            compute(&plan, src.data(), indptr.data(), out.data_mut())?;
            Ok(out)
        }

        #[doc = concat!("[`", stringify!($name), "`] that writes to the caller's tensor, to every element of it.")]
        ///
        /// # Errors
        #[doc = concat!("Those of [`", stringify!($name), "`];")]
        /// [`Error::OutputShape`] where `out` has another shape than the result. Nothing is written then.
        pub fn $name_into<'a, T: Float, I: Index>(
            src: impl Into<TensorView<'a, T>>,
            indptr: impl Into<TensorView<'a, I>>,
            options: &CompositeCsrOptions,
            out: impl Into<TensorViewMut<'a, T>>,
        ) -> Result<(), Error> {
            let (src, indptr, out) = (src.into(), indptr.into(), out.into());
            let plan = CompositeCsrPlan::new(Composite::$composite, src.shape(), indptr.shape(), options)?;
            plan.check_output(out.shape())?;
            check_index(&plan.segments, &indptr, options.bad_index)?;
            compute(&plan, src.data(), indptr.data(), out.into_data())
        }
    )+};
}

calls! {
    /// The softmax over each segment of `src`; `indptr` has the bounds of the segments.
    ///
    /// With `src` of shape [.., E, ..] and an indptr of shape [.., N + 1] whose leading axes expand to src's, the
    /// elements `src[.., e, ..]` with `indptr[.., n] <= e < indptr[.., n + 1]` are one group of
    /// [`softmax`](super::softmax()): the formula is [`Composite::Softmax`]. The result has src's shape. It is 0 for an
    /// element in no segment, before the first one or behind the last one.
    ///
    /// ```
    /// use tensorrt_scatter::{CompositeCsrOptions, Tensor, cpu};
    /// let src = Tensor::new(&[4], vec![1.0, 1.0, 7.0, 3.0])?;
    /// let indptr = Tensor::new(&[3], vec![0, 2, 3])?;
    /// let out = cpu::softmax_csr(&src, &indptr, &CompositeCsrOptions::new())?;
    /// assert_eq!(out.data(), [0.5, 0.5, 1.0, 0.0]);
    /// # Ok::<(), tensorrt_scatter::Error>(())
    /// ```
    softmax_csr, softmax_csr_into, Softmax;
    /// The logarithm of [`softmax_csr`], without its loss of precision: [`Composite::LogSoftmax`]. The result is 0 for
    /// an element in no segment.
    log_softmax_csr, log_softmax_csr_into, LogSoftmax;
    /// The logarithm of the sum of exponentials of each segment: [`Composite::LogSumExp`]. The result has N in place of
    /// E.
    logsumexp_csr, logsumexp_csr_into, LogSumExp;
    /// The standard deviation of each segment: [`Composite::Std`]. The result has N in place of E.
    std_csr, std_csr_into, Std;
}

fn compute<T: Float, I: Index>(plan: &CompositeCsrPlan, src: &[T], indptr: &[I], out: &mut [T]) -> Result<(), Error> {
    let walk = ByIndptr::new(&plan.segments, src, indptr);
    let formula = Formula { composite: plan.composite, eps: plan.eps, unbiased: plan.unbiased };
    compute_over(Sizes::of_segments(&plan.segments), &walk, src, &formula, out)
}
