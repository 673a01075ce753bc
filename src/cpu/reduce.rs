//! The reductions themselves, over the elements that a [`Walk`] visits.
//!
//! A thread reduces some rows of the result. Each group is reduced by one thread, in the order of `src`, so that the
//! result does not depend on the number of threads.

use std::any::TypeId;

use super::{
    threads::Division,
    walk::{Run, Walk},
};
use crate::{Accumulator, Error, Index, Reduce, Scalar, ScatterPlan, SegmentPlan, try_vec::filled};

/// The fewest elements for each thread. With fewer, waking a thread costs more than it saves (docs/CPU.md).
pub(super) const ELEMENTS_PER_THREAD: usize = 1 << 15;

/// The sizes of a reduction of [B, E, K] to [B, N, K].
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) b: usize,
    pub(super) e: usize,
    pub(super) k: usize,
    pub(super) n: usize,
}

impl Sizes {
    /// The sizes of a scatter.
    pub(super) fn of(plan: &ScatterPlan) -> Self {
        Self { b: plan.b, e: plan.e, k: plan.k, n: plan.n }
    }

    /// The sizes of a reduction over segments.
    pub(super) fn of_segments(plan: &SegmentPlan) -> Self {
        Self { b: plan.b, e: plan.e, k: plan.k, n: plan.n }
    }

    /// Divides the rows of the result between threads that have at least `elements_per_thread` elements each.
    pub(super) fn division<T>(&self, walk: &impl Walk<T>, elements_per_thread: usize) -> Division {
        // Sizes were checked: an address reaches each element that is read, and each one of the result.
        let elements = (self.b * self.e * self.k).saturating_add(self.b * self.n * self.k);
        let division = Division::new(elements, elements_per_thread);
        if walk.reads_whole_slices() { division.with_costly_parts() } else { division }
    }

    /// Calls `visit` for the elements of `count` rows of the result from row `first` on. Rows are counted over all
    /// slices. The rows of the runs are counted from `first`.
    pub(super) fn visit<T, W: Walk<T>>(
        &self,
        walk: &W,
        first: usize,
        count: usize,
        mut visit: impl FnMut(Run<'_, W::Stored, W::Weight>),
    ) {
        let mut done = 0;
        while done < count {
            let (b, row) = ((first + done) / self.n, (first + done) % self.n);
            let rows = row..self.n.min(row + count - done);
            let of_slice = rows.len();
            walk.visit(b, rows, |run| visit(Run { row: done + run.row, ..run }));
            done += of_slice;
        }
    }
}

/// Reduces the elements of the walk to `out`, starting from `base`. For min and max, `nowhere` is the position for a
/// group without a selected element.
///
/// # Errors
/// [`Error::OutOfMemory`]; nothing is written then.
pub(super) fn reduce<T: Scalar, I: Index>(
    sizes: Sizes,
    reduce: Reduce,
    walk: &impl Walk<T>,
    base: Option<&[T]>,
    nowhere: Option<I>,
    out: &mut [T],
    arg_out: Option<&mut [I]>,
) -> Result<(), Error> {
    if out.is_empty() {
        return Ok(());
    }
    let sums = Sums { sizes, walk, base };
    let selection = Selection { sizes, walk, base, nowhere: nowhere.unwrap_or(bytemuck::Zeroable::zeroed()) };
    match reduce {
        Reduce::Sum => sums.run(out, T::Accumulator::ZERO, T::Accumulator::add, false),
        Reduce::Mul => sums.run(out, T::Accumulator::ONE, T::Accumulator::mul, false),
        Reduce::Mean => sums.run(out, T::Accumulator::ZERO, T::Accumulator::add, true),
        Reduce::Min => selection.run(out, arg_out, |value, best| value < best),
        Reduce::Max => selection.run(out, arg_out, |value, best| value > best),
    }
}

/// Folds the walk's elements into states, one for each element of the result [B, N, K], which start as `start`. `join`
/// is given the state, the value, and the position of the state.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn fold<T: Scalar, S: Copy + Send + Sync, W: Walk<T>>(
    sizes: Sizes,
    walk: &W,
    elements_per_thread: usize,
    start: S,
    join: impl Fn(S, T::Accumulator, usize) -> S + Sync,
) -> Result<Vec<S>, Error> {
    let mut states = filled(sizes.b * sizes.n * sizes.k, start)?;
    if states.is_empty() {
        return Ok(states);
    }
    let division = sizes.division(walk, elements_per_thread);
    let rows = division.part_length(sizes.b * sizes.n);
    division.for_each(states.chunks_mut(rows * sizes.k).enumerate(), |(part, states)| {
        let first = part * rows;
        sizes.visit(walk, first, states.len() / sizes.k, |run| {
            let at = run.row * sizes.k + run.column;
            for (i, (state, &stored)) in states[at..].iter_mut().zip(run.stored).enumerate() {
                *state = join(*state, W::value(stored, run.weight).widen(), first * sizes.k + at + i);
            }
        });
    });
    Ok(states)
}

/// Sum, mul and mean.
struct Sums<'a, W, T> {
    sizes: Sizes,
    walk: &'a W,
    base: Option<&'a [T]>,
}

