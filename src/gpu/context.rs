//! CUDA contexts: which one is current, and which one has a handle.

use std::{
    ffi::{c_int, c_void},
    marker::PhantomData,
    ptr,
};

use lazy_cuda_driver::sys;

use super::driver::{CheckedCall, check, driver_error};
use crate::Error;

/// Identifies a context among all contexts that the process ever has.
///
/// The handle alone does not do that: when a context is destroyed, the driver may give its handle to the next one. A
/// primary context that is reset (`cudaDeviceReset`) even always keeps its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContextKey {
    handle: sys::Context,
    identity: Identity,
}

// SAFETY: the driver lets every thread use a context's handle.
unsafe impl Send for ContextKey {}
// SAFETY: as above.
unsafe impl Sync for ContextKey {}

/// What identifies a context: no other context ever gets the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// The driver's number of the context (CUDA 12.0 and later).
    Number(u64),
    /// With an older driver, an allocation of ours in the context. It disappears with the context, and the driver never
    /// uses the number of an allocation twice.
    Allocation { address: u64, number: u64 },
}

impl ContextKey {
    /// A key for a context that has none yet. If the driver is older than CUDA 12.0, this allocates memory in the
    /// context. The context must be current.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub(super) fn new(context: sys::Context) -> Result<Self, Error> {
        let identity = match number(context)? {
            Some(number) => Identity::Number(number),
            None => {
                let mut address = 0;
                // SAFETY: the pointer is to a local.
                check(CheckedCall::Allocate, unsafe { sys::cuMemAlloc_v2(&mut address, 1) })?;
                let number =
                    allocation_number(address).map_err(|answer| driver_error(CheckedCall::CurrentContext, answer))?;
                Identity::Allocation { address, number }
            }
        };
        Ok(Self { handle: context, identity })
    }

    /// The handle.
    pub(super) fn handle(&self) -> sys::Context {
        self.handle
    }

    /// Whether `context`, whose number is `number`, is the context of this key.
    pub(super) fn is_of(&self, context: sys::Context, number: Option<u64>) -> bool {
        self.handle == context
            && match self.identity {
                Identity::Number(own) => number == Some(own),
                Identity::Allocation { address, number } => allocation_number(address) == Ok(number),
            }
    }
}

/// The driver's number of a context; None where the driver is older than CUDA 12.0.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses, as for a context that was destroyed.
pub(super) fn number(context: sys::Context) -> Result<Option<u64>, Error> {
    let mut number = 0;
    // SAFETY: the context is the current one, and the pointer is to a local.
    match unsafe { sys::cuCtxGetId(context, &mut number) } {
        sys::SUCCESS => Ok(Some(number)),
        sys::ERROR_NOT_FOUND => Ok(None),
        answer => Err(driver_error(CheckedCall::CurrentContext, answer)),
    }
}

/// The driver's number of the allocation at an address, or the driver's answer where there is no allocation.
fn allocation_number(address: u64) -> Result<u64, c_int> {
    let mut number = 0_u64;
    let value = ptr::from_mut(&mut number).cast();
    // SAFETY: the attribute is an unsigned 64-bit number, and the pointer is to one.
    match unsafe { sys::cuPointerGetAttribute(value, sys::POINTER_BUFFER_ID, address) } {
        sys::SUCCESS => Ok(number),
        answer => Err(answer),
    }
}

/// Makes a context the calling thread's current one.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub(super) fn make_current(context: sys::Context) -> Result<(), Error> {
    // SAFETY: the driver gave the handle, and checks it.
    check(CheckedCall::Bind, unsafe { sys::cuCtxSetCurrent(context) })
}

/// The calling thread's current context.
///
/// # Errors
/// [`Error::NoDevice`] without a driver or a current context; [`Error::Cuda`] where the driver refuses.
pub(super) fn current() -> Result<sys::Context, Error> {
    let mut context = ptr::null_mut();
    // SAFETY: the pointer is to a local.
    let answer = unsafe { sys::cuCtxGetCurrent(&mut context) };
    // Without a driver the call fails too. The usual case asks the driver once.
    if answer != sys::SUCCESS {
        require_driver()?;
        return Err(driver_error(CheckedCall::CurrentContext, answer));
    }
    if context.is_null() {
        return Err(Error::NoDevice { reason: "the calling thread has no current CUDA context".to_owned() });
    }
    Ok(context)
}

/// Fails where there is no driver.
///
/// # Errors
/// [`Error::NoDevice`].
pub(super) fn require_driver() -> Result<(), Error> {
    lazy_cuda_driver::status().map_err(|unavailable| Error::NoDevice { reason: unavailable.to_string() })
}

/// The device of the current context.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub(super) fn device() -> Result<sys::Device, Error> {
    let mut device = 0;
    // SAFETY: the pointer is to a local.
    check(CheckedCall::CurrentContext, unsafe { sys::cuCtxGetDevice(&mut device) })?;
    Ok(device)
}

/// The compute capability of a device, as major * 10 + minor.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub(super) fn architecture(device: sys::Device) -> Result<u32, Error> {
    let attribute = |attribute| {
        let mut value = 0;
        // SAFETY: the pointer is to a local.
        check(CheckedCall::CurrentContext, unsafe { sys::cuDeviceGetAttribute(&mut value, attribute, device) })?;
        Ok(value as u32)
    };
    Ok(attribute(sys::COMPUTE_CAPABILITY_MAJOR)? * 10 + attribute(sys::COMPUTE_CAPABILITY_MINOR)?)
}

/// Restores the calling thread's current context. Dropping the value makes the context current that was current when
/// the value was made.
pub struct CurrentContext {
    context: *mut c_void,
    /// Each thread has a current context of its own, so the value stays on its thread.
    _not_send: PhantomData<*const ()>,
}

impl CurrentContext {
    /// Remembers the current context. Where there is none, or no driver, dropping the value leaves the thread without
    /// one.
    pub fn keep() -> Self {
        let mut context = ptr::null_mut();
        // A call that fails leaves null there, which stands for "no context".
        // SAFETY: the pointer is to a local.
        unsafe { sys::cuCtxGetCurrent(&mut context) };
        Self { context, _not_send: PhantomData }
    }
}

impl Drop for CurrentContext {
    fn drop(&mut self) {
        // The driver may refuse (there is no driver, or the context was destroyed meanwhile): nothing better can be
        // done then.
        // SAFETY: the driver gave the handle, and checks it.
        unsafe { sys::cuCtxSetCurrent(self.context) };
    }
}
