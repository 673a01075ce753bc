//! Exponential, natural logarithm and square root.
//!
//! Functions for which PTX has an instruction are built on it. The others are the crate `libm`, the same code on every
//! target. NaN gives NaN. Infinities and zeros give the results of IEEE 754.

use crate::target::math as target;

/// e to the power of `x`, within 6 units of the last place; subnormal results included.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    const LOG2_E: f32 = core::f32::consts::LOG2_E;
    /// log2(e) minus its `f32`.
    const LOG2_E_REST: f32 = (core::f64::consts::LOG2_E - LOG2_E as f64) as f32;
    /// Beyond these limits the result is 0 or infinity. They keep infinities out of the differences below. A NaN
    /// passes.
    const LOWEST: f32 = -105.0;
    const HIGHEST: f32 = 89.0;
    let x = x.clamp(LOWEST, HIGHEST);
    // 2^(high + low) with high + low = x * log2(e): `low` is the rounding error of the product and of its constant,
    // added to first order, as 2^low = 1 + low * ln(2).
    let high = x * LOG2_E;
    let low = target::fma_f32(x, LOG2_E_REST, target::fma_f32(x, LOG2_E, -high));
    target::exp2_f32(high) * target::fma_f32(low, core::f32::consts::LN_2, 1.0)
}

/// e to the power of `x`, within 2 units of the last place; subnormal results included.
///
/// PTX has no such instruction for `f64`, and libm's function keeps a table on the stack, which on the GPU is slow
/// memory.
#[inline(always)]
pub fn exp_f64(x: f64) -> f64 {
    /// As in [`exp_f32`].
    const LOWEST: f64 = -746.0;
    const HIGHEST: f64 = 710.0;
    /// 1.5 * 2^52: a number plus this minus this is the nearest integer.
    const TO_INTEGER: f64 = 6_755_399_441_055_744.0;
    /// ln(2) minus its `f64`.
    const LN_2_REST: f64 = 2.319_046_813_846_299_6e-17;
    let x = x.clamp(LOWEST, HIGHEST);
    // x = twos * ln(2) + rest, with rest at most ln(2) / 2 away from 0.
    let twos = target::fma_f64(x, core::f64::consts::LOG2_E, TO_INTEGER) - TO_INTEGER;
    let rest = target::fma_f64(-twos, core::f64::consts::LN_2, x);
    let rest = target::fma_f64(-twos, LN_2_REST, rest);
    let mut power = INVERSE_FACTORIALS[TERMS - 1];
    for term in (0..TERMS - 1).rev() {
        power = target::fma_f64(power, rest, INVERSE_FACTORIALS[term]);
    }
    // In two steps, because 2^twos may be too large, or too small, for an `f64`.
    let twos = twos as i32;
    let half = twos >> 1;
    power * power_of_two(half) * power_of_two(twos - half)
}

/// The terms of the series of e^x that matter: the next one, (ln(2) / 2)^14 / 14!, is a thirtieth of an `f64`'s
/// precision.
const TERMS: usize = 14;

const INVERSE_FACTORIALS: [f64; TERMS] = {
    let mut inverses = [1.0; TERMS];
    let mut factorial = 1.0;
    let mut n = 1;
    while n < TERMS {
        factorial *= n as f64;
        inverses[n] = 1.0 / factorial;
        n += 1;
    }
    inverses
};

/// 2 to a power whose result is neither subnormal nor infinite.
#[inline(always)]
fn power_of_two(exponent: i32) -> f64 {
    const BIAS: i32 = f64::MAX_EXP - 1;
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    f64::from_bits(((exponent + BIAS) as u64) << FRACTION_BITS)
}

/// The natural logarithm of `x`, within 1 unit of the last place.
#[inline(always)]
pub fn ln_f32(x: f32) -> f32 {
    libm::logf(x)
}

/// The natural logarithm of `x`, within 1 unit of the last place.
#[inline(always)]
pub fn ln_f64(x: f64) -> f64 {
    libm::log(x)
}

/// The square root of `x`, correctly rounded (`sqrt.rn.f32`).
#[inline(always)]
pub fn sqrt_f32(x: f32) -> f32 {
    target::sqrt_f32(x)
}

/// The square root of `x`, correctly rounded (`sqrt.rn.f64`).
#[inline(always)]
pub fn sqrt_f64(x: f64) -> f64 {
    target::sqrt_f64(x)
}
