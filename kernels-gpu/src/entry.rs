//! The entry points: what the host launches by name. A line of a table stands for one kernel for each
//! combination of the types behind it; the types' names are appended to the kernel's.

use cuda_std::prelude::*;
use nvptx_arch::grid;

/// An entry point as the emulator sees it.
#[cfg(not(target_arch = "nvptx64"))]
pub struct EntryPoint {
    /// The name in the PTX.
    pub name: &'static str,
    /// Runs one thread of the kernel with the parameter structure that the pointer is to.
    pub run: unsafe fn(*const ()),
}

/// Every entry point of every table.
#[cfg(not(target_arch = "nvptx64"))]
pub fn entry_points() -> impl Iterator<Item = &'static EntryPoint> {
    [scatter::TABLE, segment::TABLE, fill::TABLE, check::TABLE, gather::TABLE, composite::TABLE]
        .into_iter()
        .flatten()
        .copied()
        .flatten()
}

/// Makes the entry points of a table, and lists them for the emulator. In the brackets, `scalar` stands for every
/// type of values, `narrow` for those whose key fits 32 bits, `float32` for
/// those that are reckoned with as float32, `index` for both types of indices; the body's
/// arguments name them T and I. `float` stands for the floating-point types, `chunk` for the widths, in bytes, of what
/// copies move. `once` stands for a single kernel without types.
///
/// A kernel waits for the one before it in its stream before it lets the next one come: when one starts, all but the one
/// right before it have ended. A line that ends in `waits` is of a body that sees to both itself.
macro_rules! table {
    ($($name:ident($params:ty) [$($axis:ident)+] = $module:ident::$body:ident$(<$($argument:ident),+>)? $($waits:ident)?;)+) => {
        $(table! { @ [$($axis)+] $name, $params, [$($waits)?], $module::$body, $($($argument),+)? })+

        /// The table's entry points, a slice for each line.
        #[cfg(not(target_arch = "nvptx64"))]
        pub const TABLE: &[&[super::EntryPoint]] = pastey::paste!(&[$([<$name:upper>]),+]);
    };
    (@ [once] $($line:tt)+) => {
        table! { @@ $($line)+ => [_all f32 i32] }
    };
    (@ [index] $($line:tt)+) => {
        table! { @@ $($line)+ => [_i32 i32 i32] [_i64 i32 i64] }
    };
    (@ [float32 index] $($line:tt)+) => {
        table! { @@ $($line)+ =>
            [_f32_i32 f32 i32] [_f16_i32 F16 i32] [_bf16_i32 Bf16 i32]
            [_f32_i64 f32 i64] [_f16_i64 F16 i64] [_bf16_i64 Bf16 i64]
        }
    };
    (@ [scalar] $($line:tt)+) => {
        table! { @@ $($line)+ =>
            [_f32 f32 i32] [_f16 F16 i32] [_bf16 Bf16 i32] [_f64 f64 i32] [_i32 i32 i32] [_i64 i64 i32]
        }
    };
    (@ [float] $($line:tt)+) => {
        table! { @@ $($line)+ => [_f32 f32 i32] [_f16 F16 i32] [_bf16 Bf16 i32] [_f64 f64 i32] }
    };
    (@ [float index] $($line:tt)+) => {
        table! { @@ $($line)+ =>
            [_f32_i32 f32 i32] [_f16_i32 F16 i32] [_bf16_i32 Bf16 i32] [_f64_i32 f64 i32]
            [_f32_i64 f32 i64] [_f16_i64 F16 i64] [_bf16_i64 Bf16 i64] [_f64_i64 f64 i64]
        }
    };
    (@ [chunk index] $($line:tt)+) => {
        table! { @@ $($line)+ =>
            [_2_i32 u16 i32] [_4_i32 u32 i32] [_8_i32 u64 i32] [_16_i32 Quad i32]
            [_2_i64 u16 i64] [_4_i64 u32 i64] [_8_i64 u64 i64] [_16_i64 Quad i64]
        }
    };
    (@ [narrow index] $($line:tt)+) => {
        table! { @@ $($line)+ =>
            [_f32_i32 f32 i32] [_f16_i32 F16 i32] [_bf16_i32 Bf16 i32] [_i32_i32 i32 i32]
            [_f32_i64 f32 i64] [_f16_i64 F16 i64] [_bf16_i64 Bf16 i64] [_i32_i64 i32 i64]
        }
    };
    (@ [scalar index] $($line:tt)+) => {
        table! { @@ $($line)+ =>
            [_f32_i32 f32 i32] [_f16_i32 F16 i32] [_bf16_i32 Bf16 i32]
            [_f64_i32 f64 i32] [_i32_i32 i32 i32] [_i64_i32 i64 i32]
            [_f32_i64 f32 i64] [_f16_i64 F16 i64] [_bf16_i64 Bf16 i64]
            [_f64_i64 f64 i64] [_i32_i64 i32 i64] [_i64_i64 i64 i64]
        }
    };
    (@@ $name:ident, $params:ty, $waits:tt, $module:ident::$body:ident, $($argument:ident),* => $([$suffix:ident $T:ident $I:ident])+) => {
        table! { @@@ $name, $params, $waits, $module::$body, ($($argument),*) => $([$suffix $T $I])+ }
    };
    (@@@ $name:ident, $params:ty, $waits:tt, $module:ident::$body:ident, $arguments:tt => $([$suffix:ident $T:ident $I:ident])+) => {
        pastey::paste! {
            $(
                #[allow(missing_docs)]
                #[kernel]
                pub unsafe fn [<$name $suffix>](p: $params) {
                    #[allow(dead_code)]
                    type T = $T;
                    #[allow(dead_code)]
                    type I = $I;
                    /// How many values are 16 bytes, the most that one instruction loads.
                    #[allow(dead_code)]
                    const PACK: usize = 16 / size_of::<T>();
                    table!(@wait $waits);
                    table!(@call $module::$body $arguments, &p)
                }
            )+

            #[cfg(not(target_arch = "nvptx64"))]
            const [<$name:upper>]: &[super::EntryPoint] = &[
                $(super::EntryPoint {
                    name: stringify!([<$name $suffix>]),
                    run: |params| unsafe { [<$name $suffix>](*params.cast::<$params>()) },
                },)+
            ];
        }
    };
    (@wait []) => {
        grid::wait_for_previous();
        grid::let_next_come();
    };
    (@wait [waits]) => {};
    (@call $module:ident::$body:ident (), $p:expr) => {
        $module::$body($p)
    };
    (@call $module:ident::$body:ident ($($argument:ident),+), $p:expr) => {
        $module::$body::<$($argument),+>($p)
    };
}

