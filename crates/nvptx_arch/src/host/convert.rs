//! Conversions of 16-bit floats, by the crate `half`.

use half::f16;

pub fn f16_to_f32(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

pub fn f32_to_f16(value: f32) -> u16 {
    f16::from_f32(value).to_bits()
}
