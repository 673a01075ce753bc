//! Scatter with atomics. One thread takes one element of `src`, in any order.
//!
//! The kernels of this file work for every type, shape and broadcast. [`vectors`], [`rows`] and [`privatized`] compute
//! sums faster for some shapes. [`reproducible`] computes sums that have the same bits every time.
//!
//! - Sum, mul and mean join each element to the accumulator of its group. The accumulators are `out` itself, or float32
//!   values in the workspace for 16-bit floats. Mean counts the elements in the same launch. [`finish`] divides and
//!   stores.
//! - Min and max keep the best candidate of each group in the workspace. [`select`] reads the winner from `src`.
//!
//! A kernel reads what another kernel has written only after that kernel has ended, so these last steps are launches of
//! their own.

pub mod privatized;
pub mod reproducible;
pub mod rows;
pub mod vectors;

use kernel_params::ScatterParams;
use nvptx_arch::{
    atomic::{self, AtomicAdd, AtomicMinMax},
    memory,
};

use crate::{
    element::{Accumulator, Index, Scalar},
    items::Threads,
    layout::{is_row_index, split_rows, Element},
    reduction::{AtomicReduction, Selection, Sum},
};

/// Sets every accumulator to base, or to the reduction's identity without a base. Sets every count to 0, if there are
/// counts.
#[inline(always)]
pub unsafe fn start<T: Scalar, R: AtomicReduction>(p: &ScatterParams, threads: Threads) {
    threads.for_each(p.b * p.n * p.k, |position| {
        let value =
            if p.base == 0 { R::identity() } else { T::load((p.base as *const T).add(position as usize)).widen() };
        memory::store((p.accumulators as *mut T::Accumulator).add(position as usize), value);
        // There are as many counts as accumulators, or fewer.
        if position < p.count_elements {
            memory::store((p.counts as *mut u64).add(position as usize), 0);
        }
    });
}

/// ```text
/// for each element (b, e, k) of src:
///     n = index of (b, e, k);  skip it if n is not in [0, N)
///     accumulators[b, n, k] = accumulators[b, n, k] joined with src[b, e, k]
/// ```
#[inline(always)]
pub unsafe fn accumulate<T: Scalar, I: Index, R: AtomicReduction>(p: &ScatterParams, threads: Threads) {
    threads.for_each(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let value = T::load_readonly((p.src as *const T).add(position as usize));
            let to = (p.accumulators as *mut T::Accumulator).add((row * p.k + element.k) as usize);
            R::join(to, value.widen());
        }
    });
}

/// The sums and the counts of a mean: [`accumulate`] and [`count`] in one.
#[inline(always)]
pub unsafe fn accumulate_and_count<T: Scalar, I: Index>(p: &ScatterParams, threads: Threads) {
    let per_row = is_row_index(&p.layout);
    threads.for_each(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let value = T::load_readonly((p.src as *const T).add(position as usize));
            let at = row * p.k + element.k;
            Sum::join((p.accumulators as *mut T::Accumulator).add(at as usize), value.widen());
            if !per_row {
                count_one(p, at);
            } else if element.k == 0 {
                count_one(p, row);
            }
        }
    });
}

/// Adds one to a count.
#[inline(always)]
pub unsafe fn count_one(p: &ScatterParams, at: u64) {
    u64::reduce_add((p.counts as *mut u64).add(at as usize), 1);
}

/// Counts the elements of each group. Where the index is the same for all columns of a row, a row of `out` has one
/// count. Otherwise each element of `out` has its own. Reproducible means count in this launch of its own.
#[inline(always)]
pub unsafe fn count<I: Index>(p: &ScatterParams, threads: Threads) {
    if is_row_index(&p.layout) {
        threads.for_each(p.b * p.e, |position| {
            let element = Element::at(p, position * p.k);
            if let Some(row) = element.out_row::<I>(p) {
                count_one(p, row);
            }
        });
    } else {
        threads.for_each(p.b * p.e * p.k, |position| {
            let element = Element::at(p, position);
            if let Some(row) = element.out_row::<I>(p) {
                count_one(p, row * p.k + element.k);
            }
        });
    }
}

/// The last step of sums and products that were kept in the workspace, and of mean: divides each accumulator by its
/// count, if there are counts, and stores it as the nearest value of the type. A count of 0 divides as 1.
#[inline(always)]
pub unsafe fn finish<T: Scalar>(p: &ScatterParams, threads: Threads) {
    let per_row = is_row_index(&p.layout);
    threads.for_each(p.b * p.n * p.k, |position| {
        let mut value = memory::load((p.accumulators as *const T::Accumulator).add(position as usize));
        if p.counts != 0 {
            let counted = if per_row { p.by_k.divide(position).0 } else { position };
            let count = memory::load((p.counts as *const u64).add(counted as usize));
            value = value.divide_by_count(count.max(1));
        }
        T::store((p.out as *mut T).add(position as usize), T::narrow(value));
    });
}

