//! Driver functions that `cust::sys` does not declare: it stops at CUDA 11.4.

use std::ffi::{c_int, c_void};

unsafe extern "C" {
    /// Writes a number to `id` that no other context of this process has or had; a null `context`
    /// means the current one.
    ///
    /// Returns a `CUresult`: 0 on success, `CUDA_ERROR_NOT_FOUND` (500) from a driver older than
    /// CUDA 12.0, `CUDA_ERROR_NO_DEVICE` (100) without a driver.
    ///
    /// # Safety
    /// `context` is null or a live `CUcontext`; `id` is valid for a write.
    pub fn cuCtxGetId(context: *mut c_void, id: *mut u64) -> c_int;
}
