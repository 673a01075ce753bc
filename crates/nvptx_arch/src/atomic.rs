//! Atomic read-modify-writes in global memory, and relaxed loads.
//!
//! All of them are relaxed: they order no other access. A fence does that. Their scope is the GPU: the host and other
//! devices are not included. `fetch_…` returns the old value. `reduce_…` returns nothing, so the thread does not wait
//! for memory (`red`, not `atom`).
//!
//! Every pointer is aligned to the size of what is accessed and lies in *global* memory: in shared memory these
//! instructions are undefined.

use crate::target::atomic as target;

/// Atomic addition: `f32`, `f64`, `u32`, `i32`, `u64` and `i64`; integers wrap.
pub trait AtomicAdd: Copy + target::Sealed {
    /// Adds `value` to `*to`, and returns the old value.
    ///
    /// # Safety
    ///
    /// `to` is aligned, lies in global memory, and may be read and written.
    unsafe fn fetch_add(to: *mut Self, value: Self) -> Self;

    /// Adds `value` to `*to`.
    ///
    /// # Safety
    ///
    /// As [`fetch_add`](Self::fetch_add).
    unsafe fn reduce_add(to: *mut Self, value: Self);
}

/// Atomic minimum and maximum: `u32`, `i32`, `u64` and `i64`.
pub trait AtomicMinMax: Copy + target::Sealed {
    /// Replaces `*to` by `value` if that is greater, and returns the old value.
    ///
    /// # Safety
    ///
    /// `to` is aligned, lies in global memory, and may be read and written.
    unsafe fn fetch_max(to: *mut Self, value: Self) -> Self;

    /// Replaces `*to` by `value` if that is less, and returns the old value.
    ///
    /// # Safety
    ///
    /// As [`fetch_max`](Self::fetch_max).
    unsafe fn fetch_min(to: *mut Self, value: Self) -> Self;

    /// Replaces `*to` by `value` if that is greater.
    ///
    /// # Safety
    ///
    /// As [`fetch_max`](Self::fetch_max).
    unsafe fn reduce_max(to: *mut Self, value: Self);

    /// Replaces `*to` by `value` if that is less.
    ///
    /// # Safety
    ///
    /// As [`fetch_max`](Self::fetch_max).
    unsafe fn reduce_min(to: *mut Self, value: Self);
}

/// Atomic replacement and relaxed access: `u32` and `u64`.
pub trait AtomicCas: Copy + target::Sealed {
    /// Replaces `*to` by `new` if it is `current`, and returns the old value: if that is `current`, the value was
    /// replaced.
    ///
    /// # Safety
    ///
    /// `to` is aligned, lies in global memory, and may be read and written.
    unsafe fn compare_exchange(to: *mut Self, current: Self, new: Self) -> Self;

    /// Replaces `*to` by `new`, and returns the old value.
    ///
    /// # Safety
    ///
    /// As [`compare_exchange`](Self::compare_exchange).
    unsafe fn exchange(to: *mut Self, new: Self) -> Self;

    /// Loads a value that other threads may change atomically meanwhile (`ld.relaxed.gpu`). The load leaves nothing in
    /// the first-level cache.
    ///
    /// # Safety
    ///
    /// `from` is aligned, lies in global memory, and may be read.
    unsafe fn load_relaxed(from: *const Self) -> Self;
}

/// [`AtomicCas::load_relaxed`] as a function.
///
/// # Safety
///
/// `from` is aligned, lies in global memory, and may be read.
#[inline(always)]
#[track_caller]
pub unsafe fn load_relaxed<T: AtomicCas>(from: *const T) -> T {
    // SAFETY: the caller's promise is the same.
    unsafe { T::load_relaxed(from) }
}

/// Adds four values to four neighbours: one `red.global.add.v4.f32` from sm_90 up, four `red.global.add.f32` below.
///
/// Each of the four is atomic by itself; the four together are not.
///
/// # Safety
///
/// `to` is aligned to 16 bytes, lies in global memory, and all four values may be read and written.
#[inline(always)]
#[track_caller]
pub unsafe fn reduce_add_f32x4(to: *mut f32, values: [f32; 4]) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::reduce_add_f32x4(to, values) }
}

/// Adds to a value in *shared* memory (`red.shared.add.f32`), atomically among the threads of the block.
///
/// # Safety
///
/// `to` is aligned to 4 bytes, lies in shared memory, and may be read and written.
#[inline(always)]
#[track_caller]
pub unsafe fn shared_reduce_add_f32(to: *mut f32, value: f32) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::shared_reduce_add_f32(to, value) }
}

/// Adds to a number in *shared* memory (`atom.shared.add.u32`), atomically among the threads of the block, and returns
/// the old value.
///
/// # Safety
///
/// `to` is aligned to 4 bytes, lies in shared memory, and may be read and written.
#[inline(always)]
#[track_caller]
pub unsafe fn shared_fetch_add_u32(to: *mut u32, value: u32) -> u32 {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::shared_fetch_add_u32(to, value) }
}