/// Filling memory.
pub mod fill {
    use super::*;
    use crate::fill;
    use kernel_params::FillParams;

    table! {
        fill_words(FillParams) [once] = fill::words;
    }
}

/// Looking an index over.
pub mod check {
    use super::*;
    use crate::{check, layout};
    use kernel_params::{IndexParams, OffsetsParams, SortedIndexParams};

    table! {
        index_store_offsets(OffsetsParams) [once] = layout::store_offsets;
        index_first_bad(IndexParams) [index] = check::first_bad<I>;
        index_largest(IndexParams) [index] = check::largest<I>;
        index_first_unsorted(SortedIndexParams) [index] = check::first_unsorted<I>;
    }
}

/// Scatter.
pub mod scatter {
    use super::*;
    use crate::{
        element::{Bf16, F16},
        reduction::{Max, Min, Mul, Sum},
        scatter::{self, privatized, reproducible, rows, vectors},
    };
    use kernel_params::{ReproducibleParams, ScatterParams};

    table! {
        scatter_start_sum(ScatterParams) [scalar] = scatter::start<T, Sum>;
        scatter_start_mul(ScatterParams) [scalar] = scatter::start<T, Mul>;
        scatter_sum(ScatterParams) [scalar index] = scatter::accumulate<T, I, Sum>;
        scatter_sum_singles(ScatterParams) [float32 index] = vectors::accumulate_singles<T, I>;
        scatter_sum_quads(ScatterParams) [float32 index] = vectors::accumulate_quads<T, I>;
        scatter_sum_rows_singles(ScatterParams) [float32 index] = rows::accumulate_singles<T, I>;
        scatter_sum_rows_quads(ScatterParams) [float32 index] = rows::accumulate_quads<T, I>;
        scatter_sum_privatized_singles(ScatterParams) [float32 index] = privatized::accumulate_singles<T, I>;
        scatter_sum_privatized_quads(ScatterParams) [float32 index] = privatized::accumulate_quads<T, I>;
        scatter_sum_start_scales(ReproducibleParams) [float] = reproducible::start_scales<T>;
        scatter_sum_find_scales(ReproducibleParams) [float index] = reproducible::find_scales<T, I>;
        scatter_sum_add_limbs(ReproducibleParams) [float index] = reproducible::add_limbs<T, I>;
        scatter_sum_round(ReproducibleParams) [float] = reproducible::round<T>;
        scatter_mul(ScatterParams) [scalar index] = scatter::accumulate<T, I, Mul>;
        scatter_count(ScatterParams) [index] = scatter::count<I>;
        scatter_finish(ScatterParams) [scalar] = scatter::finish<T>;
        scatter_best_min(ScatterParams) [narrow index] = scatter::find_best<T, I, Min>;
        scatter_best_max(ScatterParams) [narrow index] = scatter::find_best<T, I, Max>;
        scatter_best_key_min(ScatterParams) [scalar index] = scatter::find_best_key<T, I, Min>;
        scatter_best_key_max(ScatterParams) [scalar index] = scatter::find_best_key<T, I, Max>;
        scatter_best_position_min(ScatterParams) [scalar index] = scatter::find_best_position<T, I, Min>;
        scatter_best_position_max(ScatterParams) [scalar index] = scatter::find_best_position<T, I, Max>;
        scatter_select_min(ScatterParams) [scalar index] = scatter::select<T, I, Min>;
        scatter_select_max(ScatterParams) [scalar index] = scatter::select<T, I, Max>;
    }
}

