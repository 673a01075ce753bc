//! Where there is no driver, calls return an error value and the crate says why.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::child::{Driver, Loaded, run_where};
use cust::error::CudaError;
use cust::sys::{self, cudaError_enum as CudaResult};
use lazy_cuda_driver::{DriverUnavailable, status};

#[test]
fn a_machine_without_a_driver_has_no_device() {
    if status().is_ok() {
        println!("SKIPPED: a_machine_without_a_driver_has_no_device: this machine has a CUDA driver");
        return;
    }
    calls_say_no_device();
    let why = status().expect_err("no driver").to_string();
    for part in ["libcuda.so.1", "cannot open", "install NVIDIA's driver"] {
        assert!(why.contains(part), "{part:?} is not in {why:?}");
    }
}

#[test]
fn a_driver_that_does_not_load_is_no_driver() {
    let test = "without_driver::a_driver_that_does_not_load_is_no_driver";
    run_where(&Driver::Unloadable, &Loaded::Late, test, || {
        calls_say_no_device();
        let why = status().expect_err("the library cannot be loaded");
        assert!(matches!(why, DriverUnavailable::NotLoaded { .. }));
        let text = why.to_string();
        assert!(text.contains("a_driver_that_does_not_load_is_no_driver/libcuda.so.1"));
    });
}

#[test]
fn a_library_without_the_drivers_functions_is_no_driver() {
    let test = "without_driver::a_library_without_the_drivers_functions_is_no_driver";
    run_where(&Driver::Compiled("not_a_driver.c"), &Loaded::Late, test, || {
        calls_say_no_device();
        let why = status().expect_err("the library is no driver");
        assert!(matches!(why, DriverUnavailable::NotADriver { .. }));
        assert!(why.to_string().contains("cuInit"));
    });
}

/// What every caller sees without a driver, the first call and later ones.
fn calls_say_no_device() {
    for _ in 0..2 {
        assert!(matches!(cust::quick_init(), Err(CudaError::NoDevice)));

        let mut address = 7;
        // SAFETY: `address` outlives the call.
        let result = unsafe { sys::cuMemAlloc_v2(&raw mut address, 1) };
        assert_eq!(result, CudaResult::CUDA_ERROR_NO_DEVICE);
        assert_eq!(address, 7, "a result was written by a call that failed");

        let mut id = 7;
        // SAFETY: a null context means the current one; `id` outlives the call.
        let result = unsafe { lazy_cuda_driver::sys::cuCtxGetId(ptr::null_mut(), &raw mut id) };
        assert_eq!(result, CudaError::NoDevice as i32);
    }
    errors_have_texts();
}

fn errors_have_texts() {
    let no_device = CudaResult::CUDA_ERROR_NO_DEVICE;
    let why = status().expect_err("no driver").to_string();
    assert_eq!(text_of(sys::cuGetErrorString, no_device), why);
    assert!(CudaError::NoDevice.to_string().contains("libcuda.so.1"));
    assert_eq!(text_of(sys::cuGetErrorName, no_device), "CUDA_ERROR_NO_DEVICE");
    // cust gives every error to cuGetErrorString, and panics where that fails.
    assert!(!CudaError::IllegalAddress.to_string().is_empty());

    // SAFETY: a null pointer is refused, as the driver refuses it.
    let result = unsafe { sys::cuGetErrorString(no_device, ptr::null_mut()) };
    assert_eq!(result, CudaResult::CUDA_ERROR_INVALID_VALUE);
}

type Describe = unsafe extern "C" fn(CudaResult, *mut *const c_char) -> CudaResult;

fn text_of(describe: Describe, error: CudaResult) -> String {
    let mut text = ptr::null();
    // SAFETY: `text` outlives the call.
    let result = unsafe { describe(error, &raw mut text) };
    assert_eq!(result, CudaResult::CUDA_SUCCESS);
    // SAFETY: a call that succeeded wrote a zero-terminated string that is never freed.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().expect("UTF-8").to_owned()
}
