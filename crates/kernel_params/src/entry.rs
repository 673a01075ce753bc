//! The entry points of the kernels, as one table: their names, their parameters, and what each assumes of its launch.
//!
//! kernels-gpu makes the entry points from it ([`entry_points!`](crate::entry_points)). The build script checks that
//! the PTX has exactly these. The host makes its launches from it ([`FAMILIES`]). All three use the same list of values
//! for each axis ([`axis!`](crate::axis)).

use crate::{
    BevPoolParams, CompositeCsrParams, CompositeParams, FillParams, GatherDotParams, GatherParams, GatherSegmentParams,
    GroupIndexParams, IndexParams, OffsetsParams, ReproducibleParams, ScatterParams, SegmentParams, SortedIndexParams,
    THREADS_PER_BLOCK, WARP_SIZE,
};

/// A structure that kernels take as their parameter.
pub trait Params: Copy {
    /// The name of the structure.
    const NAME: &'static str;
}

macro_rules! params {
    ($($name:ident)+) => {$(
        impl Params for $name {
            const NAME: &'static str = stringify!($name);
        }
    )+};
}

params! {
    BevPoolParams CompositeCsrParams CompositeParams FillParams GatherDotParams GatherParams GatherSegmentParams GroupIndexParams IndexParams OffsetsParams ReproducibleParams ScatterParams SegmentParams SortedIndexParams
}

/// What takes one work item of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBy {
    /// A thread.
    Thread,
    /// A warp.
    Warp,
    /// A block.
    Block,
}

/// Which grids a kernel may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// Any: a loop in the kernel takes the work items that a smaller grid leaves.
    Any,
    /// One with at least a thread, warp or block for each work item.
    Whole,
}

/// Whether a kernel uses dynamic shared memory, whose size the launch gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// It uses none.
    None,
    /// It needs some.
    Dynamic,
}

/// What a kernel assumes of its launch. A block has [`THREADS_PER_BLOCK`] threads along x, and the grid extends along x
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// What takes a work item.
    pub taken_by: TakenBy,
    /// Which grids it may have.
    pub grid: Grid,
    /// Whether it uses dynamic shared memory.
    pub shared: Shared,
    /// The [`NAME`](Params::NAME) of the structure that is its parameter.
    pub params: &'static str,
}

impl Contract {
    /// The blocks that are enough for `items` work items.
    pub const fn blocks(self, items: u64) -> u64 {
        let of_block = match self.taken_by {
            TakenBy::Thread => THREADS_PER_BLOCK,
            TakenBy::Warp => THREADS_PER_BLOCK / WARP_SIZE,
            TakenBy::Block => 1,
        };
        items.div_ceil(of_block as u64)
    }

    /// How a launch with the parameter `P` and `shared_bytes` bytes of dynamic shared memory breaks the contract. None
    /// if it does not.
    pub fn fault_of_launch<P: Params>(self, shared_bytes: u32) -> Option<&'static str> {
        if P::NAME != self.params {
            return Some("takes another structure as its parameter");
        }
        match self.shared {
            Shared::None if shared_bytes != 0 => Some("uses no dynamic shared memory, and the launch has some"),
            Shared::Dynamic if shared_bytes == 0 => Some("needs dynamic shared memory, and the launch has none"),
            Shared::None | Shared::Dynamic => None,
        }
    }
}

/// A part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Stands for itself.
    Is(&'static str),
    /// Stands for each of these in turn.
    OneOf(&'static [&'static str]),
}

/// Entry points with one body and one contract.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Their names, in parts.
    pub name: &'static [Part],
    /// What they assume of their launch.
    pub contract: Contract,
}

