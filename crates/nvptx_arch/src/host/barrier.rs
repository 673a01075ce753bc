//! Barriers and fences.

use std::panic::Location;

use crate::emulate::context::current;
use crate::emulate::exchange::{BarrierKind, WarpInstruction};
use crate::emulate::rendezvous::WaitFor;

#[track_caller]
fn barrier(kind: BarrierKind, predicate: bool) -> u32 {
    let location = Location::caller();
    current(|context| context.wait(WaitFor::Barrier { kind, predicate }, location))
}

#[track_caller]
pub fn sync_threads() {
    barrier(BarrierKind::Plain, false);
}

#[track_caller]
pub fn sync_threads_count(predicate: u32) -> u32 {
    barrier(BarrierKind::Count, predicate != 0)
}

#[track_caller]
pub fn sync_threads_and(predicate: u32) -> u32 {
    barrier(BarrierKind::And, predicate != 0)
}

#[track_caller]
pub fn sync_threads_or(predicate: u32) -> u32 {
    barrier(BarrierKind::Or, predicate != 0)
}

/// # Safety
///
/// None: what is undefined on the GPU is a fault here.
#[track_caller]
pub unsafe fn sync_warp(mask: u32) {
    super::warp::execute(mask, WarpInstruction::Sync);
}

/// Nothing to do: one thread runs at a time, and the next one sees all that it wrote.
pub fn fence_block() {}

/// As [`fence_block`].
pub fn fence_device() {}

/// As [`fence_block`].
pub fn fence_system() {}

/// The time does not matter: the other threads get their turns first.
#[track_caller]
pub fn nanosleep(_nanoseconds: u32) {
    let location = Location::caller();
    current(|context| context.pause("nanosleep", location));
}
