//! Sums of floating-point numbers in integers. A sum of integers has the same bits in any order.
//!
//! The scale of a group is the largest exponent of its elements. Each element becomes a fixed-point number of `2 *
//! limb_bits` bits below that exponent, in two limbs. Each limb is added to an i64 of its own, whose other bits are
//! room for carries.
//!
//! The bits of an element below the last one are cut off. With limbs of 32 bits this error is less than 2^-63 times the
//! largest element's power of two for each element. (A sum in float64 loses up to 2^-53 times the sum so far.)

use crate::element::Accumulator;

/// A binary floating-point type of IEEE 754, at most 64 bits wide.
pub trait Binary: Accumulator {
    /// Bits of the significand, with the leading one, which is not stored.
    const SIGNIFICAND_BITS: u32;
    /// The exponent field of infinities and NaNs: all ones.
    const SPECIAL: u32;
    /// The bits of the number, in the low bits of a u64.
    fn to_word(self) -> u64;
    /// The number that has these bits.
    fn from_word(word: u64) -> Self;
}

macro_rules! binary {
    ($type:ident, $bits:ident) => {
        impl Binary for $type {
            const SIGNIFICAND_BITS: u32 = $type::MANTISSA_DIGITS;
            const SPECIAL: u32 = 2 * $type::MAX_EXP as u32 - 1;

            #[inline(always)]
            fn to_word(self) -> u64 {
                self.to_bits() as u64
            }

            #[inline(always)]
            fn from_word(word: u64) -> Self {
                Self::from_bits(word as $bits)
            }
        }
    };
}

binary!(f32, u32);
binary!(f64, u64);

/// The fields of a number.
struct Parts {
    is_negative: bool,
    exponent: u32,
    fraction: u64,
}

#[inline(always)]
fn parts<A: Binary>(value: A) -> Parts {
    let word = value.to_word();
    let fraction_bits = A::SIGNIFICAND_BITS - 1;
    let exponent = (word >> fraction_bits) as u32;
    Parts {
        is_negative: exponent & (A::SPECIAL + 1) != 0,
        exponent: exponent & A::SPECIAL,
        fraction: word & ((1 << fraction_bits) - 1),
    }
}

/// The scale of a group that is empty or has nothing but -0. Such a group adds nothing.
pub const NO_SCALE: u32 = 0;

/// The least scale of a group with this number: the number's exponent field. Subnormal numbers and +0 have the scale of
/// the smallest normal numbers, infinities and NaNs the largest scale.
#[inline(always)]
pub fn scale<A: Binary>(value: A) -> u32 {
    let Parts { is_negative, exponent, fraction } = parts(value);
    if is_negative && exponent == 0 && fraction == 0 {
        return NO_SCALE;
    }
    exponent.max(1)
}

/// What a number adds to the two limbs [high, low].
///
/// If the scale says that the group has infinities or NaNs, the limbs are counters instead: the high limb counts +inf
/// and NaN, the low limb -inf and NaN. Both counters above 0 mean NaN, which is also the sum of +inf and -inf.
#[inline(always)]
pub fn limbs<A: Binary>(value: A, scale: u32, limb_bits: u32) -> [i64; 2] {
    let Parts { is_negative, exponent, fraction } = parts(value);
    if scale == A::SPECIAL {
        let is_special = exponent == A::SPECIAL;
        let is_nan = fraction != 0;
        return [is_special && (is_nan || !is_negative), is_special && (is_nan || is_negative)].map(i64::from);
    }
    let leading = if exponent == 0 { 0 } else { 1 << (A::SIGNIFICAND_BITS - 1) };
    let significand = (leading | fraction) << (u64::BITS - A::SIGNIFICAND_BITS);
    let distance = scale - exponent.max(1) + (u64::BITS - 2 * limb_bits);
    let magnitude = if distance < u64::BITS { significand >> distance } else { 0 };
    let high = (magnitude >> limb_bits) as i64;
    let low = (magnitude & ((1 << limb_bits) - 1)) as i64;
    if is_negative {
        [-high, -low]
    } else {
        [high, low]
    }
}