/// The values of an axis, each as `[Variant _suffix value]`: the host's name, the part of the kernel's name, and the
/// argument of the body. A new type, reduction or word is added here.
///
/// `axis!(NAME => callback! { STATE })` becomes `callback! { STATE => [..] [..] }`. A name that is no axis has no
/// values.
#[macro_export]
macro_rules! axis {
    // The types of values, and which of them belong to the axes that have only some types: a column for each axis.
    (@types $($axis:tt)+) => {
        $crate::axis! { @select $($axis)+ []
            //                  float  float32_sum  narrow_key
            [F32  _f32  f32]  ( yes    yes          yes )
            [F16  _f16  F16]  ( yes    yes          yes )
            [BF16 _bf16 Bf16] ( yes    yes          yes )
            [F64  _f64  f64]  ( yes    no           no  )
            [I32  _i32  i32]  ( no     no           yes )
            [I64  _i64  i64]  ( no     no           no  )
        }
    };
    // What segments compute of their elements, and whether the result depends on the number of elements. A mean is a
    // sum that is divided when it is stored.
    (@folds $($axis:tt)+) => {
        $crate::axis! { @select $($axis)+ []
            //            is_counted
            [Sum _sum Sum] ( yes )
            [Min _min Min] ( no  )
            [Max _max Max] ( no  )
        }
    };
    (scalar => $($then:tt)+) => { $crate::axis! { @types scalar { $($then)+ } } };
    // The floating-point types.
    (float => $($then:tt)+) => { $crate::axis! { @types float { $($then)+ } } };
    // The types whose sums are kept in float32.
    (float32_sum => $($then:tt)+) => { $crate::axis! { @types float32_sum { $($then)+ } } };
    // The types whose key fits in 32 bits, so that a key and a position fit in one 64-bit integer.
    (narrow_key => $($then:tt)+) => { $crate::axis! { @types narrow_key { $($then)+ } } };
    (fold => $($then:tt)+) => { $crate::axis! { @folds fold { $($then)+ } } };
    // The folds whose result depends on the number of elements, and the others.
    (counted_fold => $($then:tt)+) => { $crate::axis! { @folds counted_fold { $($then)+ } } };
    (uncounted_fold => $($then:tt)+) => { $crate::axis! { @folds uncounted_fold { $($then)+ } } };
    // What one access of a copy moves.
    (word => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Bytes2 _2 u16] [Bytes4 _4 u32] [Bytes8 _8 u64] [Bytes16 _16 Quad] }
    };
    // The type of an index, an indptr or a position in arg_out.
    (index => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [I32 _i32 i32] [I64 _i64 i64] }
    };
    // What delimits segments, and whether it is a sorted index, which may have bad elements.
    (source => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Indptr _csr false] [Index _coo true] }
    };
    // How a scatter chooses an element.
    (selection => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Min _min Min] [Max _max Max] }
    };
    // How a scatter joins elements by atomics.
    (join => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Sum _sum Sum] [Mul _mul Mul] }
    };
    // Sums, and whether they are counted to make a mean of them.
    (sum_or_mean => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Sum _sum false] [Mean _mean true] }
    };
    // The columns that a thread of a scatter takes at a time.
    (singles_or_quads => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Singles _singles 1] [Quads _quads 4] }
    };
    // The columns that a lane of a segment takes: one, or those that one instruction loads.
    (columns_or_packs => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Columns _columns ONE] [Packs _packs PACK] }
    };
    // What composites over segments know of a segment: the maximum and the sum of exponentials, or the mean and the sum
    // of squared differences.
    (statistic => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Exponentials _exponentials Exponentials] [Moments _moments Moments] }
    };
    // The columns that a lane of a composite over segments takes: one, or four, as far as one instruction loads them.
    (columns_or_quads => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Columns _columns ONE] [Quads _quads QUAD] }
    };
    // How gather_dot combines the values of two rows: by a product, or by a leaky ReLU of their sum.
    (combine => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Mul _mul Product] [Add _add LeakySum] }
    };
    ($other:ident => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => }
    };

    // Keeps the values of a list that belong to an axis.
    (@select $axis:ident { $callback:ident! { $($state:tt)* } } [$($kept:tt)*]) => {
        $callback! { $($state)* => $($kept)* }
    };
    (@select $axis:ident $then:tt $kept:tt $value:tt $columns:tt $($rest:tt)*) => {
        $crate::axis! { @keep $axis $columns $axis $then $kept $value $($rest)* }
    };
    (@keep scalar ($f:ident $s:ident $n:ident) $($list:tt)+) => { $crate::axis! { @kept $($list)+ } };
    (@keep float (yes $s:ident $n:ident) $($list:tt)+) => { $crate::axis! { @kept $($list)+ } };
    (@keep float (no $s:ident $n:ident) $($list:tt)+) => { $crate::axis! { @left_out $($list)+ } };
    (@keep float32_sum ($f:ident yes $n:ident) $($list:tt)+) => { $crate::axis! { @kept $($list)+ } };
    (@keep float32_sum ($f:ident no $n:ident) $($list:tt)+) => { $crate::axis! { @left_out $($list)+ } };
    (@keep narrow_key ($f:ident $s:ident yes) $($list:tt)+) => { $crate::axis! { @kept $($list)+ } };
    (@keep narrow_key ($f:ident $s:ident no) $($list:tt)+) => { $crate::axis! { @left_out $($list)+ } };
    (@keep fold ($counted:ident) $($list:tt)+) => { $crate::axis! { @kept $($list)+ } };
    (@keep counted_fold (yes) $($list:tt)+) => { $crate::axis! { @kept $($list)+ } };
    (@keep counted_fold (no) $($list:tt)+) => { $crate::axis! { @left_out $($list)+ } };
    (@keep uncounted_fold (no) $($list:tt)+) => { $crate::axis! { @kept $($list)+ } };
    (@keep uncounted_fold (yes) $($list:tt)+) => { $crate::axis! { @left_out $($list)+ } };
    (@left_out $axis:ident $then:tt $kept:tt $value:tt $($rest:tt)*) => {
        $crate::axis! { @select $axis $then $kept $($rest)* }
    };
    (@kept $axis:ident $then:tt [$($kept:tt)*] $value:tt $($rest:tt)*) => {
        $crate::axis! { @select $axis $then [$($kept)* $value] $($rest)* }
    };
}

