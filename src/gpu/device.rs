//! Devices.

use std::{
    ffi::{CStr, c_int},
    ptr,
    sync::Arc,
};

use lazy_cuda_driver::sys;

use super::{
    Tuning, context,
    driver::{CheckedCall, check, driver_error},
    kernels::Kernels,
};
use crate::Error;

/// A CUDA device with its primary context, which the CUDA runtime and other libraries share.
///
/// The context is never released: the kernels loaded into it stay in use until the process ends. Other code may reset
/// it (`cudaDeviceReset`, numba's `cuda.close()`), which destroys everything in it. Then every use of the value fails
/// with [`Error::ContextLost`], and [`Gpu::new`] makes a new context.
#[derive(Clone)]
pub struct Gpu {
    inner: Arc<Inner>,
}

struct Inner {
    ordinal: u32,
    device: sys::Device,
    kernels: &'static Kernels,
    name: String,
}

impl Gpu {
    /// The device with the given number, as the driver counts them (CUDA_VISIBLE_DEVICES applies).
    ///
    /// # Errors
    /// [`Error::NoDevice`] without a driver or without such a device; [`Error::UnsupportedDevice`] where it
    /// is too old; [`Error::Cuda`] where the driver refuses, as for a device that another process has for itself.
    pub fn new(ordinal: u32) -> Result<Self, Error> {
        context::require_driver()?;
        match sys::cuInit(0) {
            sys::SUCCESS => {}
            sys::ERROR_NO_DEVICE => {
                return Err(Error::NoDevice { reason: "the CUDA driver finds no device".to_owned() });
            }
            sys::ERROR_STUB_LIBRARY => {
                let reason = "libcuda.so.1 is the stub of a CUDA toolkit; put the driver's before it".to_owned();
                return Err(Error::NoDevice { reason });
            }
            answer => return Err(driver_error(CheckedCall::Initialise, answer)),
        }
        let device = find(ordinal)?;
        let name = name(device)?;
        let mut context = ptr::null_mut();
        // SAFETY: the pointer is to a local.
        check(CheckedCall::Retain, unsafe { sys::cuDevicePrimaryCtxRetain(&mut context, device) })?;
        context::make_current(context)?;
        let kernels = Kernels::for_current_context()?;
        Ok(Self { inner: Arc::new(Inner { ordinal, device, kernels, name }) })
    }

    /// The device's number.
    pub fn ordinal(&self) -> u32 {
        self.inner.ordinal
    }

    /// How the kernels share out their work on this device.
    pub fn tuning(&self) -> Tuning {
        *self.inner.kernels.tuning()
    }

    /// Changes how the kernels share out their work from now on, for every stream of the device's primary context in
    /// this process. Each call allocates a few bytes that are never freed.
    pub fn set_tuning(&self, tuning: Tuning) {
        self.inner.kernels.set_tuning(tuning);
    }

    /// The device's name, as the driver gives it.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The bytes of device memory that no process uses.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn free_bytes(&self) -> Result<usize, Error> {
        self.bind()?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: both pointers are to locals.
        check(CheckedCall::FreeMemory, unsafe { sys::cuMemGetInfo_v2(&mut free, &mut total) })?;
        Ok(free)
    }

    /// The kernels in the device's primary context.
    pub fn kernels(&self) -> &'static Kernels {
        self.inner.kernels
    }

    /// Makes the device's context the calling thread's current one.
    ///
    /// # Errors
    /// [`Error::ContextLost`] where the context was reset since the value was made; [`Error::Cuda`] where the driver
    /// refuses.
    pub fn bind(&self) -> Result<(), Error> {
        let device = self.inner.ordinal;
        let (mut flags, mut is_active) = (0, 0);
        // SAFETY: both pointers are to locals.
        let answer = unsafe { sys::cuDevicePrimaryCtxGetState(self.inner.device, &mut flags, &mut is_active) };
        check(CheckedCall::Bind, answer)?;
        if is_active == 0 {
            return Err(Error::ContextLost { device });
        }
        // A context that is made after a reset has the same handle.
        let context = self.inner.kernels.context();
        match context::make_current(context).and_then(|()| context::number(context)) {
            Ok(number) if self.inner.kernels.are_of(context, number) => Ok(()),
            Ok(_) | Err(Error::Cuda { code: sys::ERROR_INVALID_CONTEXT | sys::ERROR_CONTEXT_IS_DESTROYED, .. }) => {
                Err(Error::ContextLost { device })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether both use the same context of the same device. Then streams of one may use memory of the other.
    pub(super) fn shares_context_with(&self, other: &Self) -> bool {
        ptr::eq(self.inner.kernels, other.inner.kernels)
    }
}

fn find(ordinal: u32) -> Result<sys::Device, Error> {
    let mut device = 0;
    // SAFETY: the pointer is to a local.
    let answer = unsafe { sys::cuDeviceGet(&mut device, c_int::try_from(ordinal).unwrap_or(c_int::MAX)) };
    if answer == sys::ERROR_INVALID_DEVICE {
        let mut count = 0;
        // SAFETY: the pointer is to a local.
        check(CheckedCall::FindDevice, unsafe { sys::cuDeviceGetCount(&mut count) })?;
        let reason = format!("device {ordinal} was asked for, but the driver finds {count}, counted from 0");
        return Err(Error::NoDevice { reason });
    }
    check(CheckedCall::FindDevice, answer)?;
    Ok(device)
}

fn name(device: sys::Device) -> Result<String, Error> {
    // The driver cuts a longer name.
    let mut name = [0_u8; 256];
    // SAFETY: the pointer is to a local of that length.
    check(CheckedCall::FindDevice, unsafe {
        sys::cuDeviceGetName(name.as_mut_ptr().cast(), name.len() as c_int, device)
    })?;
    Ok(CStr::from_bytes_until_nul(&name).unwrap_or_default().to_string_lossy().into_owned())
}
