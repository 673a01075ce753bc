//! Shuffles and votes.

use super::convergent;
use crate::warp::{ShuffleMode, WARP_SIZE};

pub use super::convergent::{active_mask, match_any, vote_all as all, vote_any as any, vote_ballot as ballot};

/// # Safety
///
/// As [`crate::warp`] says; `width` is a power of two of at most 32.
#[inline(always)]
pub unsafe fn shuffle(mode: ShuffleMode, mask: u32, value: u32, lane: u32, width: u32) -> u32 {
    // The instruction's last operand: bits 8 to 12 name the lane bits that a shuffle may not change, bits 0 to 4 the
    // last lane it may reach.
    let segment = (WARP_SIZE - width) << 8;
    let last_lane = WARP_SIZE - 1;
    // SAFETY: the caller's promise is the intrinsic's.
    unsafe {
        match mode {
            ShuffleMode::Idx => convergent::shfl_idx(mask, value, lane, segment | last_lane),
            ShuffleMode::Up => convergent::shfl_up(mask, value, lane, segment),
            ShuffleMode::Down => convergent::shfl_down(mask, value, lane, segment | last_lane),
            ShuffleMode::Xor => convergent::shfl_xor(mask, value, lane, segment | last_lane),
        }
    }
}
