//! The element types: values that can be reduced, and integers that can index.

use std::fmt;

use half::{bf16, f16};

use crate::named_enum::named_enum;

mod sealed {
    use half::{bf16, f16};

    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f16 {}
    impl Sealed for bf16 {}
    impl Sealed for f64 {}
    impl Sealed for i32 {}
    impl Sealed for i64 {}
}

/// A type whose values can be reduced: float32, float16, bfloat16, float64, int32 and int64.
pub trait Scalar: sealed::Sealed + bytemuck::Pod + PartialOrd + std::fmt::Debug + Send + Sync {
    /// The type of sums and products: float32 for the 16-bit floats, the type itself otherwise.
    type Accumulator: Accumulator;
    /// The type, as a value.
    const TYPE: ScalarType;

    /// The value as an accumulator.
    fn widen(self) -> Self::Accumulator;
    /// The nearest value of the type.
    fn narrow(value: Self::Accumulator) -> Self;
}

/// A type whose values can be exponentiated: float32, float16, bfloat16 and float64.
pub trait Float: Scalar<Accumulator: FloatAccumulator> {
    /// 0 for NaN and -inf, the largest finite value for inf, and otherwise the value itself.
    fn finite_or_zero(self) -> Self;
}

macro_rules! float_body {
    () => {
        fn finite_or_zero(self) -> Self {
            if self.is_nan() || self == Self::NEG_INFINITY {
                Self::from(0u8)
            } else if self == Self::INFINITY {
                Self::MAX
            } else {
                self
            }
        }
    };
}

/// A type of sums and products. Integers wrap.
pub trait Accumulator: sealed::Sealed + bytemuck::Pod + PartialOrd + Send + Sync {
    /// The additive identity.
    const ZERO: Self;
    /// The multiplicative identity.
    const ONE: Self;
    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The product.
    fn mul(self, other: Self) -> Self;
    /// The quotient of a group's sum and its number of elements, which is not 0; integers round down.
    fn divide_by_count(self, count: u64) -> Self;
}

/// A floating-point accumulator.
pub trait FloatAccumulator: Accumulator {
    /// The lowest value there is.
    const NEG_INFINITY: Self;
    /// The difference.
    fn sub(self, other: Self) -> Self;
    /// The quotient.
    fn div(self, other: Self) -> Self;
    /// e to the power of this.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// A count, rounded.
    fn from_count(count: u64) -> Self;
    /// A constant, rounded.
    fn from_f64(value: f64) -> Self;
}

macro_rules! plain_scalar {
    ($type:ident, $variant:ident, $add:expr, $mul:expr, $divide:expr) => {
        impl Scalar for $type {
            type Accumulator = Self;
            const TYPE: ScalarType = ScalarType::$variant;

            fn widen(self) -> Self {
                self
            }

            fn narrow(value: Self) -> Self {
                value
            }
        }

        impl Accumulator for $type {
            const ZERO: Self = 0 as $type;
            const ONE: Self = 1 as $type;

            fn add(self, other: Self) -> Self {
                let add: fn(Self, Self) -> Self = $add;
                add(self, other)
            }

            fn mul(self, other: Self) -> Self {
                let mul: fn(Self, Self) -> Self = $mul;
                mul(self, other)
            }

            fn divide_by_count(self, count: u64) -> Self {
                let divide: fn(Self, u64) -> Self = $divide;
                divide(self, count)
            }
        }
    };
}

plain_scalar!(f32, F32, |a, b| a + b, |a, b| a * b, |a, n| a / n as f32);
plain_scalar!(f64, F64, |a, b| a + b, |a, b| a * b, |a, n| a / n as f64);
// A group never has more elements than an i64 can count.
plain_scalar!(i32, I32, i32::wrapping_add, i32::wrapping_mul, |a, n| i64::from(a).div_euclid(n as i64) as i32);
plain_scalar!(i64, I64, i64::wrapping_add, i64::wrapping_mul, |a, n| a.div_euclid(n as i64));

macro_rules! half_scalar {
    ($type:ident, $variant:ident) => {
        impl Scalar for $type {
            type Accumulator = f32;
            const TYPE: ScalarType = ScalarType::$variant;

            fn widen(self) -> f32 {
                self.to_f32()
            }

            fn narrow(value: f32) -> Self {
                Self::from_f32(value)
            }
        }

        impl Float for $type {
            float_body!();
        }
    };
}

half_scalar!(f16, F16);
half_scalar!(bf16, BF16);

