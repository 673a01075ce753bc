//! A trampoline is a driver function's symbol: a jump to wherever its slot points.
//!
//! ```text
//! cuInit:   r = address of cuInit's slot          slot: { target, name }
//!           jump to r.target                      target is `bind_and_jump` at first
//!
//! bind_and_jump:  save every register that can hold an argument
//!                 f = bind(r)                     looks r.name up, and writes r.target
//!                 restore them, jump to f         the stack is as the caller left it
//! ```
//! An architecture's file defines `bind_and_jump`, and the assembler macro
//! `lazy_cuda_driver_function`, which makes one function's slot and trampoline. Everything is in
//! assembly because Rust cannot define a function that other crates link against and that a cdylib
//! does not export.

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::{absent, driver};

/// A function's entry in the table; the assembly files lay it out.
#[repr(C)]
pub(crate) struct Slot {
    target: AtomicPtr<c_void>,
    name: *const c_char,
}

/// Finds the function that `slot` names, or what stands in for it, and lets the slot point to it.
///
/// Threads that come here at the same time all find, and write, the same address.
pub(crate) extern "C" fn bind(slot: &Slot) -> *mut c_void {
    // SAFETY: the assembly lets `name` point to a zero-terminated string that lives as long as the
    // program.
    let name = unsafe { CStr::from_ptr(slot.name) };
    let target = match driver::find(name) {
        Ok(Some(function)) => function,
        Ok(None) => absent::in_old_driver(),
        Err(_) => absent::without_driver(name),
    };
    // Release, so that a thread that jumps to the address sees the library that was loaded there.
    slot.target.store(target, Ordering::Release);
    target
}
