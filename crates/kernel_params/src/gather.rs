//! Gathers.

use crate::{AxisRuns, Divisor, NarrowDivisor};

/// The parameter of the gathers. `src` is [B, S, words], `out` is [B, E, words], both row-major. The name of a kernel
/// ends in the bytes of its words.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GatherParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the index or indptr.
    pub index: u64,
    /// Address of `out`.
    pub out: u64,
    /// The product of the axes before the gathered one.
    pub b: u64,
    /// The length of the gathered axis of `src`.
    pub s: u64,
    /// The length of the gathered axis of `out`.
    pub e: u64,
    /// Divides by `e`.
    pub by_e: Divisor,
    /// The number of words of a row.
    pub words: u64,
    /// Divides by `words`.
    pub by_words: Divisor,
    /// Divides by `words`, if `out` has fewer than 2^31 words.
    pub by_words_narrow: NarrowDivisor,
    /// gather_csr: the number of row tiles that a warp takes one after the other. 1 if several warps share a tile.
    pub tiles: u64,
    /// gather_csr: the number of groups of `tiles` tiles.
    pub groups_of_tiles: u64,
    /// gather_csr: divides by the number of warps that share the words of a tile.
    pub parts: Divisor,
    /// gather_coo of single words: how many warps ahead a warp fetches its part of the index.
    pub prefetch_warps: u64,
    /// How far the index or indptr moves over the leading axes.
    pub leading: AxisRuns,
}
