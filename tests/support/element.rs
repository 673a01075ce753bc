//! The element types, as the tests need them.

use half::{bf16, f16};
use tensorrt_scatter::Scalar;

/// A type under test.
pub trait Element: Scalar {
    /// A small number that the type holds exactly.
    fn of(value: f64) -> Self;
    /// Factors whose products are exact in any order.
    const FACTORS: &'static [f64];

    /// Whether it is a NaN.
    fn is_nan(self) -> bool {
        self.partial_cmp(&self).is_none()
    }

    /// Whether two values are the same in every bit, all NaNs being one.
    fn same(self, other: Self) -> bool {
        bytemuck::bytes_of(&self) == bytemuck::bytes_of(&other) || self.is_nan() && other.is_nan()
    }
}

macro_rules! element {
    ($($type:ty: $of:expr, $factors:expr;)+) => {$(
        impl Element for $type {
            const FACTORS: &'static [f64] = $factors;

            fn of(value: f64) -> Self {
                let of: fn(f64) -> Self = $of;
                of(value)
            }
        }
    )+};
}

const POWERS_OF_TWO: &[f64] = &[-2.0, -1.0, -0.5, 0.5, 1.0, 2.0];
const SMALL_INTEGERS: &[f64] = &[-2.0, -1.0, 1.0, 2.0, 3.0];

element! {
    f32: |value| value as f32, POWERS_OF_TWO;
    f64: |value| value, POWERS_OF_TWO;
    f16: f16::from_f64, POWERS_OF_TWO;
    bf16: bf16::from_f64, POWERS_OF_TWO;
    i32: |value| value as i32, SMALL_INTEGERS;
    i64: |value| value as i64, SMALL_INTEGERS;
}

/// Fails where two results differ in any bit; NaNs are equal to each other.
#[track_caller]
pub fn assert_same<T: Element>(what: &str, given: &[T], expected: &[T]) {
    assert_eq!(given.len(), expected.len(), "{what}: length");
    for (position, (&given, &expected)) in given.iter().zip(expected).enumerate() {
        assert!(given.same(expected), "{what}[{position}] is {given:?}, expected {expected:?}");
    }
}

/// Calls a generic function for each element type.
#[macro_export]
macro_rules! call_for_each_type {
    ($function:ident($($argument:expr),*)) => {
        tensorrt_scatter::scalar_types!($crate::call_for_listed_types! { $function($($argument),*) })
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! call_for_listed_types {
    (
        { $function:ident $arguments:tt }
        $([$variant:ident, $name:ident, $type:ty, $display:literal, $number:literal, $kind:ident])+
    ) => {
        { $($function::<$type> $arguments;)+ }
    };
}

/// Makes one test for each element type out of a generic function: `for_each_type!(name: function)` gives the
/// tests `name::f32`, `name::f16` and so on.
#[macro_export]
macro_rules! for_each_type {
    ($($name:ident: $function:ident;)+) => {$(
        mod $name {
            tensorrt_scatter::scalar_types!($crate::tests_of_listed_types! { $function });
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests_of_listed_types {
    (
        { $function:ident }
        $([$variant:ident, $name:ident, $type:ty, $display:literal, $number:literal, $kind:ident])+
    ) => {
        $(
            #[test]
            fn $name() {
                super::$function::<$type>();
            }
        )+
    };
}

/// Makes one test for each floating-point type out of a generic function, as `for_each_type!` for all types.
#[macro_export]
macro_rules! for_each_float {
    ($($name:ident: $function:ident;)+) => {$(
        mod $name {
            tensorrt_scatter::scalar_types!($crate::tests_of_listed_floats! { $function });
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests_of_listed_floats {
    (
        { $function:ident }
        $([$variant:ident, $name:ident, $type:ty, $display:literal, $number:literal, $kind:ident])+
    ) => {
        $($crate::tests_of_listed_floats!($kind $name $function $type);)+
    };
    (Float $name:ident $function:ident $type:ty) => {
        #[test]
        fn $name() {
            super::$function::<$type>();
        }
    };
    (Integer $name:ident $function:ident $type:ty) => {};
}
