//! Division by a number that the host knows before the launch.

macro_rules! divisor {
    ($(#[$attribute:meta])* $name:ident: $word:ident, $wide:ident) => {
        $(#[$attribute])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The divisor.
            pub value: $word,
            /// 2^(BITS - 1 + `shift`) / `value`, rounded up, where BITS is the width of this type.
            pub multiplier: $word,
            /// The base-2 logarithm of `value`, rounded up.
            pub shift: $word,
        }

        impl $name {
            /// A divisor of up to 2^(BITS - 1). For 0, the length of an empty axis, it divides by 1.
            pub const fn new(value: $word) -> Self {
                let value = if value == 0 { 1 } else { value };
                let shift = $word::BITS - (value - 1).leading_zeros();
                // It fits in BITS bits, because `value` is more than half of 2^shift.
                let multiplier = ((1 as $wide) << ($word::BITS - 1 + shift)).div_ceil(value as $wide) as $word;
                Self { value, multiplier, shift: shift as $word }
            }

            /// Quotient and remainder.
            #[inline(always)]
            pub const fn divide(&self, dividend: $word) -> ($word, $word) {
                let product = self.multiplier as $wide * (dividend << 1) as $wide;
                let quotient = (product >> $word::BITS) as $word >> self.shift;
                (quotient, dividend - quotient * self.value)
            }
        }

        impl Default for $name {
            /// Divides by 1.
            fn default() -> Self {
                // A constant, so that the many unused divisors of a structure cost no division each.
                const ONE: $name = $name::new(1);
                ONE
            }
        }
    };
}

divisor! {
    /// A divisor that is prepared for division by a multiplication and a shift.
    ///
    /// A GPU has no instruction for division. A division by a 64-bit number that is known only at launch is a hundred
    /// instructions, to run and to compile.
    ///
    /// The quotient is exact for dividends below 2^63 (T. Granlund and P. L. Montgomery, "Division by invariant
    /// integers using multiplication", PLDI 1994, theorem 4.2).
    Divisor: u64, u128
}

divisor! {
    /// A [`Divisor`] in 32 bits, for dividends below 2^31. It takes a fifth of the instructions.
    NarrowDivisor: u32, u64
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

    macro_rules! divides {
        ($test:ident, $divisor:ident, $word:ident, $largest:expr) => {
            #[test]
            fn $test() {
                let edges = || edges().filter_map(|edge| $word::try_from(edge).ok());
                for value in edges().filter(|&value| value > 0 && value <= $largest + 1) {
                    let divisor = $divisor::new(value);
                    let multiples = edges().flat_map(|factor| {
                        let multiple = value.saturating_mul(factor);
                        [multiple.saturating_sub(1), multiple, multiple.saturating_add(1)]
                    });
                    let dividends = edges().chain(multiples).chain([$largest, $largest - 1]);
                    for dividend in dividends.filter(|&dividend| dividend <= $largest) {
                        let expected = (dividend / value, dividend % value);
                        assert_eq!(divisor.divide(dividend), expected, "{dividend} / {value}");
                    }
                }
            }
        };
    }

    divides!(quotients_and_remainders_are_those_of_a_division, Divisor, u64, LARGEST);
    divides!(narrow_quotients_and_remainders_are_those_of_a_division, NarrowDivisor, u32, i32::MAX as u32);

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(NarrowDivisor::new(0), NarrowDivisor::new(1));
        assert_eq!(NarrowDivisor::default().divide(7), (7, 0));
        assert_eq!(Divisor::new(0), Divisor::new(1));
        assert_eq!(Divisor::default().divide(LARGEST), (LARGEST, 0));
    }
}
