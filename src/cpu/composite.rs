//! The composites on the CPU.

use super::{
    check::{check_index, group_count},
    reduce::{Sizes, fold},
    threads::Division,
    walk::{ByIndex, Groups},
};
use crate::{
    Accumulator, Composite, CompositeOptions, CompositePlan, Error, Float, FloatAccumulator, Index, Scalar,
    ScatterPlan, Tensor, TensorView, TensorViewMut,
};

/// The fewest elements for each thread. With fewer, waking a thread costs more than it saves (docs/CPU.md).
const ELEMENTS_PER_THREAD: usize = 1 << 13;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident, $name_into:ident, $composite:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of [`CompositePlan::new`] for shapes that do not fit; [`Error::IndexOutOfRange`] under
        /// [`BadIndex::Error`](crate::BadIndex::Error); [`Error::OutOfMemory`].
        pub fn $name<'a, T: Float, I: Index>(
            src: impl Into<TensorView<'a, T>>,
            index: impl Into<TensorView<'a, I>>,
            options: &CompositeOptions,
        ) -> Result<Tensor<T>, Error> {
            run(Composite::$composite, &src.into(), &index.into(), options)
        }

        #[doc = concat!("[`", stringify!($name), "`](fn@", stringify!($name), ") that writes to the caller's tensor.")]
        ///
        /// # Errors
        #[doc = concat!("Those of [`", stringify!($name), "`](fn@", stringify!($name), ");")]
        /// [`Error::OutputShape`] where `out` has another shape than the result. Nothing is written then.
        pub fn $name_into<'a, T: Float, I: Index>(
            src: impl Into<TensorView<'a, T>>,
            index: impl Into<TensorView<'a, I>>,
            options: &CompositeOptions,
            out: impl Into<TensorViewMut<'a, T>>,
        ) -> Result<(), Error> {
            run_into(Composite::$composite, &src.into(), &index.into(), options, out.into())
        }
    )+};
}

calls! {
    /// The softmax over the elements of `src` with the same index: [`Composite::Softmax`]. The index is broadcast as in
    /// [`scatter`](super::scatter()).
    ///
    /// ```
    /// use tensorrt_scatter::{CompositeOptions, Tensor, cpu};
    /// let src = Tensor::new(&[3], vec![1.0, 1.0, 7.0])?;
    /// let index = Tensor::new(&[3], vec![0, 0, 1])?;
    /// let out = cpu::softmax(&src, &index, &CompositeOptions::new())?;
    /// assert_eq!(out.data(), [0.5, 0.5, 1.0]);
    /// # Ok::<(), tensorrt_scatter::Error>(())
    /// ```
    softmax, softmax_into, Softmax;
    /// The logarithm of [`softmax`], without its loss of precision: [`Composite::LogSoftmax`].
    log_softmax, log_softmax_into, LogSoftmax;
    /// The logarithm of the sum of exponentials of each group: [`Composite::LogSumExp`].
    logsumexp, logsumexp_into, LogSumExp;
    /// The standard deviation of each group: [`Composite::Std`].
    std, std_into, Std;
}

fn run<T: Float, I: Index>(
    composite: Composite,
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    options: &CompositeOptions,
) -> Result<Tensor<T>, Error> {
    let group_count = || Ok(group_count(index));
    let plan = CompositePlan::with_group_count(composite, src.shape(), index.shape(), options, group_count)?;
    check_index(&plan.groups, index, options.groups.bad_index)?;
    let mut out = Tensor::full(*plan.out_shape(), T::zeroed())?;
    compute(&plan, src.data(), index.data(), out.data_mut())?;
    Ok(out)
}

fn run_into<T: Float, I: Index>(
    composite: Composite,
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    options: &CompositeOptions,
    out: TensorViewMut<'_, T>,
) -> Result<(), Error> {
    let mut options = *options;
    if options.groups.dim_size.is_none() && !composite.keeps_shape() {
        let dim = ScatterPlan::reduced_axis(src.shape(), &options.groups)?;
        options.groups.dim_size = out.shape().dims().get(dim).copied();
    }
    let group_count = || Ok(group_count(index));
    let plan = CompositePlan::with_group_count(composite, src.shape(), index.shape(), &options, group_count)?;
    plan.check_output(out.shape())?;
    check_index(&plan.groups, index, options.groups.bad_index)?;
    compute(&plan, src.data(), index.data(), out.into_data())
}

fn compute<T: Float, I: Index>(plan: &CompositePlan, src: &[T], index: &[I], out: &mut [T]) -> Result<(), Error> {
    let walk = ByIndex::scatter(&plan.groups, src, index);
    compute_over(Sizes::of(&plan.groups), &walk, src, &Formula::of(plan), out)
}

/// A composite with its constants.
pub(super) struct Formula {
    pub(super) composite: Composite,
    pub(super) eps: f64,
    pub(super) unbiased: bool,
}

impl Formula {
    fn of(plan: &CompositePlan) -> Self {
        Self { composite: plan.composite, eps: plan.eps, unbiased: plan.unbiased }
    }
}

