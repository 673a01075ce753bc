//! Neighbouring columns of a row, in registers: loads and stores.

use kernel_params::PACK_BYTES;
use nvptx_arch::memory;

use crate::element::Scalar;

/// How a lane loads a pack of `src`.
pub trait Load {
    /// Loads 16 bytes that the kernel does not write. `from` is aligned to 16 bytes.
    unsafe fn load(from: *const u32) -> [u32; 4];
}

/// Leaves the line in the caches, where other segments may find it.
pub struct Kept;

impl Load for Kept {
    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 4] {
        memory::load_readonly_x4(from)
    }
}

/// Streams: the load leaves the other lines of the caches where they are.
pub struct Streamed;

impl Load for Streamed {
    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 4] {
        memory::load_streaming_x4(from)
    }
}

/// Prefetches the cache line (128 bytes) that the pack lies in.
pub struct Line;

impl Load for Line {
    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 4] {
        memory::load_prefetching_128_x4(from)
    }
}

/// Prefetches two cache lines (256 bytes).
pub struct LinePair;

impl Load for LinePair {
    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 4] {
        memory::load_prefetching_256_x4(from)
    }
}

/// Loads neighbouring values that the kernel does not write: one value, or a pack by one instruction.
#[inline(always)]
pub unsafe fn load_readonly_columns<T: Scalar, L: Load, const COLUMNS: usize>(from: *const T) -> [T; COLUMNS] {
    if COLUMNS == 1 {
        [T::load_readonly(from); COLUMNS]
    } else {
        from_words(L::load(from.cast()))
    }
}

/// Loads neighbouring values that this thread may overwrite later.
#[inline(always)]
pub unsafe fn load_columns<T: Scalar, const COLUMNS: usize>(from: *const T) -> [T; COLUMNS] {
    if COLUMNS == 1 {
        [T::load(from); COLUMNS]
    } else {
        from_words(memory::load_x4(from.cast()))
    }
}

/// Stores neighbouring values: one value, or a pack by one instruction.
#[inline(always)]
pub unsafe fn store_columns<T: Scalar, const COLUMNS: usize>(to: *mut T, values: [T; COLUMNS]) {
    if COLUMNS == 1 {
        T::store(to, values[0]);
    } else {
        memory::store_x4(to.cast(), into_words(values));
    }
}

/// The bytes of the values of a pack.
#[inline(always)]
unsafe fn into_words<T: Scalar, const COLUMNS: usize>(values: [T; COLUMNS]) -> [u32; 4] {
    const { assert!(COLUMNS == 1 || size_of::<[T; COLUMNS]>() == PACK_BYTES, "the columns fill a pack") };
    core::mem::transmute_copy(&values)
}

/// The values of a pack, from its bytes.
#[inline(always)]
unsafe fn from_words<T: Scalar, const COLUMNS: usize>(words: [u32; 4]) -> [T; COLUMNS] {
    const { assert!(COLUMNS == 1 || size_of::<[T; COLUMNS]>() == PACK_BYTES, "the columns fill a pack") };
    core::mem::transmute_copy(&words)
}
