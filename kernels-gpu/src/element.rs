//! The element types: values, and integers that index.

use nvptx_arch::memory::Word;

/// A type of values.
pub trait Scalar: Word + PartialOrd {
    /// The additive identity.
    const ZERO: Self;
    /// This over a count.
    fn divide_by_count(self, count: u32) -> Self;
    /// An integer that is ordered as the value is under `<`, so that -0 and +0 are one; None for NaN.
    /// Never 0, which stands for "nothing arrived".
    fn ordered_bits(self) -> Option<u32>;
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn divide_by_count(self, count: u32) -> Self {
        self / count as f32
    }

    #[inline(always)]
    fn ordered_bits(self) -> Option<u32> {
        if self.is_nan() {
            return None;
        }
        // -0 + 0 is +0; every other value stays.
        let bits = (self + 0.0).to_bits();
        // Positive floats are ordered as their bits; negative ones backwards, and below them.
        Some(if bits >> 31 == 0 { bits | 1 << 31 } else { !bits })
    }
}

/// A type of indices, and of the positions in arg_out.
pub trait Index: Word {
    /// The value, widened.
    fn to_i64(self) -> i64;
    /// A position along the reduced axis; the host has seen to it that they all fit.
    fn from_position(position: u64) -> Self;

    /// The group an index names, if it lies in [0, n).
    #[inline(always)]
    fn group(self, n: u64) -> Option<u64> {
        // A negative index is a huge unsigned one.
        let group = self.to_i64() as u64;
        (group < n).then_some(group)
    }
}

impl Index for i32 {
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self as i64
    }

    #[inline(always)]
    fn from_position(position: u64) -> Self {
        position as i32
    }
}

impl Index for i64 {
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self
    }

    #[inline(always)]
    fn from_position(position: u64) -> Self {
        position as i64
    }
}
