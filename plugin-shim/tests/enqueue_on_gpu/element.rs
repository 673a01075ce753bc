//! The types of values under test.

use half::{bf16, f16};
use tensorrt_scatter::Scalar;

/// A type under test.
pub trait Element: Scalar {
    /// Numbers whose sums and products are exact in any order, as long as groups are small.
    const VALUES: &'static [f64];
    /// A value that no result has.
    const POISON: f64 = -77.0;
    /// The tolerance for results of exponentials, relative to 1.
    const TOLERANCE: f64;

    fn of(value: f64) -> Self;
    fn to_f64(self) -> f64;
}

macro_rules! element {
    ($($type:ty: $values:expr, $tolerance:expr, $of:expr, $to:expr;)+) => {$(
        impl Element for $type {
            const VALUES: &'static [f64] = $values;
            const TOLERANCE: f64 = $tolerance;

            fn of(value: f64) -> Self {
                let of: fn(f64) -> Self = $of;
                of(value)
            }
            fn to_f64(self) -> f64 {
                let to: fn(Self) -> f64 = $to;
                to(self)
            }
        }
    )+};
}

const POWERS_OF_TWO: &[f64] = &[-2.0, -1.0, -0.5, 0.5, 1.0, 2.0];
const SMALL_INTEGERS: &[f64] = &[-3.0, -2.0, -1.0, 1.0, 2.0, 3.0];

element! {
    f32: POWERS_OF_TWO, 1e-5, |value| value as f32, f64::from;
    f16: POWERS_OF_TWO, 2e-3, f16::from_f64, f64::from;
    bf16: POWERS_OF_TWO, 2e-2, bf16::from_f64, f64::from;
    i32: SMALL_INTEGERS, 0.0, |value| value as i32, f64::from;
    i64: SMALL_INTEGERS, 0.0, |value| value as i64, |value| value as f64;
}
