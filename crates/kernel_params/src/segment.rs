//! Segments.

use crate::{Divisor, IndexLayout, NarrowDivisor};

/// The parameter of the kernels of segments. `src` is [B, E, K], `out` is [B, N, K], both row-major.
///
/// An indptr delimits the segments: the caller's, or one that is made of the caller's sorted index. If there are
/// chunks, the reduced axis is cut into chunks of 2^`chunk_log2` elements. Each chunk has two records: one of the long
/// segment that goes on in it, one of the long segment that begins in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SegmentParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the sorted index, `index_rows` rows of `index_row` elements. 0 if the caller has an indptr.
    pub index: u64,
    /// Address of indptr, rows of N + 1 entries.
    pub indptr: u64,
    /// Address of a u32 for each index tile: whether some of its elements are outside [0, N). A row of the index and
    /// the position behind it are covered by tiles of [`INDEX_TILE`](crate::INDEX_TILE) elements. 0 if the caller has
    /// an indptr.
    pub holes: u64,
    /// Address of the tensor that the reduction starts from, shaped as `out`. 0 if there is none.
    pub base: u64,
    /// Address of `out`.
    pub out: u64,
    /// Address of `arg_out`, shaped as `out`. 0 if it is not wanted.
    pub arg_out: u64,
    /// Address of the numbers that `arg_out` has for positions, rows of `e` numbers of indptr's type: one row for each
    /// row of indptr. 0 if `arg_out` has the positions themselves.
    pub args: u64,
    /// Address of the notes (u64): for each chunk the long segment that goes on in it, or all bits 1.
    pub going_on: u64,
    /// Address of the numbers of elements (u64) of the records, two for each chunk.
    pub counts: u64,
    /// Address of the accumulators of the records, K for each record.
    pub values: u64,
    /// Address of the positions (u64) of the records, shaped as `values`. 0 if the reduction has none.
    pub positions: u64,
    /// The product of the axes before the reduced one.
    pub b: u64,
    /// The length of the reduced axis of `src`.
    pub e: u64,
    /// The product of the axes after the reduced one.
    pub k: u64,
    /// The number of segments: the length of the reduced axis of `out`.
    pub n: u64,
    /// Divides by `n`.
    pub by_n: Divisor,
    /// Divides by the number of column parts. A group of lanes takes a column part.
    pub column_parts: Divisor,
    /// Divides by the number of column parts in the kernel that joins records.
    pub combine_parts: Divisor,
    /// The number of chunks that cover the reduced axis. 0 if it is not cut.
    pub chunks_per_b: u64,
    /// Divides by `chunks_per_b`.
    pub by_chunks_per_b: Divisor,
    /// Divides by the number of index tiles of a row of the index.
    pub by_index_tiles: Divisor,
    /// The number of rows of the index.
    pub index_rows: u64,
    /// The number of elements of a row of the index.
    pub index_row: u64,
    /// How far the index moves for one step along the reduced axis. 0 if it is broadcast.
    pub index_stride: u64,
    /// `_cut` kernels without an index: how many warps ahead a warp fetches its entries of indptr.
    pub prefetch_warps: u64,
    /// The base-2 logarithm of the elements of a chunk.
    pub chunk_log2: u32,
    /// The base-2 logarithm of the lanes that share a column part.
    pub lanes_log2: u32,
    /// The base-2 logarithm of the lanes that share a column part in the kernel that joins records.
    pub combine_lanes_log2: u32,
    /// The base-2 logarithm of the ways: the lanes of a group that share the elements of a segment.
    pub ways_log2: u32,
    /// The most elements of a segment that a group of lanes takes, if the axis is not cut.
    pub longest: u32,
    /// 1 if sums are divided by the number of elements, otherwise 0.
    pub is_mean: u32,
    /// 1 if the index is int64, 0 if it is int32.
    pub index_is_wide: u32,
    /// 1 if indptr is int64, 0 if it is int32.
    pub indptr_is_wide: u32,
    /// 1 if `arg_out` is int64, 0 if it is int32.
    pub arg_is_wide: u32,
    /// The base-2 logarithm of the chunks of a chunk tile in the second kernel, at most 5.
    pub tile_log2: u32,
    /// `_short` kernels: divides by `k`.
    pub by_k: NarrowDivisor,
    /// `_short` kernels: the number of elements of `out`, below 2^31.
    pub places: u32,
    /// How the leading axes of the index or indptr are broadcast over `src`. Strides count rows.
    pub layout: IndexLayout,
}