impl<T: Scalar, W: Walk<T>> Sums<'_, W, T> {
    fn run(
        &self,
        out: &mut [T],
        identity: T::Accumulator,
        join: impl Fn(T::Accumulator, T::Accumulator) -> T::Accumulator + Sync,
        is_mean: bool,
    ) -> Result<(), Error> {
        let Sizes { k, b, n, .. } = self.sizes;
        // One count is enough for a row whose columns all get the same elements.
        let counts_per_row = if self.walk.has_whole_rows() { 1 } else { k };
        let mut counts = filled(if is_mean { b * n * counts_per_row } else { 0 }, 0u64)?;
        let mut scratch = Vec::new();
        let has_scratch = TypeId::of::<T>() != TypeId::of::<T::Accumulator>();
        if has_scratch {
            scratch = filled(out.len(), identity)?;
        }

        let division = self.sizes.division(self.walk, ELEMENTS_PER_THREAD);
        let rows = division.part_length(b * n);
        let mut counts = counts.chunks_mut(rows * counts_per_row);
        let mut scratch = scratch.chunks_mut(rows * k);
        let parts = out.chunks_mut(rows * k).enumerate().map(|(part, out)| {
            let accumulators = if has_scratch { scratch.next() } else { None };
            (part * rows, out, accumulators, counts.next().unwrap_or_default())
        });
        division.for_each(parts, |(first, out, accumulators, counts)| {
            let base = self.base.map(|base| &base[first * k..][..out.len()]);
            match accumulators {
                None => self.accumulate(first, base, bytemuck::cast_slice_mut(out), identity, &join, counts),
                Some(accumulators) => {
                    self.accumulate(first, base, accumulators, identity, &join, counts);
                    for (out, &accumulator) in out.iter_mut().zip(&*accumulators) {
                        *out = T::narrow(accumulator);
                    }
                }
            }
        });
        Ok(())
    }

    /// Reduces some rows, from row `first` on. Sums are divided by the counts if there are counts.
    fn accumulate(
        &self,
        first: usize,
        base: Option<&[T]>,
        accumulators: &mut [T::Accumulator],
        identity: T::Accumulator,
        join: &impl Fn(T::Accumulator, T::Accumulator) -> T::Accumulator,
        counts: &mut [u64],
    ) {
        match base {
            Some(base) => accumulators.iter_mut().zip(base).for_each(|(to, value)| *to = value.widen()),
            None => accumulators.fill(identity),
        }
        let k = self.sizes.k;
        let rows = accumulators.len() / k;
        let counts_per_row = counts.len() / rows;
        self.sizes.visit(self.walk, first, rows, |run| {
            let at = run.row * k + run.column;
            for (accumulator, &stored) in accumulators[at..][..run.stored.len()].iter_mut().zip(run.stored) {
                *accumulator = join(*accumulator, W::value(stored, run.weight).widen());
            }
            // The one count of a row is raised by the run with its first column.
            if run.column < counts_per_row {
                counts[run.row * counts_per_row + run.column] += 1;
            }
        });
        if counts_per_row == 0 {
            return;
        }
        for (accumulators, &count) in accumulators.chunks_mut(k / counts_per_row).zip(&*counts) {
            for accumulator in accumulators {
                *accumulator = accumulator.divide_by_count(count.max(1));
            }
        }
    }
}

/// Min and max. A NaN never replaces a number, and among equals the first element stays.
struct Selection<'a, W, T, I> {
    sizes: Sizes,
    walk: &'a W,
    base: Option<&'a [T]>,
    nowhere: I,
}

impl<T: Scalar, W: Walk<T>, I: Index> Selection<'_, W, T, I> {
    fn run(&self, out: &mut [T], arg_out: Option<&mut [I]>, beats: impl Fn(T, T) -> bool + Sync) -> Result<(), Error> {
        let mut unwanted;
        let arg_out = match arg_out {
            Some(arg_out) => arg_out,
            None => {
                unwanted = filled(out.len(), self.nowhere)?;
                &mut unwanted
            }
        };
        let Sizes { k, b, n, .. } = self.sizes;
        let division = self.sizes.division(self.walk, ELEMENTS_PER_THREAD);
        let rows = division.part_length(b * n);
        let parts = out.chunks_mut(rows * k).zip(arg_out.chunks_mut(rows * k)).enumerate();
        division.for_each(parts, |(part, (out, arg))| self.select(part * rows, out, arg, &beats));
        Ok(())
    }

    /// Reduces some rows, from row `first` on.
    fn select(&self, first: usize, out: &mut [T], arg: &mut [I], beats: &impl Fn(T, T) -> bool) {
        let k = self.sizes.k;
        match self.base {
            Some(base) => out.copy_from_slice(&base[first * k..][..out.len()]),
            None => out.fill(T::zeroed()),
        }
        arg.fill(self.nowhere);
        let has_base = self.base.is_some();
        self.sizes.visit(self.walk, first, out.len() / k, |run| {
            let columns = run.row * k + run.column..run.row * k + run.column + run.stored.len();
            // A position along an axis whose length fits the type fits as well.
            let position = I::from_position(run.position).unwrap_or(self.nowhere);
            for ((out, arg), &stored) in out[columns.clone()].iter_mut().zip(&mut arg[columns]).zip(run.stored) {
                let value = W::value(stored, run.weight);
                let is_first = !has_base && *arg == self.nowhere;
                let is_number = value.partial_cmp(&value).is_some();
                if if is_first { is_number } else { beats(value, *out) } {
                    *out = value;
                    *arg = position;
                }
            }
        });
    }
}
