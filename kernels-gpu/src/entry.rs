//! The entry points: the kernels that the host launches by name.
//!
//! A line of a `table!` stands for one entry point for each combination of its axes, so a new type or reduction is
//! one word in the axis that lists them.

use cuda_std::prelude::*;
use nvptx_arch::grid;

/// An entry point as the emulator sees it.
#[cfg(not(target_arch = "nvptx64"))]
pub struct EntryPoint {
    /// The name in the PTX.
    pub name: &'static str,
    /// Runs one thread of the kernel. The pointer points to the kernel's parameter structure.
    pub run: unsafe fn(*const ()),
}

/// Every entry point of every table.
#[cfg(not(target_arch = "nvptx64"))]
pub fn entry_points() -> impl Iterator<Item = &'static EntryPoint> {
    static ALL: std::sync::LazyLock<Vec<EntryPoint>> = std::sync::LazyLock::new(|| {
        let mut all = Vec::new();
        for list in [scatter::list, segment::list, fill::list, check::list, gather::list, composite::list] {
            list(&mut all);
        }
        all
    });
    ALL.iter()
}

/// Declares entry points, one line for each family of them:
///
/// ```text
/// segment source _cut fold _packs scalar (SegmentParams) = segment::reduce_cut<T, R, CutLoad, PACK, HAS_INDEX>;
/// ```
///
/// - On the left stands the name, in parts. A part that is an axis stands for each of its suffixes in turn, here
///   `segment_csr_cut_sum_packs_f32`, `segment_csr_cut_sum_packs_f16` and so on. Every other part stands for itself.
/// - In parentheses stands the parameter structure.
/// - On the right stands the function that is the kernel's body. The axes define the names of its generic arguments:
///   each axis of the list below says which.
///
/// A kernel first waits for the kernel before it in its stream, then lets the next one start: when a kernel starts, all
/// but the kernel right before it have ended. A line that ends in `waits` has a body that does both itself.
macro_rules! table {
    // Each suffix of an axis. Repeated as a whole, what is in brackets is one token here and taken apart in the next
    // step.
    (
        @each $mode:tt $name:tt $rest:tt $items:tt $params:ty, $waits:tt, $module:ident::$body:ident $arguments:tt =>
        $([$suffix:ident $item:tt])+
    ) => {
        $(table! { @append $mode $name $suffix $rest $items $item $params, $waits, $module::$body $arguments })+
    };
    (@append $mode:tt [$($name:tt)*] $suffix:ident $rest:tt {$($items:tt)*} {$($item:tt)*} $($line:tt)+) => {
        table! { @ $mode [$($name)* $suffix] $rest {$($items)* $($item)*} $($line)+ }
    };

    (@wait) => {
        grid::wait_for_previous();
        grid::let_next_come();
    };
    (@wait waits) => {};
    (@call $module:ident::$body:ident [], $p:expr) => {
        $module::$body($p)
    };
    (@call $module:ident::$body:ident [$($argument:tt),+], $p:expr) => {
        $module::$body::<$($argument),+>($p)
    };

    // The axes. A new type or reduction is added here.
    (@ $mode:tt $name:tt [scalar $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_f32 { values! { f32 } }] [_f16 { values! { F16 } }] [_bf16 { values! { Bf16 } }]
            [_f64 { values! { f64 } }] [_i32 { values! { i32 } }] [_i64 { values! { i64 } }]
        }
    };
    // Types whose key fits in 32 bits.
    (@ $mode:tt $name:tt [narrow_key $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_f32 { values! { f32 } }] [_f16 { values! { F16 } }] [_bf16 { values! { Bf16 } }]
            [_i32 { values! { i32 } }]
        }
    };
    (@ $mode:tt $name:tt [float $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_f32 { values! { f32 } }] [_f16 { values! { F16 } }] [_bf16 { values! { Bf16 } }]
            [_f64 { values! { f64 } }]
        }
    };
    // Types whose sums are kept in float32.
    (@ $mode:tt $name:tt [float32_sum $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_f32 { values! { f32 } }] [_f16 { values! { F16 } }] [_bf16 { values! { Bf16 } }]
        }
    };
    // What one access of a copy moves, in bytes.
    (@ $mode:tt $name:tt [word $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_2 { type W = u16; }] [_4 { type W = u32; }] [_8 { type W = u64; }] [_16 { type W = Quad; }]
        }
    };
    // The type of an index, an indptr or a position in arg_out.
    (@ $mode:tt $name:tt [index $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ => [_i32 { type I = i32; }] [_i64 { type I = i64; }] }
    };
    // What delimits segments: an indptr, or a sorted index, which may have bad elements.
    (@ $mode:tt $name:tt [source $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_csr { const HAS_INDEX: bool = false; }] [_coo { const HAS_INDEX: bool = true; }]
        }
    };
    // The reductions of segments: those whose result depends on the number of elements, and those that choose an
    // element.
    (@ $mode:tt $name:tt [fold $($rest:tt)*] $($line:tt)+) => {
        table! { @ $mode $name [counted_fold $($rest)*] $($line)+ }
        table! { @ $mode $name [selection $($rest)*] $($line)+ }
    };
    (@ $mode:tt $name:tt [counted_fold $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ => [_sum { reduction! { Sum } }] }
    };
    (@ $mode:tt $name:tt [selection $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_min { reduction! { Min } }] [_max { reduction! { Max } }]
        }
    };
    // The reductions that join elements by atomics.
    (@ $mode:tt $name:tt [join $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ => [_sum { type R = Sum; }] [_mul { type R = Mul; }] }
    };
    // Sums, and sums with the counts that make a mean of them.
    (@ $mode:tt $name:tt [sum_or_mean $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_sum { const COUNTS: bool = false; }] [_mean { const COUNTS: bool = true; }]
        }
    };
    // Columns that a thread of a scatter takes at a time.
    (@ $mode:tt $name:tt [singles_or_quads $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_singles { const COLUMNS: usize = 1; }] [_quads { const COLUMNS: usize = 4; }]
        }
    };
    // Columns that a lane of a segment takes: one, or those that one instruction loads.
    (@ $mode:tt $name:tt [columns_or_packs $($rest:tt)*] $($line:tt)+) => {
        table! { @each $mode $name [$($rest)*] $($line)+ =>
            [_columns { const COLUMNS: usize = ONE; }] [_packs { const COLUMNS: usize = PACK; }]
        }
    };

    // The end of the name: an entry point, or its place in the list.
    (
        @ [define] [$($name:tt)+] [] {$($item:tt)*}
        $params:ty, [$($waits:ident)?], $module:ident::$body:ident $arguments:tt
    ) => {
        pastey::paste! {
            #[allow(missing_docs, dead_code)]
            #[kernel]
            pub unsafe fn [<$($name)+>](p: $params) {
                $($item)*
                table!(@wait $($waits)?);
                table!(@call $module::$body $arguments, &p)
            }
        }
    };
    (@ [list $entries:ident] [$($name:tt)+] [] {$($item:tt)*} $params:ty, $($rest:tt)*) => {
        pastey::paste! {
            $entries.push(super::EntryPoint {
                name: stringify!([<$($name)+>]),
                run: |params| unsafe { [<$($name)+>](*params.cast::<$params>()) },
            });
        }
    };
    // A part that is no axis.
    (@ $mode:tt [$($name:tt)*] [$part:ident $($rest:tt)*] $($line:tt)+) => {
        table! { @ $mode [$($name)* $part] [$($rest)*] $($line)+ }
    };

    ($($($part:ident)+ ($params:ty) = $module:ident::$body:ident$(<$($argument:tt),+>)? $($waits:ident)?;)+) => {
        $(table! { @ [define] [] [$($part)+] {} $params, [$($waits)?], $module::$body [$($($argument),+)?] })+

        /// Appends the table's entry points.
        #[cfg(not(target_arch = "nvptx64"))]
        pub fn list(entries: &mut Vec<super::EntryPoint>) {
            $(table! { @ [list entries] [] [$($part)+] {} $params, [$($waits)?], $module::$body [$($($argument),+)?] })+
        }
    };
}

