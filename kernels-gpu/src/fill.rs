//! Filling memory.

use kernel_params::FillParams;
use nvptx_arch::memory;

use crate::layout::for_each_position;

/// Sets u32 words to a value.
///
/// The driver's fill does the same, but a kernel may not overlap it. A kernel that follows this one may start while
/// this one ends.
#[inline(always)]
pub unsafe fn words(p: &FillParams) {
    for_each_position(p.count, |position| memory::store((p.address as *mut u32).add(position as usize), p.value));
}