/// ```text
/// for each element (b, e, k) of src that is not NaN:
///     n = index of (b, e, k);  skip it if n is not in [0, N)
///     candidate = pack(src[b, e, k], e)
///     if candidate > best[b, n, k]: best[b, n, k] = max(best[b, n, k], candidate), atomically
/// ```
/// The test before the atomic saves most of the atomics. It is safe because a group's best only grows. The best of n
/// elements in random order changes about ln(n) times.
#[inline(always)]
pub unsafe fn find_best<T: Scalar, I: Index, S: Selection>(p: &ScatterParams, threads: Threads) {
    let best = p.best as *mut u64;
    threads.for_each(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let value = T::load_readonly((p.src as *const T).add(position as usize));
            if let Some(candidate) = S::pack(value, element.e) {
                let to = best.add((row * p.k + element.k) as usize);
                if candidate > atomic::load_relaxed(to) {
                    u64::reduce_max(to, candidate);
                }
            }
        }
    });
}

/// The first half of [`find_best`], where key and position do not fit in 64 bits: finds the best key of each group.
/// `best` starts as 0, which is also the smallest key.
#[inline(always)]
pub unsafe fn find_best_key<T: Scalar, I: Index, S: Selection>(p: &ScatterParams, threads: Threads) {
    for_each_wide_key::<T, I, S>(p, threads, |at, key, _| u64::reduce_max((p.best as *mut u64).add(at as usize), key));
}

/// The second half of [`find_best`], where key and position do not fit in 64 bits: finds the smallest position that has
/// the best key. `positions` start with all bits 1, which stands for "no position".
#[inline(always)]
pub unsafe fn find_best_position<T: Scalar, I: Index, S: Selection>(p: &ScatterParams, threads: Threads) {
    for_each_wide_key::<T, I, S>(p, threads, |at, key, e| {
        if memory::load((p.best as *const u64).add(at as usize)) == key {
            u64::reduce_min((p.positions as *mut u64).add(at as usize), e);
        }
    });
}

/// Calls `visit(position in out, key, e)` for each element of src that is not NaN and whose index is good.
#[inline(always)]
unsafe fn for_each_wide_key<T: Scalar, I: Index, S: Selection>(
    p: &ScatterParams,
    threads: Threads,
    visit: impl Fn(u64, u64, u64),
) {
    threads.for_each(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let value = T::load_readonly((p.src as *const T).add(position as usize));
            if let Some(ordered_bits) = value.ordered_bits() {
                visit(row * p.k + element.k, S::key(ordered_bits), element.e);
            }
        }
    });
}

/// The last step of min and max. The value comes from `src`, so that a zero keeps its sign. Its position comes from
/// `positions`, or from the candidates in `best` if there are no `positions`.
/// ```text
/// for each (b, n, k) of out:
///     e = the best position, if there is one and src[b, e, k] beats base[b, n, k]
///     out = src[b, e, k], arg_out = e;  otherwise out = base (or 0), arg_out = E
/// ```
#[inline(always)]
pub unsafe fn select<T: Scalar, A: Index, S: Selection>(p: &ScatterParams, threads: Threads) {
    threads.for_each(p.b * p.n * p.k, |position| {
        let (row, k) = p.by_k.divide(position);
        let (b, _) = split_rows(row, &p.by_n, p.b);
        let winner = if p.positions == 0 {
            S::unpack(memory::load((p.best as *const u64).add(position as usize)))
        } else {
            let e = memory::load((p.positions as *const u64).add(position as usize));
            (e != u64::MAX).then_some(e)
        };
        let has_base = p.base != 0;
        let mut out = if has_base { T::load((p.base as *const T).add(position as usize)) } else { T::ZERO };
        let mut arg = p.e;
        if let Some(e) = winner {
            let value = T::load_readonly((p.src as *const T).add(((b * p.e + e) * p.k + k) as usize));
            if !has_base || S::beats(value.widen(), out.widen()) {
                out = value;
                arg = e;
            }
        }
        T::store((p.out as *mut T).add(position as usize), out);
        if p.arg_out != 0 {
            memory::store((p.arg_out as *mut A).add(position as usize), A::from_position(arg));
        }
    });
}