/// A type of values as a table's bodies name it: T, and PACK, how many of them one instruction loads at most.
macro_rules! values {
    ($type:ty) => {
        type T = $type;
        const PACK: usize = kernel_params::PACK_BYTES / size_of::<$type>();
    };
}

/// A reduction of segments as a table's bodies name it: R, and how its first step loads packs.
macro_rules! reduction {
    ($type:ty) => {
        type R = $type;
        type CutLoad = <$type as crate::segment::Fold>::CutLoad;
    };
}

/// Filling memory.
pub mod fill {
    use super::*;
    use crate::fill;
    use kernel_params::FillParams;

    table! {
        fill_words_all (FillParams) = fill::words;
    }
}

/// Looking an index over.
pub mod check {
    use super::*;
    use crate::{check, layout};
    use kernel_params::{IndexParams, OffsetsParams, SortedIndexParams};

    table! {
        index_store_offsets_all (OffsetsParams) = layout::store_offsets;
        index_first_bad index (IndexParams) = check::first_bad<I>;
        index_largest index (IndexParams) = check::largest<I>;
        index_first_unsorted index (SortedIndexParams) = check::first_unsorted<I>;
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
        scatter_start join scalar (ScatterParams) = scatter::start<T, R>;
        scatter join scalar index (ScatterParams) = scatter::accumulate<T, I, R>;
        scatter_mean scalar index (ScatterParams) = scatter::accumulate_and_count<T, I>;
        scatter sum_or_mean singles_or_quads float32_sum index (ScatterParams) =
            vectors::accumulate<T, I, COLUMNS, COUNTS>;
        scatter sum_or_mean _rows singles_or_quads float32_sum index (ScatterParams) =
            rows::accumulate<T, I, COLUMNS, COUNTS>;
        scatter sum_or_mean _privatized singles_or_quads float32_sum index (ScatterParams) =
            privatized::accumulate<T, I, COLUMNS, COUNTS>;
        scatter_sum_start_scales float (ReproducibleParams) = reproducible::start_scales<T>;
        scatter_sum_find_scales float index (ReproducibleParams) = reproducible::find_scales<T, I>;
        scatter_sum_add_limbs float index (ReproducibleParams) = reproducible::add_limbs<T, I>;
        scatter_sum_round float (ReproducibleParams) = reproducible::round<T>;
        scatter_count index (ScatterParams) = scatter::count<I>;
        scatter_finish scalar (ScatterParams) = scatter::finish<T>;
        scatter_best selection narrow_key index (ScatterParams) = scatter::find_best<T, I, R>;
        scatter_best_key selection scalar index (ScatterParams) = scatter::find_best_key<T, I, R>;
        scatter_best_position selection scalar index (ScatterParams) = scatter::find_best_position<T, I, R>;
        scatter_select selection scalar index (ScatterParams) = scatter::select<T, I, R>;
    }
}

