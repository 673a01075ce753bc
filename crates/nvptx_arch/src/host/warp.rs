//! Shuffles and votes. Nothing here needs to be unsafe: what is undefined on the GPU is a fault.

use std::panic::Location;

use crate::emulate::context::current;
use crate::emulate::exchange::{Shuffle, WarpInstruction};
use crate::emulate::rendezvous::WaitFor;
use crate::warp::ShuffleMode;

#[track_caller]
pub(super) fn execute(mask: u32, instruction: WarpInstruction) -> u32 {
    let location = Location::caller();
    current(|context| context.wait(WaitFor::Warp { mask, instruction }, location))
}

#[track_caller]
pub unsafe fn shuffle(mode: ShuffleMode, mask: u32, value: u32, lane: u32, width: u32) -> u32 {
    let shuffle = Shuffle { mode, value, lane, width };
    execute(mask, WarpInstruction::Shuffle(shuffle))
}

#[track_caller]
pub unsafe fn ballot(mask: u32, predicate: bool) -> u32 {
    execute(mask, WarpInstruction::Ballot(predicate))
}

#[track_caller]
pub unsafe fn any(mask: u32, predicate: bool) -> bool {
    execute(mask, WarpInstruction::Any(predicate)) != 0
}

#[track_caller]
pub unsafe fn all(mask: u32, predicate: bool) -> bool {
    execute(mask, WarpInstruction::All(predicate)) != 0
}

#[track_caller]
pub unsafe fn match_any(mask: u32, value: u32) -> u32 {
    execute(mask, WarpInstruction::MatchAny(value))
}

#[track_caller]
pub fn active_mask() -> u32 {
    current(|context| 1 << context.lane())
}