/// Segments, whatever says where they are.
pub mod segment {
    use super::*;
    use crate::{
        element::{Bf16, F16},
        reduction::{Max, Min, Sum},
        segment::{self, Line, LinePair, Streamed},
    };
    use kernel_params::SegmentParams;

    /// Entries of an indptr.
    type Short = i32;
    type Wide = i64;

    /// Whether there is an index besides indptr.
    const INDEX: bool = true;
    const NO_INDEX: bool = false;

    /// A column for each lane.
    const ONE: usize = 1;

    table! {
        segment_from_index(SegmentParams) [index] = segment::from_index<I, Short>;
        segment_from_index_wide(SegmentParams) [index] = segment::from_index<I, Wide>;
        segment_csr_sum_columns(SegmentParams) [scalar] = segment::reduce_whole<T, Sum, ONE, NO_INDEX>;
        segment_csr_sum_packs(SegmentParams) [scalar] = segment::reduce_whole<T, Sum, PACK, NO_INDEX>;
        segment_csr_min_columns(SegmentParams) [scalar] = segment::reduce_whole<T, Min, ONE, NO_INDEX>;
        segment_csr_min_packs(SegmentParams) [scalar] = segment::reduce_whole<T, Min, PACK, NO_INDEX>;
        segment_csr_max_columns(SegmentParams) [scalar] = segment::reduce_whole<T, Max, ONE, NO_INDEX>;
        segment_csr_max_packs(SegmentParams) [scalar] = segment::reduce_whole<T, Max, PACK, NO_INDEX>;
        segment_csr_cut_sum_columns(SegmentParams) [scalar] = segment::reduce_cut<T, Sum, Line, ONE, NO_INDEX>;
        segment_csr_cut_sum_packs(SegmentParams) [scalar] = segment::reduce_cut<T, Sum, Streamed, PACK, NO_INDEX>;
        segment_csr_cut_sum_packs_large(SegmentParams) [scalar] = segment::reduce_cut<T, Sum, Line, PACK, NO_INDEX>;
        segment_csr_cut_min_columns(SegmentParams) [scalar] = segment::reduce_cut<T, Min, Line, ONE, NO_INDEX>;
        segment_csr_cut_min_packs(SegmentParams) [scalar] = segment::reduce_cut<T, Min, LinePair, PACK, NO_INDEX>;
        segment_csr_cut_min_packs_large(SegmentParams) [scalar] = segment::reduce_cut<T, Min, Line, PACK, NO_INDEX>;
        segment_csr_cut_max_columns(SegmentParams) [scalar] = segment::reduce_cut<T, Max, Line, ONE, NO_INDEX>;
        segment_csr_cut_max_packs(SegmentParams) [scalar] = segment::reduce_cut<T, Max, LinePair, PACK, NO_INDEX>;
        segment_csr_cut_max_packs_large(SegmentParams) [scalar] = segment::reduce_cut<T, Max, Line, PACK, NO_INDEX>;
        segment_csr_short_sum(SegmentParams) [scalar] = segment::reduce_short<T, Sum, NO_INDEX>;
        segment_csr_short_min(SegmentParams) [scalar] = segment::reduce_short<T, Min, NO_INDEX>;
        segment_csr_short_max(SegmentParams) [scalar] = segment::reduce_short<T, Max, NO_INDEX>;
        segment_coo_short_sum(SegmentParams) [scalar] = segment::reduce_short<T, Sum, INDEX>;
        segment_coo_short_min(SegmentParams) [scalar] = segment::reduce_short<T, Min, INDEX>;
        segment_coo_short_max(SegmentParams) [scalar] = segment::reduce_short<T, Max, INDEX>;
        segment_csr_chunks_sum_columns(SegmentParams) [scalar] = segment::reduce_chunks<T, Sum, Line, ONE, NO_INDEX> waits;
        segment_csr_chunks_sum_packs(SegmentParams) [scalar] = segment::reduce_chunks<T, Sum, Streamed, PACK, NO_INDEX> waits;
        segment_csr_chunks_sum_packs_large(SegmentParams) [scalar] = segment::reduce_chunks<T, Sum, Line, PACK, NO_INDEX> waits;
        segment_csr_chunks_min_columns(SegmentParams) [scalar] = segment::reduce_chunks<T, Min, Line, ONE, NO_INDEX> waits;
        segment_csr_chunks_min_packs(SegmentParams) [scalar] = segment::reduce_chunks<T, Min, Streamed, PACK, NO_INDEX> waits;
        segment_csr_chunks_min_packs_large(SegmentParams) [scalar] = segment::reduce_chunks<T, Min, Line, PACK, NO_INDEX> waits;
        segment_csr_chunks_max_columns(SegmentParams) [scalar] = segment::reduce_chunks<T, Max, Line, ONE, NO_INDEX> waits;
        segment_csr_chunks_max_packs(SegmentParams) [scalar] = segment::reduce_chunks<T, Max, Streamed, PACK, NO_INDEX> waits;
        segment_csr_chunks_max_packs_large(SegmentParams) [scalar] = segment::reduce_chunks<T, Max, Line, PACK, NO_INDEX> waits;
        segment_coo_sum_columns(SegmentParams) [scalar] = segment::reduce_whole<T, Sum, ONE, INDEX>;
        segment_coo_sum_packs(SegmentParams) [scalar] = segment::reduce_whole<T, Sum, PACK, INDEX>;
        segment_coo_min_columns(SegmentParams) [scalar] = segment::reduce_whole<T, Min, ONE, INDEX>;
        segment_coo_min_packs(SegmentParams) [scalar] = segment::reduce_whole<T, Min, PACK, INDEX>;
        segment_coo_max_columns(SegmentParams) [scalar] = segment::reduce_whole<T, Max, ONE, INDEX>;
        segment_coo_max_packs(SegmentParams) [scalar] = segment::reduce_whole<T, Max, PACK, INDEX>;
        segment_coo_cut_sum_columns(SegmentParams) [scalar] = segment::reduce_cut<T, Sum, Line, ONE, INDEX>;
        segment_coo_cut_sum_packs(SegmentParams) [scalar] = segment::reduce_cut<T, Sum, Streamed, PACK, INDEX>;
        segment_coo_cut_sum_packs_large(SegmentParams) [scalar] = segment::reduce_cut<T, Sum, Line, PACK, INDEX>;
        segment_coo_cut_min_columns(SegmentParams) [scalar] = segment::reduce_cut<T, Min, Line, ONE, INDEX>;
        segment_coo_cut_min_packs(SegmentParams) [scalar] = segment::reduce_cut<T, Min, LinePair, PACK, INDEX>;
        segment_coo_cut_min_packs_large(SegmentParams) [scalar] = segment::reduce_cut<T, Min, Line, PACK, INDEX>;
        segment_coo_cut_max_columns(SegmentParams) [scalar] = segment::reduce_cut<T, Max, Line, ONE, INDEX>;
        segment_coo_cut_max_packs(SegmentParams) [scalar] = segment::reduce_cut<T, Max, LinePair, PACK, INDEX>;
        segment_coo_cut_max_packs_large(SegmentParams) [scalar] = segment::reduce_cut<T, Max, Line, PACK, INDEX>;
        segment_coo_chunks_sum_columns(SegmentParams) [scalar] = segment::reduce_chunks<T, Sum, Line, ONE, INDEX> waits;
        segment_coo_chunks_sum_packs(SegmentParams) [scalar] = segment::reduce_chunks<T, Sum, Streamed, PACK, INDEX> waits;
        segment_coo_chunks_sum_packs_large(SegmentParams) [scalar] = segment::reduce_chunks<T, Sum, Line, PACK, INDEX> waits;
        segment_coo_chunks_min_columns(SegmentParams) [scalar] = segment::reduce_chunks<T, Min, Line, ONE, INDEX> waits;
        segment_coo_chunks_min_packs(SegmentParams) [scalar] = segment::reduce_chunks<T, Min, Streamed, PACK, INDEX> waits;
        segment_coo_chunks_min_packs_large(SegmentParams) [scalar] = segment::reduce_chunks<T, Min, Line, PACK, INDEX> waits;
        segment_coo_chunks_max_columns(SegmentParams) [scalar] = segment::reduce_chunks<T, Max, Line, ONE, INDEX> waits;
        segment_coo_chunks_max_packs(SegmentParams) [scalar] = segment::reduce_chunks<T, Max, Streamed, PACK, INDEX> waits;
        segment_coo_chunks_max_packs_large(SegmentParams) [scalar] = segment::reduce_chunks<T, Max, Line, PACK, INDEX> waits;
        segment_csr_combine_sum(SegmentParams) [scalar] = segment::combine<T, Sum, NO_INDEX> waits;
        segment_coo_combine_sum(SegmentParams) [scalar] = segment::combine<T, Sum, INDEX> waits;
        segment_combine_min(SegmentParams) [scalar] = segment::combine<T, Min, NO_INDEX> waits;
        segment_combine_max(SegmentParams) [scalar] = segment::combine<T, Max, NO_INDEX> waits;
    }
}

