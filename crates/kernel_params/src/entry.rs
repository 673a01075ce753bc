//! The entry points of the kernels, as one table: their names, their parameters, and what each assumes of its launch.
//!
//! kernels-gpu makes the entry points from it ([`entry_points!`](crate::entry_points)). The build script checks that
//! the PTX has exactly these. The host makes its launches from it ([`FAMILIES`]). All three use the same list of values
//! for each axis ([`axis!`](crate::axis)).

use crate::{
    CompositeParams, FillParams, GatherParams, IndexParams, OffsetsParams, ReproducibleParams, ScatterParams,
    SegmentParams, SortedIndexParams, THREADS_PER_BLOCK, WARP_SIZE,
};

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
    /// One with a thread, warp or block for each work item.
    Whole,
}

/// What a kernel assumes of its launch. A block has [`THREADS_PER_BLOCK`] threads along x, and the grid extends along x
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// What takes a work item.
    pub taken_by: TakenBy,
    /// Which grids it may have.
    pub grid: Grid,
    /// The bytes of its parameter.
    pub params_bytes: usize,
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
/// `axis!(NAME => callback! { STATE })` becomes `callback! { STATE => [..] [..] }`.
#[macro_export]
macro_rules! axis {
    // The types of values.
    (scalar => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [F32 _f32 f32] [F16 _f16 F16] [BF16 _bf16 Bf16] [F64 _f64 f64] [I32 _i32 i32] [I64 _i64 i64] }
    };
    // The types whose key fits in 32 bits, so that a key and a position fit in one 64-bit integer.
    (narrow_key => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [F32 _f32 f32] [F16 _f16 F16] [BF16 _bf16 Bf16] [I32 _i32 i32] }
    };
    // The floating-point types.
    (float => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [F32 _f32 f32] [F16 _f16 F16] [BF16 _bf16 Bf16] [F64 _f64 f64] }
    };
    // The types whose sums are kept in float32.
    (float32_sum => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [F32 _f32 f32] [F16 _f16 F16] [BF16 _bf16 Bf16] }
    };
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
    // What segments compute of their elements. A mean is a sum that is divided when it is stored.
    (fold => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Sum _sum Sum] [Min _min Min] [Max _max Max] }
    };
    // The folds whose result depends on the number of elements.
    (counted_fold => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Sum _sum Sum] }
    };
    // The others.
    (uncounted_fold => $callback:ident! { $($state:tt)* }) => {
        $callback! { $($state)* => [Min _min Min] [Max _max Max] }
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
}

/// The table, as `callback! { modules }`: each module is one of the kernels', with a line for each family of entry
/// points.
///
/// ```text
/// segment source _cut fold _packs scalar (SegmentParams) warp any = segment::reduce_cut<T, R, CutLoad, PACK, HAS_INDEX>;
/// ```
///
/// - First comes the name, in parts. A part that is an [`axis!`](crate::axis) stands for each of its suffixes in turn,
///   here `segment_csr_cut_sum_packs_f32`, `segment_csr_cut_sum_packs_f16` and so on. Every other part stands for
///   itself.
/// - In parentheses stands the parameter, then the [`Contract`]: what takes a work item ([`TakenBy`]), and which
///   [`Grid`] the kernel may have.
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
                scatter sum_or_mean _privatized singles_or_quads float32_sum index (ScatterParams) block any =
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
                    segment::reduce_cut<T, R, Line, ONE, HAS_INDEX>;
                segment source _cut fold _packs scalar (SegmentParams) warp any =
                    segment::reduce_cut<T, R, CutLoad, PACK, HAS_INDEX>;
                segment source _cut fold _packs_large scalar (SegmentParams) warp any =
                    segment::reduce_cut<T, R, Line, PACK, HAS_INDEX>;
                // A work item is 2^`tile_log2` chunks.
                segment source _chunks fold _columns scalar (SegmentParams) block any =
                    segment::reduce_chunks<T, R, Line, ONE, HAS_INDEX> waits;
                segment source _chunks fold _packs scalar (SegmentParams) block any =
                    segment::reduce_chunks<T, R, Streamed, PACK, HAS_INDEX> waits;
                segment source _chunks fold _packs_large scalar (SegmentParams) block any =
                    segment::reduce_chunks<T, R, Line, PACK, HAS_INDEX> waits;
                // A work item is `WARP_SIZE` chunks.
                segment source _combine counted_fold scalar (SegmentParams) block any =
                    segment::combine<T, R, HAS_INDEX> waits;
                segment_combine uncounted_fold scalar (SegmentParams) block any = segment::combine<T, R, NO_INDEX> waits;
            }
            gather {
                // A work item is a batch of words.
                gather_coo word index (GatherParams) thread any = gather::by_index<W, I, u64>;
                gather_coo_short word index (GatherParams) thread any = gather::by_index<W, I, u32>;
                gather_coo_runs word index (GatherParams) thread any = gather::by_index_in_runs<W, I>;
                gather_coo_words index (GatherParams) thread any = gather::words_by_index<I>;
                // A work item is `tiles` tiles of rows, or a part of the words of one.
                gather_csr word index (GatherParams) warp any = gather::by_segment<W, I, u64>;
                gather_csr_short word index (GatherParams) warp any = gather::by_segment<W, I, u32>;
                gather_csr_chunks word index (GatherParams) warp any = gather::batches_by_segment<W, I>;
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
        }
    };
}

