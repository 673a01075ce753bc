//! Grids that overlap: emulated ones run one after the other.

pub fn wait_for_previous() {}

pub fn let_next_come() {}
