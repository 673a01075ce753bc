//! Scores of pairs of rows that are read through two indices.

use crate::{AxisRuns, BATCH, Divisor, NarrowDivisor};

/// The parameter of the kernels of gather_dot. `src` is [B, R, K], `other` is [B, S, K], `out` is [B, E, heads], all
/// row-major. A head has `columns` neighbouring ones of the K columns.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GatherDotParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the index that names rows of `src`.
    pub index: u64,
    /// Address of `other`.
    pub other: u64,
    /// Address of the index that names rows of `other`.
    pub other_index: u64,
    /// Address of the weights of the K columns. 0 if there are none.
    pub weight: u64,
    /// Address of `out`.
    pub out: u64,
    /// The product of the axes before the gathered one.
    pub b: u64,
    /// R, the length of the gathered axis of `src`.
    pub rows: u64,
    /// S, the length of the gathered axis of `other`.
    pub other_rows: u64,
    /// K, the values of a row.
    pub k: u64,
    /// The values of a row that belong to a head.
    pub columns: u64,
    /// The packs of a head, the last one perhaps not full. 0 if `src` or `other` has no rows: then there is nothing to
    /// read.
    pub packs: u64,
    /// The number of elements of `out`.
    pub scores: u64,
    /// The number of tiles of scores, each for a warp.
    pub tiles: u64,
    /// Divides by E, the length of both indices.
    pub by_e: Divisor,
    /// Divides by the number of heads.
    pub by_heads: Divisor,
    /// The same, for numbers below 2^31.
    pub by_heads_narrow: NarrowDivisor,
    /// The base-2 logarithm of the number of lanes that share a score.
    pub lanes_log2: u32,
    /// 1 if the weights are float32 beside a `src` of 16-bit floats, otherwise 0.
    pub weights_are_float32: u32,
    /// Always 0. It fills the space that would lie here anyway.
    pub unused: u32,
    /// Combine "add": the slope of sums below 0.
    pub negative_slope: f64,
    /// How the leading axes of the index are broadcast over those of `src`.
    pub leading: AxisRuns,
    /// How those of the other index are.
    pub other_leading: AxisRuns,
}

impl GatherDotParams {
    /// The scores that lanes take at a time where they load packs: a batch of packs, half of it of each row.
    pub const SCORES_OF_PACKS: usize = BATCH / 2;

    /// The same where they load columns. These are smaller, so more loads must be under way.
    pub const SCORES_OF_COLUMNS: usize = BATCH;

    /// The same for indices that do not advance evenly over the leading axes. A thread has no registers for more.
    pub const SCORES_OF_RUNS: usize = 1;
}