macro_rules! float {
    ($type:ident) => {
        impl Float for $type {
            float_body!();
        }

        impl FloatAccumulator for $type {
            const NEG_INFINITY: Self = $type::NEG_INFINITY;

            fn sub(self, other: Self) -> Self {
                self - other
            }

            fn div(self, other: Self) -> Self {
                self / other
            }

            fn exp(self) -> Self {
                self.exp()
            }

            fn ln(self) -> Self {
                self.ln()
            }

            fn sqrt(self) -> Self {
                self.sqrt()
            }

            fn from_count(count: u64) -> Self {
                count as $type
            }

            fn from_f64(value: f64) -> Self {
                value as $type
            }
        }
    };
}

float!(f32);
float!(f64);

/// A type of indices, and of the positions in `arg_out`: int32 and int64.
pub trait Index: sealed::Sealed + bytemuck::Pod + Ord + std::fmt::Debug + Send + Sync {
    /// The type, as a value.
    const TYPE: IndexType;
    /// The value, widened.
    fn to_i64(self) -> i64;
    /// A position as an index; None if it does not fit.
    fn from_position(position: usize) -> Option<Self>;

    /// The group that an index names; None if it lies outside [0, groups).
    fn group(self, groups: usize) -> Option<usize> {
        usize::try_from(self.to_i64()).ok().filter(|&group| group < groups)
    }
}

impl Index for i32 {
    const TYPE: IndexType = IndexType::I32;

    fn to_i64(self) -> i64 {
        self.into()
    }

    fn from_position(position: usize) -> Option<Self> {
        position.try_into().ok()
    }
}

impl Index for i64 {
    const TYPE: IndexType = IndexType::I64;

    fn to_i64(self) -> i64 {
        self
    }

    fn from_position(position: usize) -> Option<Self> {
        position.try_into().ok()
    }
}

named_enum! {
    /// The type of values, where it is known only when the program runs. `Display` writes the name that NumPy, torch
    /// and ONNX share: "float32".
    pub enum ScalarType {
        /// float32.
        F32 = "f32",
        /// float16.
        F16 = "f16",
        /// bfloat16.
        BF16 = "bf16",
        /// float64.
        F64 = "f64",
        /// int32.
        I32 = "i32",
        /// int64.
        I64 = "i64",
    }

    /// The name that kernels carry: "f32".
    pub fn name;
}

impl ScalarType {
    /// Bytes of a value.
    pub fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// Whether it is a floating-point type.
    pub fn is_float(self) -> bool {
        match self {
            Self::F32 | Self::F16 | Self::BF16 | Self::F64 => true,
            Self::I32 | Self::I64 => false,
        }
    }

    /// Whether it is a 16-bit type, whose sums and products are float32.
    pub(crate) fn is_half(self) -> bool {
        match self {
            Self::F16 | Self::BF16 => true,
            Self::F32 | Self::F64 | Self::I32 | Self::I64 => false,
        }
    }

    /// Bytes of a sum or product.
    pub(crate) fn accumulator_bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => size_of::<f32>(),
            Self::F32 | Self::F64 | Self::I32 | Self::I64 => self.bytes(),
        }
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F64 => "float64",
            Self::I32 => "int32",
            Self::I64 => "int64",
        })
    }
}

named_enum! {
    /// The type of an index, where it is known only when the program runs. `Display` writes the name that NumPy, torch
    /// and ONNX share: "int32".
    pub enum IndexType {
        /// int32.
        I32 = "i32",
        /// int64.
        I64 = "i64",
    }

    /// The name that kernels carry: "i32".
    pub fn name;
}

impl IndexType {
    /// Bytes of an index.
    pub fn bytes(self) -> usize {
        self.scalar().bytes()
    }

    /// The type of values that has the same numbers.
    pub const fn scalar(self) -> ScalarType {
        match self {
            Self::I32 => ScalarType::I32,
            Self::I64 => ScalarType::I64,
        }
    }
}

impl fmt::Display for IndexType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scalar().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_types() {
        fn check<T: Scalar>() {
            assert_eq!(T::TYPE.bytes(), size_of::<T>());
            assert_eq!(T::TYPE.accumulator_bytes(), size_of::<T::Accumulator>(), "{}", T::TYPE.name());
            assert_eq!(T::TYPE.is_half(), T::TYPE.bytes() < T::TYPE.accumulator_bytes(), "{}", T::TYPE.name());
        }
        check::<f32>();
        check::<f64>();
        check::<half::f16>();
        check::<half::bf16>();
        check::<i32>();
        check::<i64>();
    }
}
