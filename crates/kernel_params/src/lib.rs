//! What the host hands a kernel: one `repr(C)` structure, passed by value.
//!
//! Both sides compile this crate, the host to fill the structures and `kernels-gpu` to read them, so a
//! field cannot mean one thing here and another there. Device addresses are plain `u64`: the host must not
//! dereference them. Sizes and strides count elements.

#![no_std]

mod axis_runs;
mod divisor;

pub use axis_runs::{AxisRun, AxisRuns, MAX_RUNS};
pub use divisor::{Divisor, ShortDivisor};

/// How many loads a thread has on the way at a time: enough to hide memory's latency, few enough registers to keep a
/// multiprocessor full.
pub const BATCH: usize = 4;

/// The most axes a tensor may have.
pub const MAX_RANK: usize = 8;

/// Where the index of element (b, e, k) of `src`, seen as [B, E, K], lies: the broadcast, as arithmetic.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexLayout {
    /// How far the index moves for one step before the reduced axis; not used where there is `offsets_b`.
    pub stride_b: u64,
    /// How far it moves for one step along the reduced axis; 0 where it is broadcast.
    pub stride_e: u64,
    /// How far it moves for one step after the reduced axis; not used where there is `offsets_k`.
    pub stride_k: u64,
    /// Address of how far the index lies (u64) for each b, where it does not advance evenly; 0 where it does.
    pub offsets_b: u64,
    /// The same for each k.
    pub offsets_k: u64,
}

/// The parameter of the kernel that makes the offsets of an [`IndexLayout`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct OffsetsParams {
    /// Address of the offsets.
    pub offsets: u64,
    /// How many there are.
    pub count: u64,
    /// The axes that they are for.
    pub runs: AxisRuns,
}

/// The parameter of every kernel of the scatter family. `src` is [B, E, K], `out` is [B, N, K], row-major.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ScatterParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the index, laid out as `layout` says.
    pub index: u64,
    /// Address of the tensor the reduction starts from, shaped as `out`; 0 where there is none.
    pub base: u64,
    /// Address of `out`.
    pub out: u64,
    /// Address of `arg_out`, shaped as `out`; 0 where it is not wanted.
    pub arg_out: u64,
    /// Address of the sums or products, shaped as `out`: `out` itself, or float32 scratch for 16-bit floats.
    pub accumulators: u64,
    /// Address of the counts (u64) for mean, one for each row or each element of `out`; 0 where nothing is counted.
    pub counts: u64,
    /// Address of the best candidates (u64) of min and max, shaped as `out`.
    pub best: u64,
    /// Address of their positions (u64), shaped as `out`; 0 where `best` holds them.
    pub positions: u64,
    /// Product of the axes before the reduced one.
    pub b: u64,
    /// Length of the reduced axis of `src`.
    pub e: u64,
    /// Product of the axes after the reduced one.
    pub k: u64,
    /// Number of groups: the length of the reduced axis of `out`.
    pub n: u64,
    /// Divides by `e`.
    pub by_e: Divisor,
    /// Divides by `k`.
    pub by_k: Divisor,
    /// Divides by `n`.
    pub by_n: Divisor,
    /// How the index is broadcast over `src`.
    pub layout: IndexLayout,
    /// Sums by rows: how many neighbouring rows a warp takes, below 2^32.
    pub rows_of_warp: u64,
}

/// The parameter of the kernels that add up floating-point numbers in integers. What is beside `scatter` is scratch,
/// shaped as `out`, that starts as zeros; scales do so where there is no base.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ReproducibleParams {
    /// The tensors, their sizes and the broadcast.
    pub scatter: ScatterParams,
    /// Address of the groups' scales (u32): the largest exponent field of their elements and base.
    pub scales: u64,
    /// Address of the high limbs of the sums (i64).
    pub high_limbs: u64,
    /// Address of the low limbs of the sums (i64).
    pub low_limbs: u64,
    /// How many bits of an element each limb takes, at most [`MAX_LIMB_BITS`]; the rest of 63 is room for carries.
    pub limb_bits: u32,
    /// Keeps the structure free of padding.
    pub unused: u32,
}

/// The most bits of an element that each of two limbs takes: together they are a word.
pub const MAX_LIMB_BITS: u32 = 32;

/// The parameter of the kernel that fills memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FillParams {
    /// Address of the words.
    pub address: u64,
    /// How many there are.
    pub count: u64,
    /// What each of them becomes.
    pub value: u32,
    /// Keeps the structure free of padding.
    pub unused: u32,
}

/// The parameter of the kernels that look an index over before it is used.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexParams {
    /// Address of the index.
    pub index: u64,
    /// Address of the answer, a u64 or i64.
    pub result: u64,
    /// How many elements the index has.
    pub count: u64,
    /// The number of groups.
    pub n: u64,
}

