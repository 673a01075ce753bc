//! Segments of rows that are read through an index.

use crate::{Divisor, IndexLayout, SegmentParams};

/// The parameter of the kernels of gather_segment. `src` is [B, R, K]. An element of a segment is the row of `src` that
/// the index names, times its weight.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GatherSegmentParams {
    /// The segments of the rows that are read: `e` is their number.
    pub segments: SegmentParams,
    /// Address of the index that names rows of `src`.
    pub index: u64,
    /// Address of the numbers of the elements at each position, rows of `e` numbers of indptr's type: one row for each
    /// row of indptr. The index and the weights are read at these numbers. 0 if they are read at the positions
    /// themselves. Needs `e` below 2^32.
    pub perm: u64,
    /// Address of the weights, `heads` for each element. 0 if there are none.
    pub weight: u64,
    /// R, the length of the gathered axis of `src`.
    pub rows: u64,
    /// Divides by the number of segments of all b, or by that of column parts if they are neighbours.
    pub by_inner: Divisor,
    /// Divides by 1: the second kernel takes one column part of all chunks at a time.
    pub one_part: Divisor,
    /// Divides by the number of columns of a head.
    pub by_head: Divisor,
    /// The number of weights of an element. Each is for K / `heads` neighbouring columns.
    pub heads: u32,
    /// The bytes of a weight.
    pub weight_bytes: u32,
    /// 1 if the weights are float32 beside a `src` of 16-bit floats, otherwise 0.
    pub weights_are_float32: u32,
    /// 1 if the index is int64, 0 if it is int32.
    pub index_is_wide: u32,
    /// 1 if all column parts of a segment are taken one after the other, 0 if one column part of all segments is.
    pub parts_are_neighbours: u32,
    /// How the leading axes of the index are broadcast over `src`. Strides count elements.
    pub index_layout: IndexLayout,
    /// How those of the weights are.
    pub weight_layout: IndexLayout,
}
