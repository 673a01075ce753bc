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
        $function::<f32>($($argument),*);
        $function::<half::f16>($($argument),*);
        $function::<half::bf16>($($argument),*);
        $function::<f64>($($argument),*);
        $function::<i32>($($argument),*);
        $function::<i64>($($argument),*);
    };
}

/// Makes one test for each element type out of a generic function: `for_each_type!(name: function)` gives the
/// tests `name::f32`, `name::f16` and so on.
#[macro_export]
macro_rules! for_each_type {
    ($($name:ident: $function:ident;)+) => {$(
        mod $name {
            #[test]
            fn f32() {
                super::$function::<f32>();
            }

            #[test]
            fn f16() {
                super::$function::<half::f16>();
            }

            #[test]
            fn bf16() {
                super::$function::<half::bf16>();
            }

            #[test]
            fn f64() {
                super::$function::<f64>();
            }

            #[test]
            fn i32() {
                super::$function::<i32>();
            }

            #[test]
            fn i64() {
                super::$function::<i64>();
            }
        }
    )+};
}