/// The table, as `callback! { modules }`: each module is one of the kernels', with a line for each family of entry
/// points.
///
/// ```text
/// segment source _cut fold _packs scalar (SegmentParams) warp any = segment::reduce_cut<T, R, CutLoad, Rows, PACK>;
/// ```
///
/// - First comes the name, in parts. A part that is an [`axis!`](crate::axis) stands for each of its suffixes in turn,
///   here `segment_csr_cut_sum_packs_f32`, `segment_csr_cut_sum_packs_f16` and so on. Every other part stands for
///   itself.
/// - In parentheses stands the parameter ([`Params`]), then the rest of the [`Contract`]: what takes a work item
///   ([`TakenBy`]), which [`Grid`] the kernel may have, and `shared` if it needs dynamic shared memory ([`Shared`]).
/// - Behind `=` stands the function that is the kernel's body. The axes define the names of its generic arguments.
/// - If a line ends in `waits`, the body itself waits for the kernel before it.
///
/// Work items: an element, row or word of `out` or `src`, unless a line says otherwise. Kernels of packs (`_packs`,
/// `_quads`) need `src`, `base`, `out` and accumulators aligned to [`PACK_BYTES`](crate::PACK_BYTES), or to four
/// values; those of words need `src` and `out` aligned to a word.
#[macro_export]
macro_rules! entry_points {
    ($callback:ident) => {
        $callback! {
            fill {
                fill_words_all (FillParams) thread any = fill::words;
            }
            check {
                index_store_offsets_all (OffsetsParams) thread any = layout::store_offsets;
                index_first_bad index (IndexParams) thread any = check::first_bad<I>;
                index_largest index (IndexParams) thread any = check::largest<I>;
                index_first_unsorted index (SortedIndexParams) thread any = check::first_unsorted<I>;
            }
            scatter {
                scatter_start join scalar (ScatterParams) thread any = scatter::start<T, R>;
                scatter join scalar index (ScatterParams) thread any = scatter::accumulate<T, I, R>;
                scatter_mean scalar index (ScatterParams) thread any = scatter::accumulate_and_count<T, I>;
                scatter sum_or_mean singles_or_quads float32_sum index (ScatterParams) thread any =
                    vectors::accumulate<T, I, COLUMNS, COUNTS>;
                // A work item is `rows_of_warp` neighbouring rows.
                scatter sum_or_mean _rows singles_or_quads float32_sum index (ScatterParams) warp whole =
                    rows::accumulate<T, I, COLUMNS, COUNTS>;
                // A work item is a block's share of all elements. Dynamic shared memory for b * n * k float32, for
                // means b * n u32 more.
                scatter sum_or_mean _privatized singles_or_quads float32_sum index (ScatterParams) block any shared =
                    privatized::accumulate<T, I, COLUMNS, COUNTS>;
                scatter_sum_start_scales float (ReproducibleParams) thread any = reproducible::start_scales<T>;
                scatter_sum_find_scales float index (ReproducibleParams) thread any = reproducible::find_scales<T, I>;
                scatter_sum_add_limbs float index (ReproducibleParams) thread any = reproducible::add_limbs<T, I>;
                scatter_sum_round float (ReproducibleParams) thread any = reproducible::round<T>;
                scatter_count index (ScatterParams) thread any = scatter::count<I>;
                scatter_finish scalar (ScatterParams) thread any = scatter::finish<T>;
                scatter_best selection narrow_key index (ScatterParams) thread any = scatter::find_best<T, I, R>;
                scatter_best_key selection scalar index (ScatterParams) thread any = scatter::find_best_key<T, I, R>;
                scatter_best_position selection scalar index (ScatterParams) thread any =
                    scatter::find_best_position<T, I, R>;
                scatter_select selection scalar index (ScatterParams) thread any = scatter::select<T, I, R>;
            }
            segment {
                // A work item is `INDEX_TILE` elements of a row of the index.
                segment_from_index index (SegmentParams) warp any = segment::from_index<I, i32>;
                segment_from_index_wide index (SegmentParams) warp any = segment::from_index<I, i64>;
                // A work item is the segments of a warp's groups of lanes.
                segment source fold columns_or_packs scalar (SegmentParams) warp any =
                    segment::reduce_whole<T, R, COLUMNS, HAS_INDEX>;
                segment source _short fold scalar (SegmentParams) thread any = segment::reduce_short<T, R, HAS_INDEX>;
                segment source _cut fold _columns scalar (SegmentParams) warp any =
                    segment::reduce_cut<T, R, Line, Rows, ONE>;
                segment source _cut fold _packs scalar (SegmentParams) warp any =
                    segment::reduce_cut<T, R, CutLoad, Rows, PACK>;
                segment source _cut fold _packs_large scalar (SegmentParams) warp any =
                    segment::reduce_cut<T, R, Line, Rows, PACK>;
                // A work item is 2^`tile_log2` chunks.
                segment source _chunks fold _columns scalar (SegmentParams) block any =
                    segment::reduce_chunks<T, R, Line, Rows, ONE> waits;
                segment source _chunks fold _packs scalar (SegmentParams) block any =
                    segment::reduce_chunks<T, R, Streamed, Rows, PACK> waits;
                segment source _chunks fold _packs_large scalar (SegmentParams) block any =
                    segment::reduce_chunks<T, R, Line, Rows, PACK> waits;
                // A work item is `WARP_SIZE` chunks.
                segment source _combine counted_fold scalar (SegmentParams) block any =
                    segment::combine<T, R, HAS_INDEX> waits;
                segment_combine uncounted_fold scalar (SegmentParams) block any = segment::combine<T, R, NO_INDEX> waits;
            }
            gather_segment {
                // A work item is the segments of a warp's groups of lanes. `combine` is that of segments with an index.
                gather_segment_cut fold columns_or_packs scalar (GatherSegmentParams) warp any =
                    segment::reduce_cut<T, R, Kept, ByIndex, COLUMNS>;
                // A work item is 2^`tile_log2` chunks.
                gather_segment_chunks fold columns_or_packs scalar (GatherSegmentParams) block any =
                    segment::reduce_chunks<T, R, Kept, ByIndex, COLUMNS> waits;
            }
            attention_csr {
                // A work item is the segments of a warp's groups of lanes.
                attention_csr_cut columns_or_packs float (GatherSegmentParams) warp any =
                    attention_csr::reduce_cut<T, COLUMNS>;
                // A work item is 2^`tile_log2` chunks.
                attention_csr_chunks columns_or_packs float (GatherSegmentParams) block any =
                    attention_csr::reduce_chunks<T, COLUMNS> waits;
                // A work item is `WARP_SIZE` chunks.
                attention_csr_combine float (GatherSegmentParams) block any = attention_csr::combine<T> waits;
            }
            group_index {
                // A work item is a share of the elements. Dynamic shared memory for a u32 for each digit.
                group_index_count index (GroupIndexParams) block any shared = group_index::count<I>;
                group_index_count_narrow (GroupIndexParams) block any shared = group_index::count<u32>;
                group_index_count_wide (GroupIndexParams) block any shared = group_index::count<u64>;
                // A work item is a digit.
                group_index_scan (GroupIndexParams) warp any = group_index::scan;
                // A work item is a share of the elements. Dynamic shared memory for `GroupIndexParams::place_bytes`.
                group_index_place_i32_narrow (GroupIndexParams) block whole shared = group_index::place<i32, u32>;
                group_index_place_i32_wide (GroupIndexParams) block whole shared = group_index::place<i32, u64>;
                group_index_place_i64_narrow (GroupIndexParams) block whole shared = group_index::place<i64, u32>;
                group_index_place_i64_wide (GroupIndexParams) block whole shared = group_index::place<i64, u64>;
                group_index_place_narrow (GroupIndexParams) block whole shared = group_index::place<u32, u32>;
                group_index_place_wide (GroupIndexParams) block whole shared = group_index::place<u64, u64>;
                group_index_place_wide_narrow (GroupIndexParams) block whole shared = group_index::place<u64, u32>;
                // A work item is a share of a bucket. Dynamic shared memory for a u32 for each digit.
                group_index_count_buckets_narrow (GroupIndexParams) block any shared =
                    group_index::count_buckets<u32>;
                group_index_count_buckets_wide (GroupIndexParams) block any shared = group_index::count_buckets<u64>;
                // A work item is a share of a bucket. Dynamic shared memory for `GroupIndexParams::place_bytes`.
                group_index_place_buckets_narrow (GroupIndexParams) block whole shared =
                    group_index::place_buckets<u32, u32, i32>;
                group_index_place_buckets_wide (GroupIndexParams) block whole shared =
                    group_index::place_buckets<u64, u64, i64>;
                group_index_place_buckets_wide_narrow (GroupIndexParams) block whole shared =
                    group_index::place_buckets<u64, u32, i32>;
                // A work item is an entry of indptr.
                group_index_bounds index (GroupIndexParams) thread any = group_index::bounds<I, I>;
                group_index_bounds_i64_narrow (GroupIndexParams) thread any = group_index::bounds<i64, i32>;
                sorted_bounds index (GroupIndexParams) thread any = group_index::sorted_bounds<I>;
            }
            bev_pool {
                // A work item is an interval.
                bev_pool_destinations index (BevPoolParams) warp any = bev_pool::destinations<I>;
            }
            gather {
                // A work item is a batch of words.
                gather_coo word index (GatherParams) thread any = gather::by_index<W, I, u64>;
                gather_coo_narrow word index (GatherParams) thread any = gather::by_index<W, I, u32>;
                gather_coo_runs word index (GatherParams) thread any = gather::by_index_in_runs<W, I>;
                gather_coo_words index (GatherParams) thread any = gather::words_by_index<I>;
                // A work item is `tiles` tiles of rows, or a part of the words of one.
                gather_csr word index (GatherParams) warp any = gather::by_segment<W, I, u64>;
                gather_csr_narrow word index (GatherParams) warp any = gather::by_segment<W, I, u32>;
                gather_csr_batches word index (GatherParams) warp any = gather::batches_by_segment<W, I>;
                gather_csr_runs word index (GatherParams) warp any = gather::by_segment_in_runs<W, I>;
            }
            composite {
                composite_find_maxima float index (CompositeParams) thread any = composite::find_maxima<T, I>;
                composite_sum_exponentials float index (CompositeParams) thread any = composite::sum_exponentials<T, I>;
                composite_softmax float index (CompositeParams) thread any = composite::softmax<T, I>;
                composite_log_softmax float index (CompositeParams) thread any = composite::log_softmax<T, I>;
                composite_logsumexp float (CompositeParams) thread any = composite::logsumexp<T>;
                composite_sum_and_count float index (CompositeParams) thread any = composite::sum_and_count<T, I>;
                composite_sum_squares float index (CompositeParams) thread any = composite::sum_squares<T, I>;
                composite_std float (CompositeParams) thread any = composite::std<T>;
            }
            composite_csr {
                // A work item is the segments of a warp's groups of lanes.
                composite_csr_cut statistic columns_or_quads float (CompositeCsrParams) warp any =
                    composite_csr::reduce_cut<T, S, COLUMNS>;
                // A work item is 2^`tile_log2` chunks.
                composite_csr_chunks statistic columns_or_quads float (CompositeCsrParams) block any =
                    composite_csr::reduce_chunks<T, S, COLUMNS>;
                // A work item is `WARP_SIZE` chunks.
                composite_csr_combine statistic float (CompositeCsrParams) block any =
                    composite_csr::combine<T, S> waits;
                // A work item is 2^`tile_log2` chunks, or the whole axis if it has no chunks.
                composite_csr_rest columns_or_quads float (CompositeCsrParams) block any =
                    composite_csr::map_rest<T, COLUMNS>;
            }
            gather_dot {
                // A work item is a tile of scores: a batch for each group of lanes. Packs need the rows of each head of
                // `src`, `other` and the weights to be aligned.
                gather_dot combine columns_or_packs float index (GatherDotParams) warp any =
                    gather_dot::score<T, I, F, COLUMNS>;
                // A work item is a score for each group of lanes.
                gather_dot_runs combine float index (GatherDotParams) warp any = gather_dot::score_in_runs<T, I, F>;
            }
        }
    };
}

