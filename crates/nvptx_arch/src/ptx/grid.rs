//! Grids that overlap.

#[cfg(nvptx_sm_90)]
use core::arch::asm;

pub const CAN_OVERLAP: bool = cfg!(nvptx_sm_90);

#[inline(always)]
pub fn wait_for_previous() {
    // SAFETY: only waits. Not `nomem`: the compiler must not move accesses to before it.
    #[cfg(nvptx_sm_90)]
    unsafe {
        asm!("griddepcontrol.wait;", options(nostack, preserves_flags));
    }
}

#[inline(always)]
pub fn let_next_come() {
    // SAFETY: touches no memory of this grid.
    #[cfg(nvptx_sm_90)]
    unsafe {
        asm!("griddepcontrol.launch_dependents;", options(nostack, preserves_flags));
    }
}
