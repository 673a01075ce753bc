//! Division by a number that the host knows.

/// A divisor with what it takes to divide by it in a multiplication and a shift: a GPU has no instruction for division, and
/// one by a 64-bit number that only the kernel's launch tells is a hundred instructions, which have to be compiled as well.
///
/// The quotient is exact for dividends below 2^63 (T. Granlund and P. L. Montgomery, "Division by invariant integers using
/// multiplication", PLDI 1994, theorem 4.2).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisor {
    /// The divisor.
    pub value: u64,
    /// 2^(63 + `shift`) / `value`, rounded up.
    pub multiplier: u64,
    /// The base-2 logarithm of `value`, rounded up.
    pub shift: u64,
}

impl Divisor {
    /// A divisor, at most 2^63, of dividends below that; 1 in place of 0, which is the length of an axis along which there
    /// is nothing to divide.
    pub const fn new(value: u64) -> Self {
        let value = if value == 0 { 1 } else { value };
        let shift = u64::BITS - (value - 1).leading_zeros();
        // Below 2^64, because `value` is more than half of 2^shift.
        let multiplier = (1u128 << (u64::BITS - 1 + shift)).div_ceil(value as u128) as u64;
        Self { value, multiplier, shift: shift as u64 }
    }

    /// Quotient and remainder.
    #[inline(always)]
    pub const fn divide(&self, dividend: u64) -> (u64, u64) {
        let product = self.multiplier as u128 * (dividend << 1) as u128;
        let quotient = (product >> u64::BITS) as u64 >> self.shift;
        (quotient, dividend - quotient * self.value)
    }
}

impl Default for Divisor {
    /// That by 1.
    fn default() -> Self {
        // Not divided out again for each of many that are not used.
        const ONE: Divisor = Divisor::new(1);
        ONE
    }
}

/// A [`Divisor`] of 32 bits, which takes a fifth of the instructions.
///
/// The quotient is exact for dividends below 2^31 by the same theorem.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortDivisor {
    /// The divisor.
    pub value: u32,
    /// 2^(31 + `shift`) / `value`, rounded up.
    pub multiplier: u32,
    /// The base-2 logarithm of `value`, rounded up.
    pub shift: u32,
}

impl ShortDivisor {
    /// A divisor, at most 2^31, of dividends below that; 1 in place of 0.
    pub const fn new(value: u32) -> Self {
        let value = if value == 0 { 1 } else { value };
        let shift = u32::BITS - (value - 1).leading_zeros();
        // Below 2^32, because `value` is more than half of 2^shift.
        let multiplier = (1u64 << (u32::BITS - 1 + shift)).div_ceil(value as u64) as u32;
        Self { value, multiplier, shift }
    }

    /// Quotient and remainder.
    #[inline(always)]
    pub const fn divide(&self, dividend: u32) -> (u32, u32) {
        let product = self.multiplier as u64 * (dividend << 1) as u64;
        let quotient = (product >> u32::BITS) as u32 >> self.shift;
        (quotient, dividend - quotient * self.value)
    }
}

impl Default for ShortDivisor {
    /// That by 1.
    fn default() -> Self {
        Self::new(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: u64 = i64::MAX as u64;

    /// Numbers around powers of two and their thirds: where rounding would show.
    fn edges() -> impl Iterator<Item = u64> {
        (0..64).flat_map(|log2| {
            let power = 1u64 << log2;
            [power - 1, power, power + 1, power / 3, power / 3 + 1, power / 5].into_iter()
        })
    }

    #[test]
    fn quotients_and_remainders_are_those_of_a_division() {
        for value in edges().filter(|&value| value > 0 && value <= 1 << 63) {
            let divisor = Divisor::new(value);
            let multiples = edges().flat_map(|factor| {
                let multiple = value.saturating_mul(factor);
                [multiple.saturating_sub(1), multiple, multiple.saturating_add(1)]
            });
            for dividend in
                edges().chain(multiples).chain([LARGEST, LARGEST - 1]).filter(|&dividend| dividend <= LARGEST)
            {
                assert_eq!(divisor.divide(dividend), (dividend / value, dividend % value), "{dividend} / {value}");
            }
        }
    }

    #[test]
    fn short_quotients_and_remainders_are_those_of_a_division() {
        const LARGEST: u32 = i32::MAX as u32;
        let edges = || edges().filter_map(|edge| u32::try_from(edge).ok());
        for value in edges().filter(|&value| value > 0 && value <= 1 << 31) {
            let divisor = ShortDivisor::new(value);
            let multiples = edges().flat_map(|factor| {
                let multiple = value.saturating_mul(factor);
                [multiple.saturating_sub(1), multiple, multiple.saturating_add(1)]
            });
            for dividend in
                edges().chain(multiples).chain([LARGEST, LARGEST - 1]).filter(|&dividend| dividend <= LARGEST)
            {
                assert_eq!(divisor.divide(dividend), (dividend / value, dividend % value), "{dividend} / {value}");
            }
        }
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(ShortDivisor::new(0), ShortDivisor::new(1));
        assert_eq!(ShortDivisor::default().divide(7), (7, 0));
        assert_eq!(Divisor::new(0), Divisor::new(1));
        assert_eq!(Divisor::default().divide(LARGEST), (LARGEST, 0));
    }
}