/// A part of a name as a [`Part`]: the suffixes of an axis, or the part itself.
macro_rules! part {
    ($part:ident =>) => {
        Part::Is(stringify!($part))
    };
    ($part:ident => $([$variant:ident $suffix:ident $value:tt])+) => {
        Part::OneOf(&[$(stringify!($suffix)),+])
    };
}

macro_rules! taken_by {
    (thread) => {
        TakenBy::Thread
    };
    (warp) => {
        TakenBy::Warp
    };
    (block) => {
        TakenBy::Block
    };
}

macro_rules! grid {
    (any) => {
        Grid::Any
    };
    (whole) => {
        Grid::Whole
    };
}

macro_rules! shared {
    () => {
        Shared::None
    };
    (shared) => {
        Shared::Dynamic
    };
}

macro_rules! families {
    ($($module:ident { $(
        $($part:ident)+ ($params:ty) $taken_by:ident $grid:ident $($shared:ident)? =
            $from:ident::$body:ident$(<$($argument:tt),+>)? $($waits:ident)?;
    )+ })+) => {
        /// The table: the families of entry points.
        pub const FAMILIES: &[Family] = &[$($(Family {
            name: &[$(axis!($part => part! { $part })),+],
            contract: Contract {
                taken_by: taken_by!($taken_by),
                grid: grid!($grid),
                shared: shared!($($shared)?),
                params: <$params as Params>::NAME,
            },
        }),+),+];
    };
}

