//! Loads and stores, of one word or of a vector.
//!
//! They are plain accesses. If two threads access the same place without a barrier between them, and at least one of
//! them stores, that is a race. Intended races use [`atomic`](crate::atomic) on both sides.
//!
//! Every pointer is aligned to the size of the access, also for vectors.

use crate::target::memory as target;

/// A type that one load or store moves. `u16` carries the 16-bit floats.
///
/// Implemented for `u8`, `u16`, `u32`, `u64`, `i32`, `i64`, `f32` and `f64`; sealed, because each needs its own
/// instruction.
pub trait Word: Copy + target::WordAccess {}

impl<T: Copy + target::WordAccess> Word for T {}

/// A type that a vector access moves two or four of: `f32`, `u32` or `i32`. Sealed.
pub trait Lane: Word + target::LaneAccess {}

impl<T: Word + target::LaneAccess> Lane for T {}

/// Loads from global or shared memory.
///
/// # Safety
///
/// `from` is aligned and may be read, and no other thread stores there meanwhile.
#[inline(always)]
#[track_caller]
pub unsafe fn load<T: Word>(from: *const T) -> T {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load(from) }
}

/// Stores to global or shared memory.
///
/// # Safety
///
/// `to` is aligned and may be written, and no other thread loads or stores there meanwhile.
#[inline(always)]
#[track_caller]
pub unsafe fn store<T: Word>(to: *mut T, value: T) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::store(to, value) }
}

/// Loads from global memory that no thread of the grid writes, through the read-only data cache (`ld.global.nc`).
///
/// PTX demands that the memory is read-only for the duration of the kernel. With programmatic dependent launch, a
/// kernel may become resident while the kernel before it still writes memory that this one loads. That is safe if every
/// such load comes after [`wait_for_previous`](crate::grid::wait_for_previous):
///
/// - The wait returns when the kernels before have ended and their writes are visible. Nothing writes the memory from
///   then on until this kernel ends.
/// - The read-only cache is part of the first-level cache, which a load fills on demand. No load of this kernel has
///   read the memory before the wait, so the cache holds no older copy that a later load could hit. (The kernel before
///   does not load by this function what it writes itself.)
///
/// `tests/ptx.rs` checks that a kernel of sm_90 reaches no access to memory before its wait. Loads that must come
/// before the wait are [`load_relaxed`](crate::atomic::load_relaxed), which leave nothing in the first-level cache.
///
/// # Safety
///
/// `from` is aligned, may be read, and lies in global memory, which holds the same value from the kernel's wait for the
/// kernels before it to its end.
#[inline(always)]
#[track_caller]
pub unsafe fn load_readonly<T: Word>(from: *const T) -> T {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_readonly(from) }
}

/// [`load_readonly`] of memory that the grid reads once, from end to end. The load does not displace lines of the
/// caches that are used again (`ld.global.cs.nc`).
///
/// # Safety
///
/// As [`load_readonly`].
#[inline(always)]
#[track_caller]
pub unsafe fn load_streaming<T: Word>(from: *const T) -> T {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_streaming(from) }
}

/// [`load_readonly`] that prefetches: on sm_90 the second-level cache fetches the whole 256 bytes around it, which
/// neighbouring lanes read, or this lane reads next (`ld.global.nc.L2::256B`).
///
/// # Safety
///
/// As [`load_readonly`].
#[inline(always)]
#[track_caller]
pub unsafe fn load_prefetching_256<T: Word>(from: *const T) -> T {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_prefetching_256(from) }
}

/// Loads two words from global or shared memory in one instruction.
///
/// # Safety
///
/// As [`load`], for both words; `from` is aligned to 8 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_x2<T: Lane>(from: *const T) -> [T; 2] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_x2(from) }
}

/// Loads four words from global or shared memory in one instruction.
///
/// # Safety
///
/// As [`load`], for all four words; `from` is aligned to 16 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_x4<T: Lane>(from: *const T) -> [T; 4] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_x4(from) }
}

/// Stores two words to global or shared memory in one instruction.
///
/// # Safety
///
/// As [`store`], for both words; `to` is aligned to 8 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn store_x2<T: Lane>(to: *mut T, values: [T; 2]) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::store_x2(to, values) }
}

/// Stores four words to global or shared memory in one instruction.
///
/// # Safety
///
/// As [`store`], for all four words; `to` is aligned to 16 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn store_x4<T: Lane>(to: *mut T, values: [T; 4]) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::store_x4(to, values) }
}

/// [`store_x4`] to global memory that the grid writes once, from end to end. The store does not displace lines of the
/// caches that are used again (`st.global.cs.v4`).
///
/// # Safety
///
/// As [`store_x4`]; `to` is in global memory.
#[inline(always)]
#[track_caller]
pub unsafe fn store_streaming_x4<T: Lane>(to: *mut T, values: [T; 4]) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::store_streaming_x4(to, values) }
}

/// [`load_readonly`] of two words in one instruction (`ld.global.nc.v2`).
///
/// # Safety
///
/// As [`load_readonly`], for both words; `from` is aligned to 8 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_readonly_x2<T: Lane>(from: *const T) -> [T; 2] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_readonly_x2(from) }
}

/// [`load_readonly`] of four words in one instruction (`ld.global.nc.v4`).
///
/// # Safety
///
/// As [`load_readonly`], for all four words; `from` is aligned to 16 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_readonly_x4<T: Lane>(from: *const T) -> [T; 4] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_readonly_x4(from) }
}

/// [`load_streaming`] of two words in one instruction (`ld.global.cs.nc.v2`).
///
/// # Safety
///
/// As [`load_readonly`], for both words; `from` is aligned to 8 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_streaming_x2<T: Lane>(from: *const T) -> [T; 2] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_streaming_x2(from) }
}

/// [`load_streaming`] of four words in one instruction (`ld.global.cs.nc.v4`).
///
/// # Safety
///
/// As [`load_readonly`], for all four words; `from` is aligned to 16 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_streaming_x4<T: Lane>(from: *const T) -> [T; 4] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_streaming_x4(from) }
}

/// [`load_readonly_x4`] that prefetches: on sm_90 the second-level cache fetches the whole 128 bytes around it
/// (`ld.global.nc.L2::128B.v4`).
///
/// # Safety
///
/// As [`load_readonly`], for all four words; `from` is aligned to 16 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_prefetching_128_x4<T: Lane>(from: *const T) -> [T; 4] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_prefetching_128_x4(from) }
}

/// [`load_prefetching_128_x4`], but the whole 256 bytes (`ld.global.nc.L2::256B.v4`).
///
/// # Safety
///
/// As [`load_readonly`], for all four words; `from` is aligned to 16 bytes.
#[inline(always)]
#[track_caller]
pub unsafe fn load_prefetching_256_x4<T: Lane>(from: *const T) -> [T; 4] {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_prefetching_256_x4(from) }
}

/// Has the second-level cache fetch what a [`load_readonly`] will ask for later (`prefetch.global.L2`); nothing waits
/// for it.
///
/// # Safety
///
/// As [`load_readonly`].
#[inline(always)]
#[track_caller]
pub unsafe fn prefetch<T: Word>(from: *const T) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::prefetch(from) }
}
