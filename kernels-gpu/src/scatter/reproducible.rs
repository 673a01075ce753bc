//! Sums of floating-point numbers that have the same bits in any order of the elements. They are computed in integers,
//! with [`fixed_point`].
//!
//! ```text
//! scales[b, n, k] = the scale of base[b, n, k]                               (a launch, if there is a base)
//! scales[b, n, k] = the largest scale among that and the group's elements    (a launch)
//! limbs[b, n, k] += the element in fixed point under that scale              (a launch)
//! accumulators[b, n, k] = limbs[b, n, k] + base in fixed point, rounded      (a launch)
//! ```
//! Limbs start as zeros. So do scales, if there is no base.

use kernel_params::ReproducibleParams;
use nvptx_arch::{
    atomic::{self, AtomicAdd, AtomicMinMax},
    memory,
};

use crate::{
    element::{Accumulator, Index, Scalar},
    fixed_point::{self, Binary, NO_SCALE},
    items::Threads,
    layout::Element,
};

/// Sets each group's scale to the scale of its base. There is a base.
#[inline(always)]
pub unsafe fn start_scales<T: Scalar<Accumulator: Binary>>(p: &ReproducibleParams, threads: Threads) {
    let s = &p.scatter;
    threads.for_each(s.b * s.n * s.k, |position| {
        let base = T::load((s.base as *const T).add(position as usize)).widen();
        memory::store((p.scales as *mut u32).add(position as usize), fixed_point::scale(base));
    });
}

/// Finds each group's scale. A scale only grows, so a test before the atomic saves most of the atomics.
#[inline(always)]
pub unsafe fn find_scales<T: Scalar<Accumulator: Binary>, I: Index>(p: &ReproducibleParams, threads: Threads) {
    for_each_element::<T, I>(p, threads, |value, at| {
        let scale = fixed_point::scale(value);
        let to = (p.scales as *mut u32).add(at);
        if scale > atomic::load_relaxed(to) {
            u32::reduce_max(to, scale);
        }
    });
}

/// Adds each element to the limbs of its group.
///
/// The low limb of many elements is 0, and needs no atomic: for limbs of 32 bits, that of every float32 within a factor
/// of 2^8 of the largest.
#[inline(always)]
pub unsafe fn add_limbs<T: Scalar<Accumulator: Binary>, I: Index>(p: &ReproducibleParams, threads: Threads) {
    for_each_element::<T, I>(p, threads, |value, at| {
        let scale = memory::load((p.scales as *const u32).add(at));
        // A group without a scale has nothing but -0, which adds nothing.
        if scale != NO_SCALE {
            let [high, low] = fixed_point::limbs(value, scale, p.limb_bits);
            if high != 0 {
                i64::reduce_add((p.high_limbs as *mut i64).add(at), high);
            }
            if low != 0 {
                i64::reduce_add((p.low_limbs as *mut i64).add(at), low);
            }
        }
    });
}

/// Adds base, or 0, to each group's limbs and rounds the sum. A base of -0 stays -0 if every element is -0 or there is
/// none.
#[inline(always)]
pub unsafe fn round<T: Scalar<Accumulator: Binary>>(p: &ReproducibleParams, threads: Threads) {
    let s = &p.scatter;
    threads.for_each(s.b * s.n * s.k, |position| {
        let at = position as usize;
        let base = if s.base == 0 { T::Accumulator::ZERO } else { T::load((s.base as *const T).add(at)).widen() };
        let scale = memory::load((p.scales as *const u32).add(at));
        let value = if scale == NO_SCALE {
            base
        } else {
            let high = memory::load((p.high_limbs as *const i64).add(at));
            let low = memory::load((p.low_limbs as *const i64).add(at));
            let [base_high, base_low] = fixed_point::limbs(base, scale, p.limb_bits);
            fixed_point::round([high + base_high, low + base_low], scale, p.limb_bits)
        };
        memory::store((s.accumulators as *mut T::Accumulator).add(at), value);
    });
}

/// Calls `visit(value, position in out)` for each element of src whose index is good.
#[inline(always)]
unsafe fn for_each_element<T: Scalar, I: Index>(
    p: &ReproducibleParams,
    threads: Threads,
    visit: impl Fn(T::Accumulator, usize),
) {
    let s = &p.scatter;
    threads.for_each(s.b * s.e * s.k, |position| {
        let element = Element::at(s, position);
        if let Some(row) = element.out_row::<I>(s) {
            let value = T::load_readonly((s.src as *const T).add(position as usize));
            visit(value.widen(), (row * s.k + element.k) as usize);
        }
    });
}