entry_points!(families);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_someone_for_each_work_item() {
        let contract =
            |taken_by| Contract { taken_by, grid: Grid::Any, shared: Shared::None, params: FillParams::NAME };
        for (taken_by, items, blocks) in [
            (TakenBy::Thread, 0, 0),
            (TakenBy::Thread, 1, 1),
            (TakenBy::Thread, 256, 1),
            (TakenBy::Thread, 257, 2),
            (TakenBy::Warp, 8, 1),
            (TakenBy::Warp, 9, 2),
            (TakenBy::Block, 9, 9),
        ] {
            assert_eq!(contract(taken_by).blocks(items), blocks, "{taken_by:?}, {items}");
        }
    }

    #[test]
    fn a_launch_with_another_parameter_or_other_shared_memory_breaks_the_contract() {
        let contract =
            |shared| Contract { taken_by: TakenBy::Block, grid: Grid::Any, shared, params: FillParams::NAME };
        assert_eq!(contract(Shared::None).fault_of_launch::<FillParams>(0), None);
        assert_eq!(contract(Shared::Dynamic).fault_of_launch::<FillParams>(1), None);
        assert!(contract(Shared::None).fault_of_launch::<FillParams>(1).is_some());
        assert!(contract(Shared::Dynamic).fault_of_launch::<FillParams>(0).is_some());
        assert!(contract(Shared::None).fault_of_launch::<IndexParams>(0).is_some());
    }

    #[test]
    fn an_axis_with_only_some_values_of_a_list_has_those_whose_column_says_so() {
        let suffixes = |part| match part {
            Part::OneOf(suffixes) => suffixes,
            Part::Is(name) => panic!("{name} is no axis"),
        };
        let scalar = suffixes(axis!(scalar => part! { scalar }));
        for (some, inside, outside) in [
            (axis!(float => part! { float }), "_f64", "_i64"),
            (axis!(float32_sum => part! { float32_sum }), "_f16", "_f64"),
            (axis!(narrow_key => part! { narrow_key }), "_i32", "_f64"),
        ] {
            assert!(suffixes(some).contains(&inside) && !suffixes(some).contains(&outside), "{some:?}");
            assert!(scalar.contains(&inside) && scalar.contains(&outside), "{scalar:?}");
        }
        let counted = suffixes(axis!(counted_fold => part! { counted_fold }));
        let uncounted = suffixes(axis!(uncounted_fold => part! { uncounted_fold }));
        assert!(counted.contains(&"_sum") && uncounted.contains(&"_max"), "{counted:?}, {uncounted:?}");
        let folds = suffixes(axis!(fold => part! { fold }));
        assert!(folds.iter().all(|fold| counted.contains(fold) != uncounted.contains(fold)), "{folds:?}");
        assert_eq!(axis!(scatter => part! { scatter }), Part::Is("scatter"));
    }
}
