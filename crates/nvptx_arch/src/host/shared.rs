//! Shared memory.

use super::{atomic, memory};
use crate::emulate::context::current;

/// An address in shared memory.
pub type Address = *mut u8;

#[track_caller]
pub fn dynamic_address() -> Address {
    dynamic()
}

pub fn add(address: Address, bytes: u32) -> Address {
    address.wrapping_add(bytes as usize)
}

/// # Safety
///
/// As [`crate::shared::SharedPointer::load`].
#[track_caller]
pub unsafe fn load<T: Copy>(from: Address) -> T {
    // SAFETY: the caller's promise.
    unsafe { memory::load(from.cast()) }
}

/// # Safety
///
/// As [`crate::shared::SharedPointer::store`].
#[track_caller]
pub unsafe fn store<T: Copy>(to: Address, value: T) {
    // SAFETY: the caller's promise.
    unsafe { memory::store(to.cast(), value) }
}

/// # Safety
///
/// As [`crate::shared::SharedPointer::fetch_add`].
#[track_caller]
pub unsafe fn fetch_add(to: Address, value: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { atomic::shared_fetch_add_u32(to.cast(), value) }
}

#[track_caller]
pub fn dynamic() -> *mut u8 {
    current(|context| context.shared().dynamic())
}

pub fn array(place: usize, bytes: usize) -> *mut u8 {
    current(|context| context.shared().array(place, bytes))
}
