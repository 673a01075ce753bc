//! The grouping of an index.

use crate::{Divisor, GROUP_TILE, THREADS_PER_BLOCK, WARP_SIZE};

/// The parameter of the kernels of group_index: a pass of a radix sort over the elements of all rows.
///
/// The key of an element is `row * (n + 1) + group`, and its group is `n` if its index is bad. A pass sorts by a digit of
/// the key, the lowest digit first. Between the passes, an element is a word: what is left of the key, then
/// `position_bits` bits of its position in its row.
///
/// Where two passes are enough, the first one sorts by the high digit. The elements with the same high digit are a
/// bucket; the second pass sorts each bucket by the low digit.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupIndexParams {
    /// Address of what the pass reads: the index, or the words of the pass before it.
    pub from: u64,
    /// Address of the words that the pass writes. In the last pass, nothing is left of the key, so it writes perm.
    pub to: u64,
    /// Address of the counts (u64) of each digit in each share, those of a digit together. The scan makes of them how
    /// many elements with that digit are in the shares before. For buckets: the counts (u32) of each share, together.
    pub counts: u64,
    /// Address of the number of elements (u64) with each digit.
    pub totals: u64,
    /// Address of `bins` + 1 positions (u64): where the elements of each digit begin. 0 if they are not wanted. For
    /// buckets: where each bucket begins, `buckets` + 1 positions.
    pub starts: u64,
    /// Address of the index.
    pub index: u64,
    /// Address of perm.
    pub perm: u64,
    /// Address of indptr.
    pub indptr: u64,
    /// The number of rows.
    pub rows: u64,
    /// E: the number of elements of a row.
    pub e: u64,
    /// N: the number of groups.
    pub n: u64,
    /// The number of elements of all rows.
    pub count: u64,
    /// The number of shares that the elements are divided into. For buckets: more than any share's number.
    pub shares: u64,
    /// The number of elements of a share: whole group tiles.
    pub share: u64,
    /// Divides by `e`.
    pub by_e: Divisor,
    /// Divides by `n` + 1.
    pub by_entries: Divisor,
    /// The number of low bits of a word that have the position.
    pub position_bits: u32,
    /// The number of bits of a word below the digit of this pass.
    pub digit_shift: u32,
    /// The number of bits of a digit of this pass. The digit of the last pass is the rest of the key.
    pub digit_bits: u32,
    /// All bits of a digit.
    pub digit_mask: u32,
    /// The number of digits, at most 2^16.
    pub bins: u32,
    /// The number of bits of the largest digit.
    pub bin_bits: u32,
    /// The number of bits of the key that earlier passes have sorted by.
    pub done_bits: u32,
    /// The number of buckets.
    pub buckets: u32,
    /// A share of a bucket has 2^`bucket_share_bits` elements, but for the last one.
    pub bucket_share_bits: u32,
}

impl GroupIndexParams {
    /// The bytes of dynamic shared memory of the kernel that counts: a u32 for each digit.
    pub const fn count_bytes(bins: u32) -> u32 {
        bins * size_of::<u32>() as u32
    }

    /// The bytes of dynamic shared memory of the kernel that places words of `word_bytes` bytes. For each digit a u64; for
    /// each warp a u64; for each element of a tile a word and a u16; for each digit, rounded up to an even number, a u16
    /// for each warp and one for the block.
    pub const fn place_bytes(bins: u32, word_bytes: u32) -> u32 {
        let (narrow, wide) = (size_of::<u16>() as u32, size_of::<u64>() as u32);
        let warps = THREADS_PER_BLOCK / WARP_SIZE;
        let of_elements = GROUP_TILE as u32 * (word_bytes + narrow);
        (bins + warps) * wide + of_elements + bins.next_multiple_of(2) * (warps + 1) * narrow
    }
}
