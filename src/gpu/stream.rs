//! Streams.

use std::{ffi::c_void, ptr};

use lazy_cuda_driver::sys;

use super::{
    Gpu,
    driver::{CheckedCall, check},
};
use crate::Error;

/// A stream of a [`Gpu`]: work given to it runs in order.
pub struct Stream {
    gpu: Gpu,
    handle: sys::Stream,
    /// Whether dropping the value destroys the stream.
    is_owned: bool,
}

// SAFETY: the driver lets every thread use a stream, and each method makes the stream's context current first. A handle
// that means another stream on each thread stays on its thread, by the contract of `from_raw`.
unsafe impl Send for Stream {}

impl Stream {
    /// A new stream that does not wait for the default stream.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn new(gpu: &Gpu) -> Result<Self, Error> {
        gpu.bind()?;
        let mut handle = ptr::null_mut();
        // SAFETY: the pointer is to a local.
        check(CheckedCall::NewStream, unsafe {
            sys::cuStreamCreateWithPriority(&mut handle, sys::STREAM_NON_BLOCKING, 0)
        })?;
        Ok(Self { gpu: gpu.clone(), handle, is_owned: true })
    }

    /// A stream that the caller made: a `CUstream` or `cudaStream_t`; null is the default stream.
    ///
    /// # Safety
    /// `handle` must be a stream of the device's primary context and outlive the value. Where it is the per-thread
    /// default stream (`CU_STREAM_PER_THREAD`), the value must stay on the calling thread.
    pub unsafe fn from_raw(gpu: &Gpu, handle: *mut c_void) -> Self {
        Self { gpu: gpu.clone(), handle, is_owned: false }
    }

    /// The `CUstream`, for other libraries.
    pub fn as_raw(&self) -> *mut c_void {
        self.handle
    }

    /// The device the stream belongs to.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Waits until everything given to the stream is done.
    ///
    /// # Errors
    /// [`Error::Cuda`] where a step failed.
    pub fn synchronize(&self) -> Result<(), Error> {
        self.gpu.bind()?;
        // SAFETY: the handle is valid while the value lives.
        check(CheckedCall::Synchronize, unsafe { sys::cuStreamSynchronize(self.handle) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // If the context was reset, its streams are gone already.
        if self.is_owned && self.gpu.bind().is_ok() {
            // SAFETY: nobody else has the handle. The driver lets the work given to the stream end first; a failure of
            // that work shows in the calls that wait for it.
            unsafe { sys::cuStreamDestroy_v2(self.handle) };
        }
    }
}
