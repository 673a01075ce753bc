//! Where the index of an element lies, and checks of an index.

use crate::{AxisRuns, Divisor};

/// Where the index of element (b, e, k) of `src`, seen as [B, E, K], lies: the broadcast as strides and offsets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexLayout {
    /// How far the index moves for one step of b. Not used if there is `offsets_b`.
    pub stride_b: u64,
    /// How far the index moves for one step along the reduced axis. 0 if it is broadcast.
    pub stride_e: u64,
    /// How far the index moves for one step of k. Not used if there is `offsets_k`.
    pub stride_k: u64,
    /// Address of the offset of the index (u64) for each b, if it does not advance evenly over b. Otherwise 0.
    pub offsets_b: u64,
    /// Address of the offset of the index (u64) for each k, if it does not advance evenly over k. Otherwise 0.
    pub offsets_k: u64,
}

/// The parameter of the kernel that stores the offsets of one side of an [`IndexLayout`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct OffsetsParams {
    /// Address of the offsets.
    pub offsets: u64,
    /// The number of offsets.
    pub count: u64,
    /// The axes on this side of the reduced axis.
    pub runs: AxisRuns,
}

/// The parameter of the kernels that check an index before it is used.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexParams {
    /// Address of the index.
    pub index: u64,
    /// Address of the answer, a u64 or an i64.
    pub result: u64,
    /// The number of elements of the index.
    pub count: u64,
    /// The number of groups.
    pub n: u64,
}

/// The parameter of the kernel that checks an index, or an indptr, whose rows must be sorted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SortedIndexParams {
    /// Address of the index.
    pub index: u64,
    /// Address of the answer, a u64.
    pub result: u64,
    /// The number of elements of the index.
    pub count: u64,
    /// Divides by the elements of a row.
    pub row: Divisor,
    /// Every element must lie below this.
    pub n: u64,
}
