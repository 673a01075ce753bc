//! Softmax and its kin on the CPU.

use rayon::prelude::*;

use super::check;
use crate::{
    Accumulator, Composite, CompositeOptions, CompositePlan, Error, Float, FloatAccumulator, Index, ScatterPlan,
    Tensor, TensorView, TensorViewMut, broadcast,
};

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident, $name_into:ident, $composite:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of [`CompositePlan::new`] for shapes that do not fit; [`Error::IndexOutOfRange`] under
        /// [`BadIndex::Error`](crate::BadIndex::Error).
        pub fn $name<'a, T: Float, I: Index>(
            src: impl Into<TensorView<'a, T>>,
            index: impl Into<TensorView<'a, I>>,
            options: &CompositeOptions,
        ) -> Result<Tensor<T>, Error> {
            run(Composite::$composite, &src.into(), &index.into(), options)
        }

        #[doc = concat!("[`", stringify!($name), "`](fn@", stringify!($name), ") into a tensor of the caller's.")]
        ///
        /// # Errors
        #[doc = concat!("Those of [`", stringify!($name), "`](fn@", stringify!($name), "); [`Error::OutputShape`] where `out` has another shape")]
        /// than the result. Nothing is written then.
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
    /// The softmax over the elements of `src` that share an index: [`Composite::Softmax`]. The index broadcasts as
    /// in [`scatter`](super::scatter()).
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
    let options = with_dim_size(src, index, options)?;
    let plan = CompositePlan::new(composite, src.shape(), index.shape(), &options)?;
    check::check_groups(&plan.groups, index, options.groups.bad_index)?;
    let mut out = Tensor::try_full(*plan.out_shape(), T::zeroed())?;
    compute(&plan, src.data(), index.data(), out.data_mut());
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
    let options = with_dim_size(src, index, &options)?;
    let plan = CompositePlan::new(composite, src.shape(), index.shape(), &options)?;
    plan.check_output(out.shape())?;
    check::check_groups(&plan.groups, index, options.groups.bad_index)?;
    compute(&plan, src.data(), index.data(), out.into_data());
    Ok(())
}

/// The options with the largest index plus one as the number of groups, where nothing else says it.
fn with_dim_size<T, I: Index>(
    src: &TensorView<'_, T>,
    index: &TensorView<'_, I>,
    options: &CompositeOptions,
) -> Result<CompositeOptions, Error> {
    let mut options = *options;
    if options.groups.dim_size.is_none() {
        // The shapes come first: a bad one is the better message.
        let dim = ScatterPlan::reduced_axis(src.shape(), &options.groups)?;
        broadcast::scatter_layout(src.shape(), index.shape(), dim)?;
        // An index that no element of src uses names no group.
        let is_used = !src.data().is_empty();
        options.groups.dim_size = Some(if is_used { super::scatter::group_count(index) } else { 0 });
    }
    Ok(options)
}

fn compute<T: Float, I: Index>(plan: &CompositePlan, src: &[T], index: &[I], out: &mut [T]) {
    let groups = Groups { plan: &plan.groups, src, index };
    let eps = T::Accumulator::from_f64(plan.eps);
    match plan.composite {
        Composite::Softmax => {
            let (shifts, sums) = groups.exponentials();
            groups.map(out, |value, group| value.sub(shifts[group]).exp().div(sums[group]));
        }
        Composite::LogSoftmax => {
            let (shifts, mut sums) = groups.exponentials();
            sums.par_iter_mut().for_each(|sum| *sum = sum.add(eps).ln());
            groups.map(out, |value, group| value.sub(shifts[group]).sub(sums[group]));
        }
        Composite::LogSumExp => {
            let maxima = groups.maxima();
            let sums = groups.fold(T::Accumulator::ZERO, |sum, value, group| {
                let recentred = value.sub(maxima[group]);
                if is_nan(recentred) { sum } else { sum.add(recentred.exp()) }
            });
            out.par_iter_mut().zip(maxima).zip(sums).for_each(|((out, max), sum)| {
                *out = T::narrow(sum.add(eps).ln().add(max)).finite_or_zero();
            });
        }
        Composite::Std => {
            let (means, counts) = groups.means();
            let squares = groups.fold(T::Accumulator::ZERO, |sum, value, group| {
                let difference = value.sub(means[group]);
                sum.add(difference.mul(difference))
            });
            let lost = u64::from(plan.unbiased);
            let eps = T::Accumulator::from_f64(CompositePlan::STD_EPS);
            out.par_iter_mut().zip(squares).zip(counts).for_each(|((out, squares), count)| {
                let divisor = T::Accumulator::from_count(count.max(1).saturating_sub(lost).max(1)).add(eps);
                *out = T::narrow(squares.div(divisor).sqrt());
            });
        }
    }
}

