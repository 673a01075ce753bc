//! Filling memory.

use kernel_params::FillParams;
use nvptx_arch::memory;

use crate::items::Threads;

/// Sets u32 words to a value.
///
/// The driver's fill does the same, but a kernel may not overlap it. A kernel that follows this one may start while
/// this one ends.
#[inline(always)]
pub unsafe fn words(p: &FillParams, threads: Threads) {
    threads.for_each(p.count, |position| memory::store((p.address as *mut u32).add(position as usize), p.value));
}
