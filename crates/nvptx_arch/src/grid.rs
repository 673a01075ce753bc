//! How a grid overlaps the grids before and after it in its stream (programmatic dependent launch).

use crate::target::grid as target;

/// Whether a grid can overlap the one before it: from sm_90 on. It is true on the host, so that the emulator runs the
/// code for that too.
pub const CAN_OVERLAP: bool = target::CAN_OVERLAP;

/// Waits until the grids before this one, which it may overlap, have ended and their writes are visible
/// (`griddepcontrol.wait`).
///
/// A kernel calls it before it touches memory, if the host may launch it with
/// `CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION`. Otherwise, and below sm_90, it does nothing.
#[inline(always)]
pub fn wait_for_previous() {
    target::wait_for_previous();
}

/// Allows the next grid to start as soon as every block of this grid has called this or ended, if the host launches the
/// next grid so (`griddepcontrol.launch_dependents`). Below sm_90 it does nothing.
#[inline(always)]
pub fn let_next_come() {
    target::let_next_come();
}