fn is_nan<A: PartialOrd>(value: A) -> bool {
    value.partial_cmp(&value).is_none()
}

/// The groups of a scatter, each of which is reduced by one thread in the order of src.
struct Groups<'a, T, I> {
    plan: &'a ScatterPlan,
    src: &'a [T],
    index: &'a [I],
}

impl<T: Float, I: Index> Groups<'_, T, I> {
    /// What `join` makes of `start` and all elements of each group: [B, N, K]. `join` is also told the group's
    /// position there.
    fn fold<S: Copy + Send + Sync>(&self, start: S, join: impl Fn(S, T::Accumulator, usize) -> S + Sync) -> Vec<S> {
        let plan = self.plan;
        let mut states = vec![start; plan.out.element_count()];
        if states.is_empty() {
            return states;
        }
        // Each part holds whole rows of one b, so that no two threads write one; every part reads the whole index of
        // its b, so there are no more parts than threads can use.
        let parts_per_b = rayon::current_num_threads().div_ceil(plan.b).min(plan.n);
        let rows_per_part = plan.n.div_ceil(parts_per_b);
        states.par_chunks_mut(plan.n * plan.k).enumerate().for_each(|(b, rows)| {
            rows.par_chunks_mut(rows_per_part * plan.k).enumerate().for_each(|(part, states)| {
                let first = (b * plan.n + part * rows_per_part) * plan.k;
                for at in b * plan.e * plan.k..(b + 1) * plan.e * plan.k {
                    let Some(group) = self.group_of(at) else { continue };
                    if let Some(state) = group.checked_sub(first).and_then(|group| states.get_mut(group)) {
                        *state = join(*state, self.src[at].widen(), group);
                    }
                }
            });
        });
        states
    }

    /// Sets each element of `out`, which has src's shape, to what `change` makes of src's and its group's position;
    /// to 0 where it belongs to none.
    fn map(&self, out: &mut [T], change: impl Fn(T::Accumulator, usize) -> T::Accumulator + Sync) {
        out.par_iter_mut().enumerate().for_each(|(at, out)| {
            *out = match self.group_of(at) {
                Some(group) => T::narrow(change(self.src[at].widen(), group)),
                None => T::zeroed(),
            };
        });
    }

    /// The position in [B, N, K] of the group that an element of src belongs to.
    fn group_of(&self, at: usize) -> Option<usize> {
        let plan = self.plan;
        let (row, k) = (at / plan.k, at % plan.k);
        let (b, e) = (row / plan.e, row % plan.e);
        let group = self.index[plan.layout.position(b, e, k)].group(plan.n)?;
        Some((b * plan.n + group) * plan.k + k)
    }

    /// The largest number of each group; -inf where there is none.
    fn maxima(&self) -> Vec<T::Accumulator> {
        self.fold(T::Accumulator::NEG_INFINITY, |max, value, _| if value > max { value } else { max })
    }

    /// For each group what its elements are shifted by, its maximum, and the sum of exponentials after that. A
    /// maximum of -inf, or none, shifts by 0, as in torch_scatter.
    fn exponentials(&self) -> (Vec<T::Accumulator>, Vec<T::Accumulator>) {
        let mut shifts = self.maxima();
        shifts.par_iter_mut().for_each(|max| {
            if *max == T::Accumulator::NEG_INFINITY {
                *max = T::Accumulator::ZERO;
            }
        });
        let sums = self.fold(T::Accumulator::ZERO, |sum, value, group| sum.add(value.sub(shifts[group]).exp()));
        (shifts, sums)
    }

    /// The mean of each group, 0 where nothing arrived, and its number of elements.
    fn means(&self) -> (Vec<T::Accumulator>, Vec<u64>) {
        let sums = self.fold((T::Accumulator::ZERO, 0), |(sum, count): (_, u64), value, _| (sum.add(value), count + 1));
        sums.into_iter().map(|(sum, count)| (sum.divide_by_count(count.max(1)), count)).unzip()
    }
}
