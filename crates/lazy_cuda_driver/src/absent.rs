//! What is called instead of driver functions that are missing.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::OnceLock;

use crate::driver::{self, DriverUnavailable};

/// A `CUresult` as it crosses the C ABI. The values below are those of NVIDIA's cuda.h.
type CuResult = c_int;

const CUDA_SUCCESS: CuResult = 0;
const CUDA_ERROR_INVALID_VALUE: CuResult = 1;
const CUDA_ERROR_NO_DEVICE: CuResult = 100;
/// Documented for "driver function names" among other symbols, and what `cuGetProcAddress` answers
/// for a function that the driver does not have.
const CUDA_ERROR_NOT_FOUND: CuResult = 500;

/// The function to call in place of `name` when there is no driver.
pub(crate) fn without_driver(name: &CStr) -> *mut c_void {
    if name == c"cuGetErrorName" {
        error_name as *mut c_void
    } else if name == c"cuGetErrorString" {
        error_string as *mut c_void
    } else {
        no_device as *mut c_void
    }
}

/// The function to call in place of one that the driver is too old to have.
pub(crate) fn in_old_driver() -> *mut c_void {
    not_found as *mut c_void
}

// These two stand in for functions of any parameters: in the C ABI of x86-64 and aarch64 Linux the
// caller passes and removes the arguments, so a function that takes none may be called with some.
// Results that the caller would read through its arguments stay as they were, as they do when the
// driver itself fails.

extern "C" fn no_device() -> CuResult {
    CUDA_ERROR_NO_DEVICE
}

extern "C" fn not_found() -> CuResult {
    CUDA_ERROR_NOT_FOUND
}

extern "C" fn error_name(error: CuResult, name: *mut *const c_char) -> CuResult {
    let text = match error {
        CUDA_SUCCESS => c"CUDA_SUCCESS",
        CUDA_ERROR_NO_DEVICE => c"CUDA_ERROR_NO_DEVICE",
        _ => c"unrecognized error code",
    };
    // SAFETY: the caller's pointer is null or writable, as for the driver's own function.
    unsafe { write_text(text, name) }
}

extern "C" fn error_string(error: CuResult, string: *mut *const c_char) -> CuResult {
    let text = match error {
        CUDA_SUCCESS => c"no error",
        CUDA_ERROR_NO_DEVICE => why_no_device(),
        _ => c"no CUDA driver is loaded that could describe this error code",
    };
    // SAFETY: the caller's pointer is null or writable, as for the driver's own function.
    unsafe { write_text(text, string) }
}

/// Succeeds for every error code, unlike the driver's functions: cust's `Display` of an error
/// fails, and so `to_string` panics, where this fails.
///
/// # Safety
/// `out` is null or valid for a write.
unsafe fn write_text(text: &'static CStr, out: *mut *const c_char) -> CuResult {
    if out.is_null() {
        return CUDA_ERROR_INVALID_VALUE;
    }
    // SAFETY: not null, and valid for a write by this function's contract.
    unsafe { out.write(text.as_ptr()) };
    CUDA_SUCCESS
}

fn why_no_device() -> &'static CStr {
    static WHY: OnceLock<CString> = OnceLock::new();
    WHY.get_or_init(|| {
        let why = driver::status().err().map_or_else(String::new, DriverUnavailable::to_string);
        CString::new(why).unwrap_or_else(|_| c"no CUDA driver".to_owned())
    })
}
