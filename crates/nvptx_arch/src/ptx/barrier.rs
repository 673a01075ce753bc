//! Barriers and fences.

use core::arch::{asm, nvptx};

pub use super::convergent::{
    bar_warp_sync as sync_warp, barrier_and as sync_threads_and, barrier_or as sync_threads_or,
    barrier_popc as sync_threads_count,
};

#[inline(always)]
pub fn sync_threads() {
    // SAFETY: a barrier touches no memory; a block that does not come to it together hangs, which is not undefined.
    unsafe { nvptx::_syncthreads() }
}

macro_rules! fences {
    ($($name:ident = $scope:literal;)*) => {$(
        #[inline(always)]
        pub fn $name() {
            // SAFETY: only orders memory accesses. Not `nomem`: the compiler must not move accesses across it either.
            unsafe { asm!(concat!("fence.acq_rel.", $scope, ";"), options(nostack, preserves_flags)) }
        }
    )*};
}

fences! {
    fence_block = "cta";
    fence_device = "gpu";
    fence_system = "sys";
}

#[inline(always)]
pub fn nanosleep(nanoseconds: u32) {
    // SAFETY: only passes time. Not `nomem`, so that a load after it is not moved before it.
    unsafe { asm!("nanosleep.u32 {};", in(reg32) nanoseconds, options(nostack, preserves_flags)) }
}
