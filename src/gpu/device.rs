//! Devices, streams, and the driver's answers as errors.

use std::{
    ffi::{CStr, c_int, c_void},
    mem::ManuallyDrop,
    ptr,
    sync::Arc,
};

use cust::{
    context::Context,
    device::{Device, DeviceAttribute},
    stream::StreamFlags,
    sys,
};

use super::Kernels;
use crate::Error;

/// A CUDA device with its primary context, which is kept from then on: the kernels in it are never unloaded, and the driver
/// may give a context that comes after it the same handle.
#[derive(Clone)]
pub struct Gpu {
    inner: Arc<Inner>,
}

struct Inner {
    context: ManuallyDrop<Context>,
    kernels: &'static Kernels,
    name: String,
}

impl Gpu {
    /// The device with the given number, as the driver counts them (CUDA_VISIBLE_DEVICES applies), with
    /// the kernels loaded.
    ///
    /// # Errors
    /// [`Error::NoDevice`] without a driver or without such a device; [`Error::UnsupportedDevice`] where it
    /// is too old; [`Error::Cuda`] where the driver refuses.
    pub fn new(ordinal: u32) -> Result<Self, Error> {
        if let Err(unavailable) = lazy_cuda_driver::status() {
            return Err(Error::NoDevice { reason: unavailable.to_string() });
        }
        let no_device =
            |error: cust::error::CudaError| Error::NoDevice { reason: format!("device {ordinal}: {error}") };
        cust::init(cust::CudaFlags::empty()).map_err(no_device)?;
        let device = Device::get_device(ordinal).map_err(no_device)?;
        let name = device.name().map_err(no_device)?;
        let context = ManuallyDrop::new(Context::new(device).map_err(no_device)?);
        bind(context.as_raw())?;
        let kernels = Kernels::for_current_context()?;
        Ok(Self { inner: Arc::new(Inner { context, kernels, name }) })
    }

    /// The device's name, as the driver gives it.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The bytes of device memory that nobody has taken, other processes included: what an allocation could get now.
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
    /// [`Error::Cuda`] where the driver refuses.
    pub fn bind(&self) -> Result<(), Error> {
        bind(self.inner.context.as_raw())
    }
}

fn bind(context: sys::CUcontext) -> Result<(), Error> {
    // SAFETY: the context is retained by the `Context` it was taken from.
    check(CheckedCall::Bind, unsafe { sys::cuCtxSetCurrent(context) })
}

/// Keeps the calling thread's current context as it is for whoever else uses CUDA there: whatever is made current
/// while the value lives, dropping it on the same thread makes the first one current again.
pub struct CurrentContext {
    context: sys::CUcontext,
    /// What is current belongs to a thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl CurrentContext {
    /// Remembers the context; none where there is none, or no driver.
    pub fn keep() -> Self {
        let mut context = ptr::null_mut();
        // The driver leaves null there before it is initialised, and null stands for "none".
        // SAFETY: the pointer is to a local.
        unsafe { sys::cuCtxGetCurrent(&mut context) };
        Self { context, _not_send: std::marker::PhantomData }
    }
}

impl Drop for CurrentContext {
    fn drop(&mut self) {
        // A refusal (no driver, a context destroyed meanwhile) leaves nothing better to do.
        // SAFETY: the driver checks the handle, which it gave itself.
        unsafe { sys::cuCtxSetCurrent(self.context) };
    }
}

/// A stream of a [`Gpu`]: work given to it runs in order.
pub struct Stream {
    gpu: Gpu,
    handle: sys::CUstream,
    /// Keeps the handle alive where it is ours.
    _owned: Option<cust::stream::Stream>,
}