/// The parameter of every kernel of the segment family. `src` is [B, E, K], `out` is [B, N, K], row-major.
///
/// The segments are those of an indptr, the caller's or one made of the caller's sorted index. Where there are chunks,
/// the reduced axis is cut into pieces of 2^`chunk_log2` elements, and one longer than that leaves two records a chunk:
/// one where it goes on, one where it begins.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SegmentParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the sorted index, `index_rows` rows; 0 where the caller has an indptr.
    pub index: u64,
    /// Address of indptr, [rows, N + 1].
    pub indptr: u64,
    /// Address of a word (u32) for each [`HOLE_TILE`] elements of a row of the index and the place behind them: whether
    /// some are outside [0, N). 0 where the caller has an indptr.
    pub holes: u64,
    /// Address of the tensor the reduction starts from, shaped as `out`; 0 where there is none.
    pub base: u64,
    /// Address of `out`.
    pub out: u64,
    /// Address of `arg_out`, shaped as `out`; 0 where it is not wanted.
    pub arg_out: u64,
    /// Address of the long segment that goes on in each chunk (u64), all ones where there is none.
    pub going_on: u64,
    /// Address of the records' element counts (u64, two for each chunk).
    pub counts: u64,
    /// Address of the records' accumulators, `k` for each of two for each chunk.
    pub values: u64,
    /// Address of the records' positions (u64), shaped as `values`; 0 where the reduction has none.
    pub positions: u64,
    /// Product of the axes before the reduced one.
    pub b: u64,
    /// Length of the reduced axis of `src`.
    pub e: u64,
    /// Product of the axes after the reduced one.
    pub k: u64,
    /// Number of segments: the length of the reduced axis of `out`.
    pub n: u64,
    /// Divides by `n`.
    pub by_n: Divisor,
    /// How many parts the columns are cut into, a group of lanes each.
    pub column_parts: Divisor,
    /// The same in the kernel that joins records.
    pub combine_parts: Divisor,
    /// How many chunks cover the reduced axis; 0 where none are made.
    pub chunks_per_b: u64,
    /// Divides by `chunks_per_b`.
    pub by_chunks_per_b: Divisor,
    /// Divides by the tiles of [`HOLE_TILE`] elements that cover a row of the index and the place behind it.
    pub by_index_tiles: Divisor,
    /// Rows of the index.
    pub index_rows: u64,
    /// Elements of such a row.
    pub index_row: u64,
    /// How far the index moves for one step along the reduced axis; 0 where it is broadcast.
    pub index_stride: u64,
    /// Base-2 logarithm of the elements of a chunk.
    pub chunk_log2: u32,
    /// Base-2 logarithm of the lanes that share an element's columns.
    pub lanes_log2: u32,
    /// The same for the kernel that joins records.
    pub combine_lanes_log2: u32,
    /// Base-2 logarithm of the ways in which a group of lanes shares a segment's elements.
    pub ways_log2: u32,
    /// The most elements of a segment that a group of lanes takes, where there are no chunks.
    pub longest: u32,
    /// 1 for sums that are divided by the number of elements.
    pub is_mean: u32,
    /// 1 where the index is int64, 0 where it is int32.
    pub index_is_wide: u32,
    /// 1 where indptr is int64, 0 where it is int32.
    pub indptr_is_wide: u32,
    /// 1 where `arg_out` is int64, 0 where it is int32.
    pub arg_is_wide: u32,
    /// Base-2 logarithm of the chunks that a block looks at together in the second step, at most 5.
    pub tile_log2: u32,
    /// Where segments are short: divides by `k`.
    pub by_k: ShortDivisor,
    /// Where segments are short: how many elements `out` has, below 2^31.
    pub places: u32,
    /// How the leading axes of the index or indptr are broadcast over `src`; strides count rows.
    pub layout: IndexLayout,
}

/// Elements of a sorted index, each a lane's, that a warp turns into entries of an indptr together.
pub const HOLE_TILE: u64 = 128;

/// The parameter of the kernel that looks over an index whose rows must be sorted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SortedIndexParams {
    /// Address of the index.
    pub index: u64,
    /// Address of the answer, a u64.
    pub result: u64,
    /// How many elements the index has.
    pub count: u64,
    /// How many of them make a row.
    pub row: Divisor,
    /// What every element must lie below.
    pub n: u64,
}

/// The parameter of the gathers. `src` is [B, S, words], `out` is [B, E, words], row-major, in words of the width in
/// the kernel's name.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GatherParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the index or indptr.
    pub index: u64,
    /// Address of `out`.
    pub out: u64,
    /// Product of the axes before the gathered one.
    pub b: u64,
    /// Length of the gathered axis of `src`.
    pub s: u64,
    /// Length of the gathered axis of `out`.
    pub e: u64,
    /// Divides by `e`.
    pub by_e: Divisor,
    /// Words of a row.
    pub words: u64,
    /// Divides by `words`.
    pub by_words: Divisor,
    /// The same, if `out` has fewer than 2^31 words.
    pub by_words_short: ShortDivisor,
    /// gather_csr: how many tiles of rows a warp takes one after the other; 1 where a tile has several parts.
    pub tiles: u64,
    /// gather_csr: how many groups of so many tiles there are.
    pub groups_of_tiles: u64,
    /// gather_csr: how many warps share the words of a tile.
    pub parts: Divisor,
    /// How far the index or indptr moves over the leading axes.
    pub leading: AxisRuns,
}

/// The parameter of softmax, log_softmax, logsumexp and std. Everything but `src`, the index and `out` is scratch that
/// starts as zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CompositeParams {
    /// The tensors, their sizes and the broadcast: `src`, `index`, `out`, the sizes and `layout` are used, and
    /// `counts` by std. `out` is shaped as `src` for softmax and log_softmax.
    pub scatter: ScatterParams,
    /// Address of the keys of the groups' maxima, [B, N, K]; u32, or u64 for float64.
    pub maxima: u64,
    /// Address of the groups' sums, [B, N, K]: of exponentials, or of the elements for std.
    pub sums: u64,
    /// Address of the groups' sums of squared differences for std, [B, N, K].
    pub squares: u64,
    /// What is added to a sum before its logarithm is taken, or to a count before it divides.
    pub eps: f64,
    /// 1 where a NaN in `src` is left out of the sums of exponentials, 0 where it makes them NaN.
    pub skip_nan: u32,
    /// What std takes from the count: 1 or 0.
    pub lost: u32,
}
