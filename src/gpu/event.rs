//! Marks in a stream, to time the work between them on the device itself.

use std::{ptr, time::Duration};

use lazy_cuda_driver::sys;

use super::{
    Gpu, Stream,
    driver::{CheckedCall, check},
};
use crate::Error;

/// A mark in a stream. It records the time at which the stream reaches it.
pub struct Event {
    gpu: Gpu,
    handle: sys::Event,
}

// SAFETY: the driver lets every thread use an event, and each method makes the event's context current first.
unsafe impl Send for Event {}

impl Event {
    /// An event that has not been recorded.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn new(gpu: &Gpu) -> Result<Self, Error> {
        gpu.bind()?;
        let mut handle = ptr::null_mut();
        // SAFETY: the pointer is to a local.
        check(CheckedCall::Event, unsafe { sys::cuEventCreate(&mut handle, sys::EVENT_DEFAULT) })?;
        Ok(Self { gpu: gpu.clone(), handle })
    }

    /// Puts the mark after the work given to the stream so far.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn record(&self, stream: &Stream) -> Result<(), Error> {
        self.gpu.bind()?;
        // SAFETY: both handles are valid while their owners live.
        check(CheckedCall::Event, unsafe { sys::cuEventRecord(self.handle, stream.as_raw()) })
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
            // SAFETY: nobody else has the handle. Nothing depends on the driver's answer.
            unsafe { sys::cuEventDestroy_v2(self.handle) };
        }
    }
}
