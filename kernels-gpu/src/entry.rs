//! The entry points: the kernels that the host launches by name. The table is [`kernel_params::entry_points`].

use cuda_std::prelude::*;
use kernel_params::axis;
use nvptx_arch::grid;

use crate::{
    attention_csr, bev_pool, check, composite,
    composite_csr::{self, Exponentials, Moments},
    element::{Bf16, F16},
    fill, gather,
    gather_dot::{self, LeakySum, Product},
    group_index,
    items::{Blocks, Threads, Warps},
    layout,
    reduction::{Max, Min, Mul, Sum},
    scatter::{self, privatized, reproducible, rows, vectors},
    segment::{self, ByIndex, Kept, Line, Streamed},
    word::Quad,
};
use kernel_params::{
    BevPoolParams, CompositeCsrParams, CompositeParams, FillParams, GatherDotParams, GatherParams, GatherSegmentParams,
    GroupIndexParams, IndexParams, OffsetsParams, ReproducibleParams, ScatterParams, SegmentParams, SortedIndexParams,
};

/// An entry point as the emulator sees it.
#[cfg(not(target_arch = "nvptx64"))]
pub struct EntryPoint {
    /// The name in the PTX.
    pub name: &'static str,
    /// Runs one thread of the kernel. The pointer points to the kernel's parameter structure.
    pub run: unsafe fn(*const ()),
}

/// Every entry point of the table.
#[cfg(not(target_arch = "nvptx64"))]
pub fn entry_points() -> impl Iterator<Item = &'static EntryPoint> {
    static ALL: std::sync::LazyLock<Vec<EntryPoint>> = std::sync::LazyLock::new(|| {
        let mut all = Vec::new();
        list(&mut all);
        all
    });
    ALL.iter()
}

/// A column for each lane.
const ONE: usize = 1;

/// For reductions to which the number of elements means nothing.
const NO_INDEX: bool = false;