/// The sum in the limbs, rounded once: to nearest, ties to even. A sum of 0 is +0.
#[inline(always)]
pub fn round<A: Binary>([high, low]: [i64; 2], scale: u32, limb_bits: u32) -> A {
    let fraction_bits = A::SIGNIFICAND_BITS - 1;
    let infinity = (A::SPECIAL as u64) << fraction_bits;
    let negative = (A::SPECIAL as u64 + 1) << fraction_bits;
    if scale == A::SPECIAL {
        return A::from_word(match (high != 0, low != 0) {
            (true, true) => infinity | 1 << (fraction_bits - 1),
            (true, false) => infinity,
            _ => negative | infinity,
        });
    }
    let total = ((high as i128) << limb_bits) + low as i128;
    if total == 0 {
        return A::ZERO;
    }
    let sign = if total < 0 { negative } else { 0 };
    let zeros = total.unsigned_abs().leading_zeros();
    let aligned = total.unsigned_abs() << zeros;
    // The 64 bits from the leading one on. Of the bits below them, only whether one is set matters.
    let leading = (aligned >> u64::BITS) as u64 | (aligned as u64 != 0) as u64;
    // A number that fills both limbs has the scale as its exponent.
    let exponent = scale as i32 + (u128::BITS - zeros) as i32 - 2 * limb_bits as i32;
    if exponent >= A::SPECIAL as i32 {
        return A::from_word(sign | infinity);
    }
    // A subnormal number has fewer bits, but at least one, so fewer than 64 bits are cut off: every element is a
    // multiple of the smallest subnormal number, and no bit of that was cut off.
    let lost = u64::BITS - A::SIGNIFICAND_BITS + (1 - exponent).max(0) as u32;
    let kept = leading >> lost;
    let rest = leading << (u64::BITS - lost);
    const HALF: u64 = 1 << (u64::BITS - 1);
    let up = (rest > HALF || rest == HALF && kept & 1 == 1) as u64;
    // The leading one of a normal number, and a carry out of the fraction, each add one to the exponent field.
    let below = (exponent - 1).max(0) as u64;
    A::from_word(sign | ((below << fraction_bits) + kept + up))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits of a limb in a group of up to 2^31 elements.
    const WIDE: u32 = 32;
    /// The bits of a limb in a group of 2^36 elements.
    const NARROW: u32 = 27;

    fn sum<A: Binary>(values: &[A], limb_bits: u32) -> A {
        let scale = values.iter().map(|&value| scale(value)).max().unwrap();
        let mut total = [0; 2];
        for &value in values {
            let [high, low] = limbs(value, scale, limb_bits);
            total = [total[0] + high, total[1] + low];
        }
        round(total, scale, limb_bits)
    }

    /// Repeatable bits: the upper halves of a linear congruential generator's states, with Knuth's constants.
    fn random_words() -> impl Iterator<Item = u32> {
        std::iter::successors(Some(1u64), |state| {
            Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        })
        .map(|state| (state >> 32) as u32)
    }

    #[test]
    fn a_number_alone_stays_as_it_is() {
        for word in random_words().take(100_000) {
            for bits in [word, word & 0x80ff_ffff] {
                let value = f32::from_bits(bits);
                if value.is_nan() || bits == 1 << 31 {
                    continue;
                }
                for limb_bits in [WIDE, NARROW] {
                    assert_eq!(sum(&[value], limb_bits).to_bits(), bits, "{value:e}");
                    // Normal numbers and subnormal ones.
                    let wide = f64::from(value) * 1e-290;
                    if wide != 0.0 {
                        assert_eq!(sum(&[wide], limb_bits).to_bits(), wide.to_bits(), "{wide:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn two_numbers_of_near_exponents_are_rounded_as_by_ieee_754() {
        let mut words = random_words();
        // Exponents among the smallest, in the middle, and among the largest.
        for exponent in [0, 100, 255 - 16] {
            for _ in 0..100_000 {
                let mut number = || {
                    let word = words.next().unwrap();
                    f32::from_bits(word & 0x807f_ffff | (exponent + (word >> 8) % 16) << 23)
                };
                let (a, b) = (number(), number());
                if a.is_finite() && b.is_finite() && a + b != 0.0 {
                    assert_eq!(sum(&[a, b], WIDE).to_bits(), (a + b).to_bits(), "{a:e} + {b:e}");
                    assert_eq!(sum(&[a, b], NARROW).to_bits(), (a + b).to_bits(), "{a:e} + {b:e}");
                }
            }
        }
    }

    #[test]
    fn ties_go_to_even() {
        let one_and = |steps: f32| 1.0 + steps * f32::EPSILON;
        let half = f32::EPSILON / 2.0;
        assert_eq!(sum(&[1.0, half], WIDE), 1.0);
        assert_eq!(sum(&[one_and(1.0), half], WIDE), one_and(2.0));
        assert_eq!(sum(&[1.0, half, half / 1024.0], WIDE), one_and(1.0));
        assert_eq!(sum(&[-one_and(1.0), -half], WIDE), -one_and(2.0));
    }

    #[test]
    fn overflow_is_decided_at_the_end() {
        assert_eq!(sum(&[f32::MAX, f32::MAX, f32::MIN], WIDE), f32::MAX);
        assert_eq!(sum(&[f32::MAX, f32::MAX], WIDE), f32::INFINITY);
        assert_eq!(sum(&[f64::MIN, f64::MIN], WIDE), f64::NEG_INFINITY);
        // Half a step above the largest number, and just below that.
        let step = f32::MAX - f32::from_bits(f32::MAX.to_bits() - 1);
        assert_eq!(sum(&[f32::MAX, step / 2.0], WIDE), f32::INFINITY);
        assert_eq!(sum(&[f32::MAX, step / 4.0], WIDE), f32::MAX);
    }

    #[test]
    fn special_values_win() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        assert_eq!(sum(&[1.0, inf, inf], WIDE), inf);
        assert_eq!(sum(&[-inf, f64::MAX], WIDE), -inf);
        assert!(sum(&[inf, -inf], WIDE).is_nan());
        assert!(sum(&[1.0, nan], WIDE).is_nan());
        assert!(sum(&[-nan, inf], WIDE).is_nan());
        assert_eq!(sum(&[1f64, -1.0], WIDE).to_bits(), 0f64.to_bits());
        assert_eq!(scale(-0.0f32), NO_SCALE);
        assert!(scale(0.0f32) != NO_SCALE);
    }

    #[test]
    fn the_limbs_have_room_for_every_element() {
        let [high, low] = limbs(f64::MAX, f64::SPECIAL - 1, WIDE);
        for limb in [high, low] {
            assert!(limb.checked_mul(1 << (63 - WIDE)).is_some());
        }
        let [high, low] = limbs(-f64::MAX, f64::SPECIAL - 1, NARROW);
        for limb in [high, low] {
            assert!(limb.checked_mul(1 << (63 - NARROW)).is_some());
        }
    }
}
