//! What a grid does for those before and after it in its stream.

use crate::target::grid as target;

/// Whether a grid can overlap the one before it: from sm_90 on. The emulator runs what kernels do for that too.
pub const CAN_OVERLAP: bool = target::CAN_OVERLAP;

/// Waits until the grids that this one was allowed to overlap have ended, and sees all that they wrote: what a kernel does
/// before it touches memory, if the host may launch it so (`CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION`). Else,
/// and below sm_90, nothing (`griddepcontrol.wait`).
#[inline(always)]
pub fn wait_for_previous() {
    target::wait_for_previous();
}

/// Lets the blocks of the next grid come as soon as all of this grid's have said so or ended, if the host allows it, so that
/// they are there when this grid ends. Below sm_90 nothing (`griddepcontrol.launch_dependents`).
#[inline(always)]
pub fn let_next_come() {
    target::let_next_come();
}