/// The gathers.
pub mod gather {
    use super::*;
    use crate::{chunk::Quad, gather};
    use kernel_params::GatherParams;

    /// Numbers of words.
    type Short = u32;
    type Wide = u64;

    table! {
        gather_coo(GatherParams) [chunk index] = gather::by_index<T, I, Wide>;
        gather_coo_short(GatherParams) [chunk index] = gather::by_index<T, I, Short>;
        gather_coo_runs(GatherParams) [chunk index] = gather::by_index_in_runs<T, I>;
        gather_coo_words(GatherParams) [index] = gather::words_by_index<I>;
        gather_csr(GatherParams) [chunk index] = gather::by_segment<T, I, Wide>;
        gather_csr_short(GatherParams) [chunk index] = gather::by_segment<T, I, Short>;
        gather_csr_chunks(GatherParams) [chunk index] = gather::chunks_by_segment<T, I>;
        gather_csr_runs(GatherParams) [chunk index] = gather::by_segment_in_runs<T, I>;
    }
}

/// Softmax, log_softmax, logsumexp and std.
pub mod composite {
    use super::*;
    use crate::{
        composite,
        element::{Bf16, F16},
    };
    use kernel_params::CompositeParams;

    table! {
        composite_find_maxima(CompositeParams) [float index] = composite::find_maxima<T, I>;
        composite_sum_exponentials(CompositeParams) [float index] = composite::sum_exponentials<T, I>;
        composite_softmax(CompositeParams) [float index] = composite::softmax<T, I>;
        composite_log_softmax(CompositeParams) [float index] = composite::log_softmax<T, I>;
        composite_logsumexp(CompositeParams) [float] = composite::logsumexp<T>;
        composite_sum_and_count(CompositeParams) [float index] = composite::sum_and_count<T, I>;
        composite_sum_squares(CompositeParams) [float index] = composite::sum_squares<T, I>;
        composite_std(CompositeParams) [float] = composite::std<T>;
    }
}
