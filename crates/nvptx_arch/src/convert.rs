//! Conversions between float32 and 16-bit floats, which are passed as their bits.
//!
//! Conversions to 16 bits round to the nearest value, ties to even. A NaN stays a NaN, without its payload.

use crate::target::convert as target;

/// float16 to float32, exactly (`cvt.f32.f16`).
#[inline(always)]
pub fn f16_to_f32(bits: u16) -> f32 {
    target::f16_to_f32(bits)
}

/// float32 to float16 (`cvt.rn.f16.f32`).
#[inline(always)]
pub fn f32_to_f16(value: f32) -> u16 {
    target::f32_to_f16(value)
}

/// bfloat16 to float32, exactly: a bfloat16 is the upper half of a float32.
#[inline(always)]
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

/// float32 to bfloat16, in integers: sm_75 has no instruction for it.
#[inline(always)]
pub fn f32_to_bf16(value: f32) -> u16 {
    const QUIET_NAN: u16 = 0x7fff;
    if value.is_nan() {
        return QUIET_NAN;
    }
    let bits = value.to_bits();
    // Adds half a unit of the last place, or one less if that place is even, so that ties go to even. The sum cannot
    // overflow, because only NaNs lie above infinity.
    let rounded = bits + 0x7fff + (bits >> 16 & 1);
    (rounded >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bfloat16_survives_the_way_there_and_back() {
        for bits in 0..=u16::MAX {
            let value = bf16_to_f32(bits);
            if value.is_nan() {
                assert!(bf16_to_f32(f32_to_bf16(value)).is_nan());
            } else {
                assert_eq!(f32_to_bf16(value), bits);
            }
        }
    }

    #[test]
    fn bfloat16_rounds_to_nearest_even() {
        for bits in (0..=u32::MAX).step_by(997) {
            let value = f32::from_bits(bits);
            let expected = half::bf16::from_f32(value);
            let given = half::bf16::from_bits(f32_to_bf16(value));
            assert!(given == expected || given.is_nan() && expected.is_nan(), "{value} gives {given}, not {expected}");
        }
    }
}
