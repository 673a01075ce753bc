//! The element types: values that can be reduced, and integers that can index.

use std::fmt;

use half::{bf16, f16};

use crate::named_enum::named_enum;

/// Calls a macro with the list of the types of values. The caller's own arguments come before the list, in braces.
///
/// For each type the list has its variant of [`ScalarType`], its name in the kernels, the type, the name that NumPy,
/// torch and ONNX share, its number in the C ABI, and whether it is a Float or an Integer.
#[doc(hidden)]
#[macro_export]
macro_rules! scalar_types {
    ($($macro:tt)::+! { $($given:tt)* }) => {
        $($macro)::+! {
            { $($given)* }
            [F32, f32, f32, "float32", 1, Float]
            [F16, f16, $crate::half::f16, "float16", 2, Float]
            [BF16, bf16, $crate::half::bf16, "bfloat16", 3, Float]
            [F64, f64, f64, "float64", 4, Float]
            [I32, i32, i32, "int32", 5, Integer]
            [I64, i64, i64, "int64", 6, Integer]
        }
    };
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! is_float {
    (Float) => {
        true
    };
    (Integer) => {
        false
    };
}

macro_rules! declare_types {
    (
        {}
        $([$variant:ident, $name:ident, $type:ty, $display:literal, $number:literal, $kind:ident])+
    ) => {
        named_enum! {
            /// The type of values, where it is known only when the program runs. `Display` writes the name that NumPy,
            /// torch and ONNX share: "float32".
            pub enum ScalarType {
                $(#[doc = concat!($display, ".")] $variant = stringify!($name),)+
            }

            /// The name that kernels carry: "f32".
            pub fn name;
        }

        impl ScalarType {
            /// The number in the C ABI, of `trts_type`.
            pub const fn number(self) -> i32 {
                match self {
                    $(Self::$variant => $number,)+
                }
            }

            /// Bytes of a value.
            pub const fn bytes(self) -> usize {
                match self {
                    $(Self::$variant => size_of::<$type>(),)+
                }
            }

            /// Bytes of a sum or product.
            pub(crate) const fn accumulator_bytes(self) -> usize {
                match self {
                    $(Self::$variant => size_of::<<$type as Scalar>::Accumulator>(),)+
                }
            }

            /// Whether it is a floating-point type.
            pub const fn is_float(self) -> bool {
                match self {
                    $(Self::$variant => is_float!($kind),)+
                }
            }
        }

        impl fmt::Display for ScalarType {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $display,)+
                })
            }
        }

        $(impl sealed::Sealed for $type {})+
    };
}

scalar_types!(declare_types! {});

impl ScalarType {
    /// Whether sums and products are wider than the values: the 16-bit floats, whose sums are float32.
    pub const fn is_half(self) -> bool {
        self.bytes() < self.accumulator_bytes()
    }
}

/// A type whose values can be reduced: each of [`ScalarType`].
pub trait Scalar: sealed::Sealed + bytemuck::Pod + PartialOrd + std::fmt::Debug + Send + Sync {
    /// The type of sums and products: float32 for the 16-bit floats, the type itself otherwise.
    type Accumulator: Accumulator + Scalar<Accumulator = Self::Accumulator>;
    /// The type, as a value.
    const TYPE: ScalarType;

    /// The value as an accumulator.
    fn widen(self) -> Self::Accumulator;
    /// The nearest value of the type.
    fn narrow(value: Self::Accumulator) -> Self;
}

/// A type whose values can be exponentiated: each of [`ScalarType`] that is floating-point.
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

    /// The type of an index that is the type of values; None for a type that is no index.
    pub fn of(scalar: ScalarType) -> Option<Self> {
        Self::ALL.into_iter().find(|index| index.scalar() == scalar)
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

    fn check<T: Scalar>(listed: ScalarType) {
        assert_eq!(T::TYPE, listed);
        // Values are narrower than their sums in the 16-bit floats alone.
        assert_eq!(listed.is_half(), size_of::<T>() == 2, "{listed}");
    }

    macro_rules! check_types {
        ({} $([$variant:ident, $name:ident, $type:ty, $display:literal, $number:literal, $kind:ident])+) => {
            $(
                check::<$type>(ScalarType::$variant);
                check_kind!($kind $type);
            )+
        };
    }

    macro_rules! check_kind {
        (Float $type:ty) => {
            let _ = <$type as Float>::finite_or_zero;
        };
        (Integer $type:ty) => {
            let _ = i128::from(<$type>::MAX);
        };
    }

    #[test]
    fn the_list_says_what_the_types_are() {
        scalar_types!(check_types! {});
    }

    #[test]
    fn numbers_are_each_one_type_s() {
        for (at, scalar) in ScalarType::ALL.into_iter().enumerate() {
            assert_eq!(scalar.number(), at as i32 + 1, "{scalar}");
        }
    }

    #[test]
    fn an_index_type_is_found_by_its_type_of_values() {
        for index in IndexType::ALL {
            assert_eq!(IndexType::of(index.scalar()), Some(index));
        }
        assert_eq!(IndexType::of(ScalarType::F32), None);
    }
}
