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
        tensorrt_scatter::scalar_types!(
            $crate::c_abi::match_types! { All $scalar, $index, $function($($argument),*) }
        )
    };
}

/// [`with_types`] for functions that are generic over the type of indices only.
macro_rules! with_index_types {
    ($scalar:expr, $index:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        debug_assert_eq!($scalar, None, "the operator has values");
        match $index {
            tensorrt_scatter::IndexType::I32 => $function::<i32>($($argument),*),
            tensorrt_scatter::IndexType::I64 => $function::<i64>($($argument),*),
        }
    }};
}

/// [`with_types`] for functions of floating-point values.
macro_rules! with_float_types {
    ($scalar:expr, $index:expr, $function:ident($($argument:expr),* $(,)?)) => {
        tensorrt_scatter::scalar_types!(
            $crate::c_abi::match_types! { Floats $scalar, $index, $function($($argument),*) }
        )
    };
}

macro_rules! match_types {
    (
        { $taken:ident $scalar:expr, $index:expr, $function:ident $arguments:tt }
        $([$variant:ident, $name:ident, $type:ty, $display:literal, $number:literal, $kind:ident])+
    ) => {
        match $scalar {
            $(Some(tensorrt_scatter::ScalarType::$variant) => {
                $crate::c_abi::call_of_type!($taken $kind $variant $type, $index, $function $arguments)
            })+
            None => unreachable!("the operator has values"),
        }
    };
}

macro_rules! call_of_type {
    (Floats Integer $variant:ident $type:ty, $index:expr, $function:ident $arguments:tt) => {
        Err(tensorrt_scatter::Error::NotAFloat { given: tensorrt_scatter::ScalarType::$variant }.into())
    };
    ($taken:ident $kind:ident $variant:ident $type:ty, $index:expr, $function:ident ($($argument:expr),*)) => {
        match $index {
            tensorrt_scatter::IndexType::I32 => $function::<$type, i32>($($argument),*),
            tensorrt_scatter::IndexType::I64 => $function::<$type, i64>($($argument),*),
        }
    };
}

use {call_of_type, match_types, with_float_types, with_index_types, with_types};
