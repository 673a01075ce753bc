//! The TensorRT runtimes in this process. The library is not linked with TensorRT; it looks them up when it needs them.

mod logger;
mod process;
mod registry;
mod release;

use std::{ffi::c_void, ptr::NonNull};

pub(crate) use logger::{Severity, log, logger_finder_owner, set_logger_finder};
pub(crate) use process::TensorRt;
pub(crate) use registry::Registry;
pub(crate) use release::{Generation, Release, Unserved, Version};

/// A C++ object: a pointer to its first word, which points to its table of virtual functions.
pub(crate) type Object = NonNull<*const *const c_void>;

/// The function in a slot of an object's virtual function table.
///
/// # Safety
/// `object` must point to a living C++ object whose table has that slot.
unsafe fn virtual_function(object: Object, slot: usize) -> *const c_void {
    // SAFETY: the caller's promise.
    unsafe { *(*object.as_ptr()).add(slot) }
}
