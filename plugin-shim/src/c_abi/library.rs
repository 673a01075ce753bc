//! The library itself: its version, its threads, and its plugins.

use std::ffi::{CStr, c_char};

use tensorrt_scatter::cpu;

use super::status::{Failure, Status, guard};
use crate::registration;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version has no NUL in it"),
};

/// `TRTS_ABI_VERSION`.
const ABI_VERSION: i32 = 1;

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn trts_version() -> *const c_char {
    VERSION.as_ptr()
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn trts_abi_version() -> i32 {
    ABI_VERSION
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn trts_set_threads(threads: i32) -> Status {
    guard(|| {
        let count = usize::try_from(threads)
            .map_err(|_| Failure::invalid(format!("threads is {threads}; expected 1 or more, or 0 for the default")))?;
        cpu::set_threads(count);
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn trts_threads() -> i32 {
    // There are at most 1,024.
    cpu::threads() as i32
}

/// See the header.
///
/// # Safety
/// `registered` must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_register_plugins(registered: *mut i32) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        let Some(registered) = (unsafe { registered.as_mut() }) else {
            return Err(Failure::invalid("registered is a null pointer"));
        };
        *registered = 0;
        *registered = registration::ensure_registered()?.into();
        Ok(())
    })
}
