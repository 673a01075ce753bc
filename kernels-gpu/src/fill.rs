//! Filling memory.

use kernel_params::FillParams;
use nvptx_arch::memory;

use crate::layout::for_each_position;

/// Sets words to a value. The driver can do that too, but what follows it on a stream has to wait until it is told; a kernel
/// that follows this one need not.
#[inline(always)]
pub unsafe fn words(p: &FillParams) {
    for_each_position(p.count, |position| memory::store((p.address as *mut u32).add(position as usize), p.value));
}
