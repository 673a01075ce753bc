//! Scatter.

use crate::{Divisor, IndexLayout};

/// The parameter of the kernels of scatter. `src` is [B, E, K], `out` is [B, N, K], both row-major.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ScatterParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the index. `layout` says where the index of an element lies.
    pub index: u64,
    /// Address of the tensor that the reduction starts from, shaped as `out`. 0 if there is none.
    pub base: u64,
    /// Address of `out`.
    pub out: u64,
    /// Address of `arg_out`, shaped as `out`. 0 if it is not wanted.
    pub arg_out: u64,
    /// Address of the sums or products, shaped as `out`: `out` itself, or float32 values in the workspace for
    /// 16-bit floats.
    pub accumulators: u64,
    /// Address of the counts (u64) for mean, one for each row or each element of `out`. 0 if nothing is counted.
    pub counts: u64,
    /// The number of counts: 0 if nothing is counted.
    pub count_elements: u64,
    /// Address of the best candidates (u64) of min and max, shaped as `out`.
    pub best: u64,
    /// Address of the candidates' positions (u64), shaped as `out`. 0 if `best` holds them.
    pub positions: u64,
    /// The product of the axes before the reduced one.
    pub b: u64,
    /// The length of the reduced axis of `src`.
    pub e: u64,
    /// The product of the axes after the reduced one.
    pub k: u64,
    /// The number of groups: the length of the reduced axis of `out`.
    pub n: u64,
    /// Divides by `e`.
    pub by_e: Divisor,
    /// Divides by `k`.
    pub by_k: Divisor,
    /// Divides by `n`.
    pub by_n: Divisor,
    /// How the index is broadcast over `src`.
    pub layout: IndexLayout,
    /// `scatter_sum_rows` and `scatter_mean_rows`: the number of neighbouring rows that a warp takes, below 2^32.
    pub rows_of_warp: u64,
}

/// The parameter of the kernels that add floating-point numbers in integers. Every field but `scatter` and `limb_bits`
/// is the address of a part of the workspace that is shaped as `out`. Limbs start as zeros; so do scales, if there is
/// no base.
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
    /// The bits of an element in each limb, at most [`MAX_LIMB_BITS`]. The other bits of an i64 are for carries and the
    /// sign.
    pub limb_bits: u32,
    /// Keeps the structure free of padding.
    pub unused: u32,
}

/// The most bits of an element in each of its two limbs: together 64 bits.
pub const MAX_LIMB_BITS: u32 = 32;
