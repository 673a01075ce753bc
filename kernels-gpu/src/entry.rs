//! The entry points: what the host launches by name.

use cuda_std::prelude::*;
use kernel_params::{IndexParams, ScatterParams};

use crate::{
    check,
    reduction::{Max, Min, Mul, Sum},
    scatter,
};

/// Makes an entry point of each line, and lists them for the emulator.
macro_rules! entry_points {
    ($($name:ident($params:ty) = $module:ident::$body:ident<$($argument:ty),+>;)+) => {
        $(
            #[allow(missing_docs)]
            #[kernel]
            pub unsafe fn $name(p: $params) {
                $module::$body::<$($argument),+>(&p)
            }
        )+

        /// Every entry point, for a launch on the host.
        #[cfg(not(target_arch = "nvptx64"))]
        pub const ENTRY_POINTS: &[EntryPoint] = &[
            $(EntryPoint {
                name: stringify!($name),
                run: |params| unsafe { $name(*params.cast::<$params>()) },
            },)+
        ];
    };
}

/// An entry point as the emulator sees it.
#[cfg(not(target_arch = "nvptx64"))]
pub struct EntryPoint {
    /// The name in the PTX.
    pub name: &'static str,
    /// Runs one thread of the kernel with the parameter structure that the pointer is to.
    pub run: unsafe fn(*const ()),
}

entry_points! {
    index_first_bad_i32(IndexParams) = check::first_bad<i32>;
    index_first_bad_i64(IndexParams) = check::first_bad<i64>;
    index_largest_i32(IndexParams) = check::largest<i32>;
    index_largest_i64(IndexParams) = check::largest<i64>;

    scatter_sum_f32_i32(ScatterParams) = scatter::accumulate<f32, i32, Sum>;
    scatter_sum_f32_i64(ScatterParams) = scatter::accumulate<f32, i64, Sum>;
    scatter_mul_f32_i32(ScatterParams) = scatter::accumulate<f32, i32, Mul>;
    scatter_mul_f32_i64(ScatterParams) = scatter::accumulate<f32, i64, Mul>;
    scatter_mean_f32_i32(ScatterParams) = scatter::accumulate_and_count<f32, i32, Sum>;
    scatter_mean_f32_i64(ScatterParams) = scatter::accumulate_and_count<f32, i64, Sum>;
    scatter_divide_f32(ScatterParams) = scatter::divide<f32>;
    scatter_min_f32_i32(ScatterParams) = scatter::find_best<f32, i32, Min>;
    scatter_min_f32_i64(ScatterParams) = scatter::find_best<f32, i64, Min>;
    scatter_max_f32_i32(ScatterParams) = scatter::find_best<f32, i32, Max>;
    scatter_max_f32_i64(ScatterParams) = scatter::find_best<f32, i64, Max>;
    scatter_select_min_f32_i32(ScatterParams) = scatter::select<f32, i32, Min>;
    scatter_select_min_f32_i64(ScatterParams) = scatter::select<f32, i64, Min>;
    scatter_select_max_f32_i32(ScatterParams) = scatter::select<f32, i32, Max>;
    scatter_select_max_f32_i64(ScatterParams) = scatter::select<f32, i64, Max>;
}