/// Declares the entry points of a line of the table, or appends them to a list.
///
/// A kernel first waits for the kernel before it in its stream, then lets the next one start: when a kernel starts, all
/// but the kernel right before it have ended. If a line ends in `waits`, the body does both itself.
macro_rules! line {
    // Each value of an axis, with the items that define the names of the body's arguments. What is in brackets is one
    // token here and taken apart in the next step.
    (
        @each $define:ident $mode:tt $name:tt $rest:tt $items:tt $line:tt => $([$variant:ident $suffix:ident $value:tt])+
    ) => {
        $(line! { @append $mode $name $suffix $rest $items { $define! { $value } } $line })+
    };
    (@append $mode:tt [$($name:tt)*] $suffix:ident $rest:tt {$($items:tt)*} {$($item:tt)*} $line:tt) => {
        line! { @ $mode [$($name)* $suffix] $rest {$($items)* $($item)*} $line }
    };

    (@wait) => {
        grid::wait_for_previous();
        grid::let_next_come();
    };
    (@wait waits) => {};
    (@items thread) => { Threads };
    (@items warp) => { Warps };
    (@items block) => { Blocks };
    (@call $module:ident::$body:ident [] $p:expr, $items:expr) => {
        $module::$body($p, $items)
    };
    (@call $module:ident::$body:ident [$($argument:tt),+] $p:expr, $items:expr) => {
        $module::$body::<$($argument),+>($p, $items)
    };

    // The axes, each with the macro that defines the names of its values.
    (@ $mode:tt $name:tt [scalar $($rest:tt)*] $items:tt $line:tt) => {
        axis!(scalar => line! { @each values $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [narrow_key $($rest:tt)*] $items:tt $line:tt) => {
        axis!(narrow_key => line! { @each values $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [float $($rest:tt)*] $items:tt $line:tt) => {
        axis!(float => line! { @each values $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [float32_sum $($rest:tt)*] $items:tt $line:tt) => {
        axis!(float32_sum => line! { @each values $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [word $($rest:tt)*] $items:tt $line:tt) => {
        axis!(word => line! { @each word $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [index $($rest:tt)*] $items:tt $line:tt) => {
        axis!(index => line! { @each index $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [source $($rest:tt)*] $items:tt $line:tt) => {
        axis!(source => line! { @each source $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [fold $($rest:tt)*] $items:tt $line:tt) => {
        axis!(fold => line! { @each fold $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [counted_fold $($rest:tt)*] $items:tt $line:tt) => {
        axis!(counted_fold => line! { @each fold $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [uncounted_fold $($rest:tt)*] $items:tt $line:tt) => {
        axis!(uncounted_fold => line! { @each fold $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [selection $($rest:tt)*] $items:tt $line:tt) => {
        axis!(selection => line! { @each reduction $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [join $($rest:tt)*] $items:tt $line:tt) => {
        axis!(join => line! { @each reduction $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [sum_or_mean $($rest:tt)*] $items:tt $line:tt) => {
        axis!(sum_or_mean => line! { @each counts $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [singles_or_quads $($rest:tt)*] $items:tt $line:tt) => {
        axis!(singles_or_quads => line! { @each columns $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [columns_or_packs $($rest:tt)*] $items:tt $line:tt) => {
        axis!(columns_or_packs => line! { @each columns $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [columns_or_quads $($rest:tt)*] $items:tt $line:tt) => {
        axis!(columns_or_quads => line! { @each columns $mode $name [$($rest)*] $items $line });
    };
    (@ $mode:tt $name:tt [statistic $($rest:tt)*] $items:tt $line:tt) => {
        axis!(statistic => line! { @each statistic $mode $name [$($rest)*] $items $line });
    };

    (@ $mode:tt $name:tt [combine $($rest:tt)*] $items:tt $line:tt) => {
        axis!(combine => line! { @each combine $mode $name [$($rest)*] $items $line });
    };

    // The end of the name: an entry point, or its place in the list.
    (
        @ [define] [$($name:tt)+] [] {$($item:tt)*}
        [$params:ident $taken_by:ident [$($waits:ident)?] $module:ident::$body:ident $arguments:tt]
    ) => {
        pastey::paste! {
            #[allow(missing_docs, dead_code)]
            #[kernel]
            pub unsafe fn [<$($name)+>](p: $params) {
                $($item)*
                line!(@wait $($waits)?);
                line!(@call $module::$body $arguments &p, line!(@items $taken_by))
            }
        }
    };
    (@ [list $entries:ident] [$($name:tt)+] [] $items:tt [$params:ident $($rest:tt)*]) => {
        pastey::paste! {
            $entries.push(EntryPoint {
                name: stringify!([<$($name)+>]),
                run: |params| unsafe { [<$($name)+>](*params.cast::<$params>()) },
            });
        }
    };
    // A part that is no axis.
    (@ $mode:tt [$($name:tt)*] [$part:ident $($rest:tt)*] $items:tt $line:tt) => {
        line! { @ $mode [$($name)* $part] [$($rest)*] $items $line }
    };
}

/// A type of values: T; PACK, how many of them one instruction loads at most; QUAD, four of them or as many.
macro_rules! values {
    ($type:ty) => {
        type T = $type;
        const PACK: usize = kernel_params::PACK_BYTES / size_of::<$type>();
        const QUAD: usize = if PACK < 4 { PACK } else { 4 };
    };
}

macro_rules! word {
    ($type:ty) => {
        type W = $type;
    };
}

macro_rules! index {
    ($type:ty) => {
        type I = $type;
    };
}

macro_rules! source {
    ($has_index:expr) => {
        const HAS_INDEX: bool = $has_index;
        type Rows = segment::InOrder<$has_index>;
    };
}

/// A reduction of segments: R, and how its first step loads packs.
macro_rules! fold {
    ($type:ty) => {
        type R = $type;
        type CutLoad = <$type as segment::Fold>::CutLoad;
    };
}

/// What composites over segments know of a segment.
macro_rules! statistic {
    ($type:ty) => {
        type S = $type;
    };
}

macro_rules! reduction {
    ($type:ty) => {
        type R = $type;
    };
}

macro_rules! counts {
    ($counts:expr) => {
        const COUNTS: bool = $counts;
    };
}

/// How the values of two rows are combined: F.
macro_rules! combine {
    ($type:ty) => {
        type F = $type;
    };
}

macro_rules! columns {
    ($columns:expr) => {
        const COLUMNS: usize = $columns;
    };
}

macro_rules! modules {
    ($($module:ident { $(
        $($part:ident)+ ($params:ident) $taken_by:ident $grid:ident $($shared:ident)? =
            $from:ident::$body:ident$(<$($argument:tt),+>)? $($waits:ident)?;
    )+ })+) => {
        $($(line! {
            @ [define] [] [$($part)+] {} [$params $taken_by [$($waits)?] $from::$body [$($($argument),+)?]]
        })+)+

        /// Appends every entry point of the table.
        #[cfg(not(target_arch = "nvptx64"))]
        fn list(entries: &mut Vec<EntryPoint>) {
            $($(line! {
                @ [list entries] [] [$($part)+] {} [$params $taken_by [$($waits)?] $from::$body [$($($argument),+)?]]
            })+)+
        }
    };
}

kernel_params::entry_points!(modules);
