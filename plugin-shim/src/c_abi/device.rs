//! Functions for devices, device memory and streams, for callers that have no CUDA library.

use std::ffi::{c_char, c_void};

use tensorrt_scatter::gpu::{Workspace, raw::CurrentContext};

use super::{
    status::{Failure, Status, guard},
    target::{Target, TrtsTarget, gpu},
};

/// `trts_buffer`.
pub struct TrtsBuffer(Workspace);

/// See the header.
///
/// # Safety
/// `name` must be null or valid for `size` writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_device_name(device: i32, name: *mut c_char, size: usize) -> Status {
    guard(|| {
        if name.is_null() || size == 0 {
            return Err(Failure::invalid("name is a null pointer, or has no room for a NUL"));
        }
        let _callers_context = CurrentContext::keep();
        let gpu = gpu(device)?;
        let text = &gpu.name().as_bytes()[..gpu.name().len().min(size - 1)];
        // SAFETY: the caller's promise; the text and its NUL fit.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), name, text.len());
            *name.add(text.len()) = 0;
        }
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// `buffer` and `data` must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_buffer_new(
    device: i32,
    bytes: usize,
    buffer: *mut *mut TrtsBuffer,
    data: *mut *mut c_void,
) -> Status {
    guard(|| {
        if buffer.is_null() || data.is_null() {
            return Err(Failure::invalid("buffer or data is a null pointer"));
        }
        let _callers_context = CurrentContext::keep();
        let memory = Workspace::with_bytes(&gpu(device)?, bytes)?;
        // SAFETY: the caller's promise.
        unsafe {
            *data = memory.address() as *mut c_void;
            *buffer = Box::into_raw(Box::new(TrtsBuffer(memory)));
        }
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// `buffer` must be null or come from [`trts_buffer_new`], and not have been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_buffer_free(buffer: *mut TrtsBuffer) -> Status {
    guard(|| {
        if !buffer.is_null() {
            let _callers_context = CurrentContext::keep();
            // SAFETY: the caller's promise.
            drop(unsafe { Box::from_raw(buffer) }.0);
        }
        Ok(())
    })
}

/// See the header.
///
/// # Safety
/// `target` must be null or a target as the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_synchronize(target: *const TrtsTarget) -> Status {
    guard(|| {
        // SAFETY: the caller's promise.
        match unsafe { Target::new(target)? } {
            Target::Cpu => Ok(()),
            Target::Cuda(cuda) => Ok(cuda.stream.synchronize()?),
        }
    })
}
