//! The numbers of a device from which the sizes of launches are computed.

use std::ffi::c_int;

use lazy_cuda_driver::sys;

use crate::{
    Error,
    gpu::driver::{CheckedCall, check},
};

/// The numbers of a device from which [`Tuning`](super::Tuning) is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceNumbers {
    /// Multiprocessors.
    pub multiprocessors: usize,
    /// The threads that a multiprocessor runs at once.
    pub threads_per_multiprocessor: usize,
    /// The clock of the multiprocessors, in kHz.
    pub clock_khz: usize,
    /// Bytes of the second-level cache.
    pub l2_bytes: usize,
    /// The bytes that memory reads or writes in a microsecond, by its clock and the width of its bus.
    pub memory_bytes_per_us: usize,
}

impl DeviceNumbers {
    /// An H100 SXM: the device on which most of the sizes were measured.
    pub const H100: Self = Self {
        multiprocessors: 132,
        threads_per_multiprocessor: 2048,
        clock_khz: 1_980_000,
        l2_bytes: 50 << 20,
        memory_bytes_per_us: 3_352_320,
    };

    /// The numbers of a device, as the driver gives them.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses to give a number.
    pub(in crate::gpu) fn of(device: sys::Device) -> Result<Self, Error> {
        let attribute = |attribute: c_int| {
            let mut value = 0;
            // SAFETY: the pointer is to a local.
            check(CheckedCall::CurrentContext, unsafe { sys::cuDeviceGetAttribute(&mut value, attribute, device) })?;
            Ok::<_, Error>(usize::try_from(value).unwrap_or(0))
        };
        // Memory moves data at both edges of its clock.
        let transfers_per_us = attribute(sys::MEMORY_CLOCK_RATE)? * 2 / 1000;
        Ok(Self {
            multiprocessors: attribute(sys::MULTIPROCESSOR_COUNT)?,
            threads_per_multiprocessor: attribute(sys::MAX_THREADS_PER_MULTIPROCESSOR)?,
            clock_khz: attribute(sys::CLOCK_RATE)?,
            l2_bytes: attribute(sys::L2_CACHE_SIZE)?,
            memory_bytes_per_us: transfers_per_us * attribute(sys::GLOBAL_MEMORY_BUS_WIDTH)? / 8,
        })
    }

    /// The warps that the device runs at once, if each multiprocessor runs as many threads as it can.
    pub(super) fn warps(&self) -> usize {
        self.multiprocessors * self.threads_per_multiprocessor / super::WARP_SIZE
    }
}
