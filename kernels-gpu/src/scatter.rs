//! Scatter with atomics: one thread per element of `src`, in any order.
//!
//! Sum and mul join each element to its place in `out`, which the host has filled with base or the identity.
//! Mean joins sums in `out` and counts in the workspace, and a second kernel divides. Min and max keep the
//! best candidate of each group in the workspace, as one 64-bit word, and a second kernel looks the winner up.
//! A kernel reads what others have written only after those have finished: the second kernels are launches of
//! their own.

use kernel_params::ScatterParams;
use nvptx_arch::{
    atomic::{AtomicAdd, AtomicMinMax},
    memory,
};

use crate::{
    element::{Index, Scalar},
    layout::{for_each_position, is_row_index, Element},
    reduction::{AtomicReduction, Selection},
};

/// ```text
/// for each element (b, e, k) of src:
///     n = index of (b, e, k);  skip it if n is not in [0, N)
///     out[b, n, k] = out[b, n, k] joined with src[b, e, k]
/// ```
#[inline(always)]
pub unsafe fn accumulate<T: Scalar, I: Index, R: AtomicReduction<T>>(p: &ScatterParams) {
    for_each_position(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let value = memory::load_readonly((p.src as *const T).add(position as usize));
            R::join((p.out as *mut T).add((row * p.k + element.k) as usize), value);
        }
    });
}

/// [`accumulate`], counting as it goes: one count for a whole row of `out` where the index is the same along
/// it, one for each element otherwise.
#[inline(always)]
pub unsafe fn accumulate_and_count<T: Scalar, I: Index, R: AtomicReduction<T>>(p: &ScatterParams) {
    let per_row = is_row_index(&p.layout);
    let counts = p.workspace as *mut u32;
    for_each_position(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let at = row * p.k + element.k;
            let value = memory::load_readonly((p.src as *const T).add(position as usize));
            R::join((p.out as *mut T).add(at as usize), value);
            if !per_row {
                u32::reduce_add(counts.add(at as usize), 1);
            } else if element.k == 0 {
                u32::reduce_add(counts.add(row as usize), 1);
            }
        }
    });
}

/// The second half of mean: each element of `out` over its count, or over 1 where nothing arrived.
#[inline(always)]
pub unsafe fn divide<T: Scalar>(p: &ScatterParams) {
    let per_row = is_row_index(&p.layout);
    for_each_position(p.b * p.n * p.k, |position| {
        let counted = if per_row { position / p.k } else { position };
        let count = memory::load((p.workspace as *const u32).add(counted as usize));
        let out = (p.out as *mut T).add(position as usize);
        memory::store(out, memory::load(out).divide_by_count(count.max(1)));
    });
}

/// ```text
/// for each element (b, e, k) of src that is not NaN:
///     n = index of (b, e, k);  skip it if n is not in [0, N)
///     best[b, n, k] = max(best[b, n, k], pack(src[b, e, k], e))
/// ```
#[inline(always)]
pub unsafe fn find_best<T: Scalar, I: Index, S: Selection<T>>(p: &ScatterParams) {
    let best = p.workspace as *mut u64;
    for_each_position(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let value = memory::load_readonly((p.src as *const T).add(position as usize));
            if let Some(candidate) = S::pack(value, element.e) {
                u64::reduce_max(best.add((row * p.k + element.k) as usize), candidate);
            }
        }
    });
}

/// The second half of min and max. The value is taken from `src`, so it keeps the sign of its zero.
/// ```text
/// for each (b, n, k) of out:
///     e = position in best[b, n, k], if there is one and src[b, e, k] beats base[b, n, k]
///     out = src[b, e, k], arg_out = e;  otherwise out = base (or 0), arg_out = E
/// ```
#[inline(always)]
pub unsafe fn select<T: Scalar, A: Index, S: Selection<T>>(p: &ScatterParams) {
    for_each_position(p.b * p.n * p.k, |position| {
        let row = position / p.k;
        let (b, k) = (row / p.n, position - row * p.k);
        let base = if p.base == 0 { None } else { Some(memory::load((p.base as *const T).add(position as usize))) };
        let winner = S::unpack(memory::load((p.workspace as *const u64).add(position as usize)));
        let mut out = base.unwrap_or(T::ZERO);
        let mut arg = p.e;
        if let Some(e) = winner {
            let value = memory::load_readonly((p.src as *const T).add(((b * p.e + e) * p.k + k) as usize));
            let replaces = match base {
                Some(base) => S::beats(value, base),
                None => true,
            };
            if replaces {
                out = value;
                arg = e;
            }
        }
        memory::store((p.out as *mut T).add(position as usize), out);
        if p.arg_out != 0 {
            memory::store((p.arg_out as *mut A).add(position as usize), A::from_position(arg));
        }
    });
}
