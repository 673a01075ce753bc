//! Barriers, at which threads wait, and fences, which only order memory accesses.

use crate::target::barrier as target;

/// Waits until every thread of the block has reached this call. After it, each thread sees what the others wrote before
/// it.
///
/// Every thread of the block must reach a barrier, and all threads of a warp the same call (`bar.sync 0`).
#[inline(always)]
#[track_caller]
pub fn sync_threads() {
    target::sync_threads();
}

/// [`sync_threads`], and the number of threads of the block whose `predicate` is not 0.
#[inline(always)]
#[track_caller]
pub fn sync_threads_count(predicate: u32) -> u32 {
    target::sync_threads_count(predicate)
}

/// [`sync_threads`], and a value other than 0 if `predicate` is not 0 in every thread of the block.
#[inline(always)]
#[track_caller]
pub fn sync_threads_and(predicate: u32) -> u32 {
    target::sync_threads_and(predicate)
}

/// [`sync_threads`], and a value other than 0 if `predicate` is not 0 in at least one thread of the block.
#[inline(always)]
#[track_caller]
pub fn sync_threads_or(predicate: u32) -> u32 {
    target::sync_threads_or(predicate)
}

/// Waits until every lane of `mask` has reached this call with the same mask. After it, each lane sees what the others
/// wrote before it (`bar.warp.sync`).
///
/// # Safety
///
/// The calling lane is in `mask`, and no lane of `mask` has returned from the kernel.
#[inline(always)]
#[track_caller]
pub unsafe fn sync_warp(mask: u32) {
    // SAFETY: the caller's promise is the target's.
    unsafe { target::sync_warp(mask) }
}

/// Orders this thread's memory accesses before and after it, as the other threads of the block see them.
#[inline(always)]
pub fn fence_block() {
    target::fence_block();
}

/// Orders this thread's memory accesses before and after it, as every thread on the device sees them.
#[inline(always)]
pub fn fence_device() {
    target::fence_device();
}

/// Orders this thread's memory accesses before and after it, as every device and the host see them.
#[inline(always)]
pub fn fence_system() {
    target::fence_system();
}

/// Suspends this thread for about `nanoseconds`, at most twice that, and at most about a millisecond: for a loop that
/// waits for another thread to change something in memory.
#[inline(always)]
#[track_caller]
pub fn nanosleep(nanoseconds: u32) {
    target::nanosleep(nanoseconds);
}
