//! The C ABI: the operators as functions `trts_*`, for programs in any language. `include/tensorrt_scatter.h`
//! documents it.
//!
//! The caller's pointers become references and slices only in `descriptor`, `options`, `target` and `query`, after all
//! checks that are possible. Every function runs under `status::guard`, which catches panics.

mod descriptor;
mod device;
mod library;
mod operators;
mod options;
mod query;
mod status;
mod target;
mod tensors;
mod words;

/// Calls a function that is generic over the types of values and indices with types that are known at run time.
macro_rules! with_types {
    ($scalar:expr, $index:expr, $function:ident($($argument:expr),* $(,)?)) => {
        $crate::c_abi::with_types!(
            @match [F32: f32, F16: half::f16, BF16: half::bf16, F64: f64, I32: i32, I64: i64]
            $scalar, $index, $function($($argument),*),
        )
    };
    (@match [$($variant:ident: $type:ty),+] $scalar:expr, $index:expr, $function:ident $arguments:tt, $($rest:tt)*) => {
        match $scalar {
            $(tensorrt_scatter::ScalarType::$variant => match $index {
                tensorrt_scatter::IndexType::I32 => $crate::c_abi::with_types!(@call $function::<$type, i32> $arguments),
                tensorrt_scatter::IndexType::I64 => $crate::c_abi::with_types!(@call $function::<$type, i64> $arguments),
            },)+
            $($rest)*
        }
    };
    (@call $function:ident::<$value:ty, $index:ty> ($($argument:expr),*)) => {
        $function::<$value, $index>($($argument),*)
    };
}

/// [`with_types`] for functions of floating-point values.
macro_rules! with_float_types {
    ($scalar:expr, $index:expr, $function:ident($($argument:expr),* $(,)?)) => {
        $crate::c_abi::with_types!(
            @match [F32: f32, F16: half::f16, BF16: half::bf16, F64: f64]
            $scalar, $index, $function($($argument),*),
            given @ (tensorrt_scatter::ScalarType::I32 | tensorrt_scatter::ScalarType::I64) => {
                Err(tensorrt_scatter::Error::NotAFloat { given }.into())
            }
        )
    };
}

use {with_float_types, with_types};