/// Segments, by an indptr or by a sorted index.
pub mod segment {
    use super::*;
    use crate::{
        element::{Bf16, F16},
        reduction::{Max, Min, Sum},
        segment::{self, Line, Streamed},
    };
    use kernel_params::SegmentParams;

    /// Entries of an indptr.
    type Narrow = i32;
    type Wide = i64;

    /// A column for each lane.
    const ONE: usize = 1;

    /// For reductions to which the number of elements means nothing.
    const NO_INDEX: bool = false;

    table! {
        segment_from_index index (SegmentParams) = segment::from_index<I, Narrow>;
        segment_from_index_wide index (SegmentParams) = segment::from_index<I, Wide>;
        segment source fold columns_or_packs scalar (SegmentParams) = segment::reduce_whole<T, R, COLUMNS, HAS_INDEX>;
        segment source _short fold scalar (SegmentParams) = segment::reduce_short<T, R, HAS_INDEX>;
        segment source _cut fold _columns scalar (SegmentParams) = segment::reduce_cut<T, R, Line, ONE, HAS_INDEX>;
        segment source _cut fold _packs scalar (SegmentParams) = segment::reduce_cut<T, R, CutLoad, PACK, HAS_INDEX>;
        segment source _cut fold _packs_large scalar (SegmentParams) = segment::reduce_cut<T, R, Line, PACK, HAS_INDEX>;
        segment source _chunks fold _columns scalar (SegmentParams) =
            segment::reduce_chunks<T, R, Line, ONE, HAS_INDEX> waits;
        segment source _chunks fold _packs scalar (SegmentParams) =
            segment::reduce_chunks<T, R, Streamed, PACK, HAS_INDEX> waits;
        segment source _chunks fold _packs_large scalar (SegmentParams) =
            segment::reduce_chunks<T, R, Line, PACK, HAS_INDEX> waits;
        segment source _combine counted_fold scalar (SegmentParams) = segment::combine<T, R, HAS_INDEX> waits;
        segment_combine selection scalar (SegmentParams) = segment::combine<T, R, NO_INDEX> waits;
    }
}

/// The gathers.
pub mod gather {
    use super::*;
    use crate::{gather, word::Quad};
    use kernel_params::GatherParams;

    /// Numbers of words.
    type Narrow = u32;
    type Wide = u64;

    table! {
        gather_coo word index (GatherParams) = gather::by_index<W, I, Wide>;
        gather_coo_short word index (GatherParams) = gather::by_index<W, I, Narrow>;
        gather_coo_runs word index (GatherParams) = gather::by_index_in_runs<W, I>;
        gather_coo_words index (GatherParams) = gather::words_by_index<I>;
        gather_csr word index (GatherParams) = gather::by_segment<W, I, Wide>;
        gather_csr_short word index (GatherParams) = gather::by_segment<W, I, Narrow>;
        gather_csr_chunks word index (GatherParams) = gather::batches_by_segment<W, I>;
        gather_csr_runs word index (GatherParams) = gather::by_segment_in_runs<W, I>;
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
        composite_find_maxima float index (CompositeParams) = composite::find_maxima<T, I>;
        composite_sum_exponentials float index (CompositeParams) = composite::sum_exponentials<T, I>;
        composite_softmax float index (CompositeParams) = composite::softmax<T, I>;
        composite_log_softmax float index (CompositeParams) = composite::log_softmax<T, I>;
        composite_logsumexp float (CompositeParams) = composite::logsumexp<T>;
        composite_sum_and_count float index (CompositeParams) = composite::sum_and_count<T, I>;
        composite_sum_squares float index (CompositeParams) = composite::sum_squares<T, I>;
        composite_std float (CompositeParams) = composite::std<T>;
    }
}
