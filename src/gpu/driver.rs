//! The driver's answers as results.

use std::{
    ffi::{CStr, c_char, c_int},
    ptr,
};

use lazy_cuda_driver::sys;

use crate::Error;

/// What the driver was asked to do, for the message of an error.
#[derive(Clone, Copy)]
pub(super) enum CheckedCall {
    Allocate,
    Bind,
    Copy,
    CurrentContext,
    Event,
    FindDevice,
    Fill,
    FreeMemory,
    Initialise,
    Launch,
    LoadKernels,
    NewStream,
    Retain,
    Synchronize,
}

impl CheckedCall {
    fn name(self) -> &'static str {
        match self {
            Self::Allocate => "allocating device memory",
            Self::Bind => "making the context current",
            Self::Copy => "copying",
            Self::CurrentContext => "asking for the current context",
            Self::Event => "timing with an event",
            Self::FindDevice => "asking for the device",
            Self::Fill => "filling device memory",
            Self::FreeMemory => "asking for free device memory",
            Self::Initialise => "initialising the CUDA driver",
            Self::Launch => "launching a kernel",
            Self::LoadKernels => "loading the kernels",
            Self::NewStream => "making a stream",
            Self::Retain => "making the device's context",
            Self::Synchronize => "waiting for the stream",
        }
    }
}

/// The driver's answer as a result.
///
/// # Errors
/// [`Error::Cuda`] for every answer but success.
pub(super) fn check(call: CheckedCall, answer: c_int) -> Result<(), Error> {
    if answer == sys::SUCCESS { Ok(()) } else { Err(driver_error(call, answer)) }
}

/// An answer other than success as an error, with the driver's own name and description of it.
pub(super) fn driver_error(call: CheckedCall, answer: c_int) -> Error {
    let error = match (text(sys::cuGetErrorName, answer), text(sys::cuGetErrorString, answer)) {
        (Some(name), Some(description)) => format!("{name} ({answer}), {description}"),
        (Some(text), None) | (None, Some(text)) => format!("{text} ({answer})"),
        (None, None) => format!("the driver answered {answer}, for which it has no name"),
    };
    Error::Cuda { call: call.name(), code: answer, error }
}

/// What the driver says about an answer; None where it does not know the number.
fn text(describe: unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int, answer: c_int) -> Option<String> {
    let mut text = ptr::null();
    // SAFETY: the pointer is to a local.
    let described = unsafe { describe(answer, &mut text) } == sys::SUCCESS && !text.is_null();
    // SAFETY: the driver's texts end in a NUL and are never freed.
    described.then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
