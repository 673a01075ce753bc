//! Loads and stores, of one word or of a vector.
//!
//! They are plain accesses: two threads that touch the same place without a barrier between them, at least one of them
//! storing, is a race. Where that is meant, both use [`atomic`](crate::atomic).
//!
//! Every pointer is aligned to the size of what is accessed, vector included.

use crate::target::memory as target;

/// What one load or store moves. `u16` carries the 16-bit floats.
///
/// Implemented for `u8`, `u16`, `u32`, `u64`, `i32`, `i64`, `f32` and `f64`; sealed, because each needs its own instruction.
pub trait Word: Copy + target::WordAccess {}

impl<T: Copy + target::WordAccess> Word for T {}

/// What a vector access moves two or four of: `f32`, `u32` or `i32`; sealed.
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

/// Loads from global memory that no thread of the grid writes while the kernel runs, through the read-only data cache
/// (`ld.global.nc`).
///
/// # Safety
///
/// `from` is aligned, may be read, lies in global memory, and holds the same value from the kernel's start to its end.
#[inline(always)]
#[track_caller]
pub unsafe fn load_readonly<T: Word>(from: *const T) -> T {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::load_readonly(from) }
}

/// [`load_readonly`] of what the grid reads once and from end to end: it makes no room for itself in the caches at the cost
/// of what is read or written again (`ld.global.cs.nc`).
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

/// [`load_readonly`] of what neighbouring lanes, or the same one next, read on from: on sm_90 the second-level cache fetches
/// the whole 256 bytes that it lies in (`ld.global.nc.L2::256B`).
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

/// [`store_x4`] of what the grid writes once and from end to end, in global memory: it makes no room for itself in the caches at
/// the cost of what is read or written again (`st.global.cs.v4`).
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

/// [`load_readonly_x4`] of what neighbouring lanes, or the same one next, read on from: on sm_90 the second-level cache fetches
/// the whole 128 bytes that it lies in (`ld.global.nc.L2::128B.v4`).
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

/// Has the second-level cache fetch what a [`load_readonly`] will ask for later (`prefetch.global.L2`); nothing waits for it.
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
