//! Shared memory.

use crate::emulate::context::current;

#[track_caller]
pub fn dynamic() -> *mut u8 {
    current(|context| context.shared().dynamic())
}

pub fn array(place: usize, bytes: usize) -> *mut u8 {
    current(|context| context.shared().array(place, bytes))
}
