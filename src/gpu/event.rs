//! Marks in a stream, to time the work between them on the device itself.

use std::{ptr, time::Duration};

use cust::sys;

use super::{
    Gpu, Stream,
    device::{CheckedCall, check},
};
use crate::Error;

/// A mark in a stream that notes the time when the stream comes to it.
pub struct Event {
    gpu: Gpu,
    handle: sys::CUevent,
}

impl Event {
    /// An event that has not been recorded.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn new(gpu: &Gpu) -> Result<Self, Error> {
        gpu.bind()?;
        let mut handle = ptr::null_mut();
        // Flags 0 are CU_EVENT_DEFAULT: the event keeps its time.
        // SAFETY: the pointer is to a local.
        check(CheckedCall::Event, unsafe { sys::cuEventCreate(&mut handle, 0) })?;
        Ok(Self { gpu: gpu.clone(), handle })
    }

    /// Puts the mark after everything given to the stream so far.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn record(&self, stream: &Stream) -> Result<(), Error> {
        self.gpu.bind()?;
        // SAFETY: both handles are valid while their owners live.
        check(CheckedCall::Event, unsafe { sys::cuEventRecord(self.handle, stream.as_raw().cast()) })
    }

    /// Waits for this mark and returns the time since an earlier one, to half a microsecond.
    ///
    /// # Errors
    /// [`Error::Cuda`] where a step before the mark failed, or a mark was never recorded.
    pub fn elapsed_since(&self, earlier: &Self) -> Result<Duration, Error> {
        self.gpu.bind()?;
        let mut milliseconds = 0.0;
        // SAFETY: both events are valid, and the pointer is to a local.
        unsafe {
            check(CheckedCall::Event, sys::cuEventSynchronize(self.handle))?;
            check(CheckedCall::Event, sys::cuEventElapsedTime(&mut milliseconds, earlier.handle, self.handle))?;
        }
        Ok(Duration::from_secs_f64(f64::from(milliseconds) / 1e3))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if self.gpu.bind().is_ok() {
            // SAFETY: nobody else has the handle. The driver's answer changes nothing any more.
            let _ = unsafe { sys::cuEventDestroy_v2(self.handle) };
        }
    }
}