/// Computes a composite over groups of any kind.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn compute_over<T: Float>(
    sizes: Sizes,
    walk: &impl Groups<T>,
    src: &[T],
    formula: &Formula,
    out: &mut [T],
) -> Result<(), Error> {
    let groups = Grouped { sizes, src, walk };
    let eps = T::Accumulator::from_f64(formula.eps);
    match formula.composite {
        Composite::Softmax => {
            let (shifts, sums) = groups.exponentials()?;
            groups.map(out, |value, group| value.sub(shifts[group]).exp().div(sums[group]));
        }
        Composite::LogSoftmax => {
            let (shifts, mut sums) = groups.exponentials()?;
            for_each_mut(&mut sums, |sum, _| *sum = sum.add(eps).ln());
            groups.map(out, |value, group| value.sub(shifts[group]).sub(sums[group]));
        }
        Composite::LogSumExp => {
            let maxima = groups.maxima()?;
            let sums = groups.fold(T::Accumulator::ZERO, |sum, value, group| {
                let recentred = value.sub(maxima[group]);
                if is_nan(recentred) { sum } else { sum.add(recentred.exp()) }
            })?;
            for_each_mut(out, |out, group| {
                *out = T::narrow(sums[group].add(eps).ln().add(maxima[group])).finite_or_zero();
            });
        }
        Composite::Std => {
            let means = groups.means()?;
            let squares = groups.fold(T::Accumulator::ZERO, |sum, value, group| {
                let difference = value.sub(means[group].0);
                sum.add(difference.mul(difference))
            })?;
            let lost = u64::from(formula.unbiased);
            let eps = T::Accumulator::from_f64(CompositePlan::STD_EPS);
            for_each_mut(out, |out, group| {
                let count = means[group].1.max(1).saturating_sub(lost).max(1);
                *out = T::narrow(squares[group].div(T::Accumulator::from_count(count).add(eps)).sqrt());
            });
        }
    }
    Ok(())
}

fn is_nan<A: PartialOrd>(value: A) -> bool {
    value.partial_cmp(&value).is_none()
}

/// Calls `change` for each element and its position, on several threads where that pays.
fn for_each_mut<S: Send>(elements: &mut [S], change: impl Fn(&mut S, usize) + Sync) {
    let division = Division::new(elements.len(), ELEMENTS_PER_THREAD);
    let length = division.part_length(elements.len());
    division.for_each(elements.chunks_mut(length).enumerate(), |(part, elements)| {
        elements.iter_mut().enumerate().for_each(|(i, element)| change(element, part * length + i));
    });
}

/// A value for each group.
type Values<T> = Vec<<T as Scalar>::Accumulator>;

/// The elements of src in their groups. States of groups are [B, N, K], and so are their positions.
struct Grouped<'a, T, W> {
    sizes: Sizes,
    src: &'a [T],
    walk: &'a W,
}

impl<T: Float, W: Groups<T>> Grouped<'_, T, W> {
    /// Folds all elements of each group into a state that starts as `start`. `join` is also given the group's position.
    fn fold<S: Copy + Send + Sync>(
        &self,
        start: S,
        join: impl Fn(S, T::Accumulator, usize) -> S + Sync,
    ) -> Result<Vec<S>, Error> {
        fold(self.sizes, self.walk, ELEMENTS_PER_THREAD, start, join)
    }

    /// Maps each element of src to `out`, which has the same shape. `change` is given the element and the position of
    /// its group. An element that belongs to no group gives 0.
    fn map(&self, out: &mut [T], change: impl Fn(T::Accumulator, usize) -> T::Accumulator + Sync) {
        if out.is_empty() {
            return;
        }
        let Sizes { e, k, n, .. } = self.sizes;
        let division = Division::new(out.len(), ELEMENTS_PER_THREAD);
        let rows = division.part_length(out.len() / k);
        let parts = out.chunks_mut(rows * k).zip(self.src.chunks(rows * k)).enumerate();
        division.for_each(parts, |(part, (out, src))| {
            let first_row = part * rows;
            self.walk.groups(first_row..first_row + out.len() / k, |row, columns, group| {
                let at = (row - first_row) * k;
                let columns_of_part = at + columns.start..at + columns.end;
                let out = &mut out[columns_of_part.clone()];
                let Some(group) = group else { return out.fill(T::zeroed()) };
                let first = (row / e * n + group) * k + columns.start;
                for (i, (out, value)) in out.iter_mut().zip(&src[columns_of_part]).enumerate() {
                    *out = T::narrow(change(value.widen(), first + i));
                }
            });
        });
    }

    /// The largest number of each group; -inf where there is none.
    fn maxima(&self) -> Result<Values<T>, Error> {
        self.fold(T::Accumulator::NEG_INFINITY, |max, value, _| if value > max { value } else { max })
    }

    /// For each group the shift, which is its maximum, and the sum of exp(element - shift). As in torch_scatter, the
    /// shift is 0 where the maximum is -inf or the group has no number.
    fn exponentials(&self) -> Result<(Values<T>, Values<T>), Error> {
        let mut shifts = self.maxima()?;
        for_each_mut(&mut shifts, |max, _| {
            if *max == T::Accumulator::NEG_INFINITY {
                *max = T::Accumulator::ZERO;
            }
        });
        let sums = self.fold(T::Accumulator::ZERO, |sum, value, group| sum.add(value.sub(shifts[group]).exp()))?;
        Ok((shifts, sums))
    }

    /// The mean of each group, 0 where it is empty, and its number of elements.
    fn means(&self) -> Result<Vec<(T::Accumulator, u64)>, Error> {
        let start = (T::Accumulator::ZERO, 0);
        let mut means = self.fold(start, |(sum, count): (_, u64), value, _| (sum.add(value), count + 1))?;
        for_each_mut(&mut means, |(sum, count), _| *sum = sum.divide_by_count((*count).max(1)));
        Ok(means)
    }
}
