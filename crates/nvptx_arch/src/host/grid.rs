//! Grids that overlap: emulated ones run one after the other.

pub const CAN_OVERLAP: bool = true;

pub fn wait_for_previous() {}

pub fn let_next_come() {}
