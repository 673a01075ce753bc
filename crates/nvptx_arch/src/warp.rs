//! Exchange of values between the lanes of a warp, without memory.
//!
//! Every function waits for all lanes of its `mask`. All of them are unsafe for one reason: the calling lane must be in
//! `mask`, no lane of `mask` may have returned from the kernel, and all of them must come to the same call with the
//! same mask. The emulator reports each breach as a `Fault`.

use crate::target::warp as target;

/// The lanes of a warp, on every architecture so far.
pub const WARP_SIZE: u32 = 32;

/// Every lane of a warp.
pub const FULL_MASK: u32 = u32::MAX;

/// A value that can travel between lanes: 32 bits in one instruction, 64 bits in two.
///
/// Implemented for `u32`, `i32`, `f32`, `u64`, `i64` and `f64`; sealed, because a lane's register is no place for
/// anything with padding.
pub trait Shuffle: Copy + words::Words {}

impl<T: Copy + words::Words> Shuffle for T {}

/// Which lane a shuffle reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShuffleMode {
    Idx,
    Up,
    Down,
    Xor,
}

mod words {
    /// The 32-bit registers that a value fills.
    pub trait Words: Sized {
        /// Whether the value fills two registers; one otherwise.
        const PAIR: bool;
        /// The registers, the low one first; the second is 0 and ignored where there is only one.
        fn into_words(self) -> [u32; 2];
        /// The value whose registers these are.
        fn from_words(words: [u32; 2]) -> Self;
    }

    macro_rules! words {
        (32: $($word:ty)*; 64: $($pair:ty)*) => {
            $(impl Words for $word {
                const PAIR: bool = false;
                #[inline(always)]
                fn into_words(self) -> [u32; 2] {
                    [u32::from_ne_bytes(self.to_ne_bytes()), 0]
                }
                #[inline(always)]
                fn from_words([word, _]: [u32; 2]) -> Self {
                    Self::from_ne_bytes(word.to_ne_bytes())
                }
            })*
            $(impl Words for $pair {
                const PAIR: bool = true;
                #[inline(always)]
                fn into_words(self) -> [u32; 2] {
                    let bits = u64::from_ne_bytes(self.to_ne_bytes());
                    [bits as u32, (bits >> u32::BITS) as u32]
                }
                #[inline(always)]
                fn from_words([low, high]: [u32; 2]) -> Self {
                    Self::from_ne_bytes((u64::from(high) << u32::BITS | u64::from(low)).to_ne_bytes())
                }
            })*
        };
    }

    words!(32: u32 i32 f32; 64: u64 i64 f64);
}

/// Shuffles the registers of `value`.
///
/// # Safety
///
/// As the [module](self) says.
#[inline(always)]
#[track_caller]
unsafe fn shuffle<T: Shuffle>(mode: ShuffleMode, mask: u32, value: T, lane: u32, width: u32) -> T {
    let [low, high] = value.into_words();
    // SAFETY: the caller's promise is the target's.
    let low = unsafe { target::shuffle(mode, mask, low, lane, width) };
    let high = if T::PAIR {
        // SAFETY: the caller's promise is the target's.
        unsafe { target::shuffle(mode, mask, high, lane, width) }
    } else {
        high
    };
    T::from_words([low, high])
}

/// The `value` of lane `lane % width` of this lane's segment of `width` lanes.
///
/// # Safety
///
/// As the [module](self) says; `width` is a power of two of at most 32.
#[inline(always)]
#[track_caller]
pub unsafe fn shuffle_idx<T: Shuffle>(mask: u32, value: T, lane: u32, width: u32) -> T {
    // SAFETY: the caller's promise is the same.
    unsafe { shuffle(ShuffleMode::Idx, mask, value, lane, width) }
}

/// The `value` of the lane `delta` below in this lane's segment of `width` lanes; its own where there is none.
///
/// # Safety
///
/// As the [module](self) says; `width` is a power of two of at most 32, and `delta` is below 32.
#[inline(always)]
#[track_caller]
pub unsafe fn shuffle_up<T: Shuffle>(mask: u32, value: T, delta: u32, width: u32) -> T {
    // SAFETY: the caller's promise is the same.
    unsafe { shuffle(ShuffleMode::Up, mask, value, delta, width) }
}

/// The `value` of the lane `delta` above in this lane's segment of `width` lanes; its own where there is none.
///
/// # Safety
///
/// As the [module](self) says; `width` is a power of two of at most 32, and `delta` is below 32.
#[inline(always)]
#[track_caller]
pub unsafe fn shuffle_down<T: Shuffle>(mask: u32, value: T, delta: u32, width: u32) -> T {
    // SAFETY: the caller's promise is the same.
    unsafe { shuffle(ShuffleMode::Down, mask, value, delta, width) }
}

/// The `value` of the lane whose index differs from this lane's in the bits of `lane_mask`.
///
/// A lane above this lane's segment of `width` lanes is not reached: the result is then this lane's own value.
///
/// # Safety
///
/// As the [module](self) says; `width` is a power of two of at most 32, and `lane_mask` is below 32.
#[inline(always)]
#[track_caller]
pub unsafe fn shuffle_xor<T: Shuffle>(mask: u32, value: T, lane_mask: u32, width: u32) -> T {
    // SAFETY: the caller's promise is the same.
    unsafe { shuffle(ShuffleMode::Xor, mask, value, lane_mask, width) }
}

/// The lanes of `mask` whose `predicate` holds, as bits.
///
/// # Safety
///
/// As the [module](self) says.
#[inline(always)]
#[track_caller]
pub unsafe fn ballot(mask: u32, predicate: bool) -> u32 {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::ballot(mask, predicate) }
}

/// Whether `predicate` holds in at least one lane of `mask`.
///
/// # Safety
///
/// As the [module](self) says.
#[inline(always)]
#[track_caller]
pub unsafe fn any(mask: u32, predicate: bool) -> bool {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::any(mask, predicate) }
}

/// Whether `predicate` holds in every lane of `mask`.
///
/// # Safety
///
/// As the [module](self) says.
#[inline(always)]
#[track_caller]
pub unsafe fn all(mask: u32, predicate: bool) -> bool {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::all(mask, predicate) }
}

/// The lanes of `mask` whose `value` equals this lane's, as bits.
///
/// # Safety
///
/// As the [module](self) says.
#[inline(always)]
#[track_caller]
pub unsafe fn match_any(mask: u32, value: u32) -> u32 {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::match_any(mask, value) }
}

/// The lanes that execute this instruction together with this one, as bits.
///
/// A hint and no more: which lanes run together is the hardware's choice. The emulator answers with this lane alone,
/// which is always allowed.
#[inline(always)]
#[must_use]
pub fn active_mask() -> u32 {
    target::active_mask()
}