impl Stream {
    /// A new stream that does not wait for the default stream.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn new(gpu: &Gpu) -> Result<Self, Error> {
        gpu.bind()?;
        let stream = cust::stream::Stream::new(StreamFlags::NON_BLOCKING, None)
            .map_err(|error| cuda_error(CheckedCall::NewStream, error))?;
        Ok(Self { gpu: gpu.clone(), handle: stream.as_inner(), _owned: Some(stream) })
    }

    /// A stream that somebody else made: a `CUstream` or `cudaStream_t`; null is the default stream.
    ///
    /// # Safety
    /// `handle` must be a stream of the device's primary context and outlive the value.
    pub unsafe fn from_raw(gpu: &Gpu, handle: *mut c_void) -> Self {
        Self { gpu: gpu.clone(), handle: handle.cast(), _owned: None }
    }

    /// The `CUstream`, for other libraries.
    pub fn as_raw(&self) -> *mut c_void {
        self.handle.cast()
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

/// The current context and its device's compute capability, as major * 10 + minor.
///
/// # Errors
/// [`Error::NoDevice`] without a driver or a current context.
pub(super) fn current_context() -> Result<(sys::CUcontext, u32), Error> {
    if let Err(unavailable) = lazy_cuda_driver::status() {
        return Err(Error::NoDevice { reason: unavailable.to_string() });
    }
    let mut context = ptr::null_mut();
    // SAFETY: the pointer is to a local.
    check(CheckedCall::CurrentContext, unsafe { sys::cuCtxGetCurrent(&mut context) })?;
    if context.is_null() {
        return Err(Error::NoDevice { reason: "the calling thread has no current CUDA context".to_owned() });
    }
    let device =
        cust::context::CurrentContext::get_device().map_err(|error| cuda_error(CheckedCall::CurrentContext, error))?;
    let attribute = |attribute| {
        device
            .get_attribute(attribute)
            .map_err(|error| cuda_error(CheckedCall::CurrentContext, error))
            .map(|value| value as u32)
    };
    let major = attribute(DeviceAttribute::ComputeCapabilityMajor)?;
    let minor = attribute(DeviceAttribute::ComputeCapabilityMinor)?;
    Ok((context, major * 10 + minor))
}

/// What was being done when the driver answered, for the message.
#[derive(Clone, Copy)]
pub(super) enum CheckedCall {
    Allocate,
    Bind,
    Copy,
    CurrentContext,
    Event,
    Fill,
    FreeMemory,
    Launch,
    LoadKernels,
    NewStream,
    Synchronize,
}

impl CheckedCall {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Allocate => "allocating device memory",
            Self::Bind => "making the context current",
            Self::Copy => "copying",
            Self::CurrentContext => "asking for the current context",
            Self::Event => "timing with an event",
            Self::Fill => "filling device memory",
            Self::FreeMemory => "asking for free device memory",
            Self::Launch => "launching a kernel",
            Self::LoadKernels => "loading the kernels",
            Self::NewStream => "making a stream",
            Self::Synchronize => "waiting for the stream",
        }
    }
}

/// Turns the driver's answer into a result.
pub(super) fn check(call: CheckedCall, answer: sys::CUresult) -> Result<(), Error> {
    check_code(call, answer as c_int)
}

/// The same for an answer that is not one of those that `cust` knows for sure.
pub(super) fn check_code(call: CheckedCall, answer: c_int) -> Result<(), Error> {
    if answer == sys::CUresult::CUDA_SUCCESS as c_int { Ok(()) } else { Err(driver_error(call, answer)) }
}

/// The driver's own name for what went wrong, as an error.
pub(super) fn driver_error(call: CheckedCall, answer: c_int) -> Error {
    let mut text = ptr::null();
    // SAFETY: the driver sets `text` to a static string or leaves it null.
    let known = unsafe { lazy_cuda_driver::sys::cuGetErrorName(answer, &mut text) } == 0 && !text.is_null();
    let error = if known {
        // SAFETY: as above; the driver's strings end in a NUL.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    } else {
        format!("CUDA error {answer}")
    };
    Error::Cuda { call: call.name(), error }
}

pub(super) fn cuda_error(call: CheckedCall, error: cust::error::CudaError) -> Error {
    Error::Cuda { call: call.name(), error: error.to_string() }
}