/// A part of a name as a [`Part`]: the suffixes of an axis, or the part itself.
macro_rules! part {
    (@suffixes => $([$variant:ident $suffix:ident $value:tt])+) => { Part::OneOf(&[$(stringify!($suffix)),+]) };
    (scalar) => { axis!(scalar => part! { @suffixes }) };
    (narrow_key) => { axis!(narrow_key => part! { @suffixes }) };
    (float) => { axis!(float => part! { @suffixes }) };
    (float32_sum) => { axis!(float32_sum => part! { @suffixes }) };
    (word) => { axis!(word => part! { @suffixes }) };
    (index) => { axis!(index => part! { @suffixes }) };
    (source) => { axis!(source => part! { @suffixes }) };
    (fold) => { axis!(fold => part! { @suffixes }) };
    (counted_fold) => { axis!(counted_fold => part! { @suffixes }) };
    (uncounted_fold) => { axis!(uncounted_fold => part! { @suffixes }) };
    (selection) => { axis!(selection => part! { @suffixes }) };
    (join) => { axis!(join => part! { @suffixes }) };
    (sum_or_mean) => { axis!(sum_or_mean => part! { @suffixes }) };
    (singles_or_quads) => { axis!(singles_or_quads => part! { @suffixes }) };
    (columns_or_packs) => { axis!(columns_or_packs => part! { @suffixes }) };
    ($part:ident) => { Part::Is(stringify!($part)) };
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

macro_rules! families {
    ($($module:ident { $(
        $($part:ident)+ ($params:ty) $taken_by:ident $grid:ident =
            $from:ident::$body:ident$(<$($argument:tt),+>)? $($waits:ident)?;
    )+ })+) => {
        /// The table: the families of entry points.
        pub const FAMILIES: &[Family] = &[$($(Family {
            name: &[$(part!($part)),+],
            contract: Contract {
                taken_by: taken_by!($taken_by),
                grid: grid!($grid),
                params_bytes: size_of::<$params>(),
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
        let contract = |taken_by| Contract { taken_by, grid: Grid::Any, params_bytes: 0 };
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
    fn axes_that_are_parts_of_another_have_its_values() {
        let suffixes = |part| match part {
            Part::OneOf(suffixes) => suffixes,
            Part::Is(name) => panic!("{name} is no axis"),
        };
        for part in [part!(narrow_key), part!(float), part!(float32_sum)] {
            assert!(suffixes(part).iter().all(|suffix| suffixes(part!(scalar)).contains(suffix)), "{part:?}");
        }
        let (counted, uncounted) = (suffixes(part!(counted_fold)), suffixes(part!(uncounted_fold)));
        assert!(counted.iter().chain(uncounted).eq(suffixes(part!(fold))), "every fold is counted or not");
    }
}
