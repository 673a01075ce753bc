//! The C ABI on a device, as far as the driver's answers go. The driver is a stand-in on which nothing runs, so no GPU
//! is needed; each test runs in a process of its own.

#[path = "c_abi/caller.rs"]
mod caller;
mod common;

use std::{ffi::c_void, ptr};

use caller::{CAbi, CUDA_ERROR, FLOAT32, INT32, NO_DEVICE, OK, OUT_OF_MEMORY, Options, Target, Tensor};
use driver_stand_in::{StandIn, run_with_driver};

/// The tests, each of which runs the function of its name in `in_child` in a process of its own.
macro_rules! in_processes {
    ($($test:ident)+) => {
        $(#[test]
        fn $test() {
            run_with_driver(env!("CARGO_TARGET_TMPDIR"), stringify!($test), &[], |driver| {
                in_child::$test(driver, &CAbi::load());
            });
        })+
    };
}

in_processes! {
    memory_that_runs_out_has_a_status_of_its_own
    an_answer_that_is_new_to_the_library_is_told_with_its_number
    a_reset_device_serves_the_next_call
}

/// Memory of `trts_buffer_new`: the buffer and its address.
fn buffer(abi: &CAbi, bytes: usize) -> Result<(*mut c_void, *mut c_void), i32> {
    let (mut buffer, mut data) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: both pointers are to locals.
    match unsafe { (abi.buffer_new)(0, bytes, &mut buffer, &mut data) } {
        OK => Ok((buffer, data)),
        status => Err(status),
    }
}

/// A sum of four elements in two groups, all of it in `data`, on the default stream.
fn scatter(abi: &CAbi, data: *mut c_void) -> i32 {
    let place = |offset: usize, element_type, shape: &[i64]| Tensor {
        data: data.cast::<u8>().wrapping_add(offset).cast(),
        element_type,
        rank: shape.len() as i32,
        shape: shape.as_ptr(),
        strides: ptr::null(),
    };
    let (src, index, out) = (place(0, FLOAT32, &[4]), place(16, INT32, &[4]), place(32, FLOAT32, &[2]));
    let options = Options { unchecked: 1, dim_size: 2, ..Options::INIT };
    let target =
        Target { workspace: data.cast::<u8>().wrapping_add(64).cast(), workspace_bytes: 192, ..Target::device(0) };
    // SAFETY: the tensors and the workspace lie in memory of 256 bytes, apart from each other.
    unsafe { (abi.scatter)(&src, &index, ptr::null(), &options, &out, ptr::null(), &target) }
}

mod in_child {
    use super::*;

    pub fn memory_that_runs_out_has_a_status_of_its_own(driver: &StandIn, abi: &CAbi) {
        driver.answer("cuDevicePrimaryCtxRetain", 2);
        abi.expect_failure(buffer(abi, 8).unwrap_err(), OUT_OF_MEMORY, &["CUDA_ERROR_OUT_OF_MEMORY (2)"]);
        driver.answer("cuDevicePrimaryCtxRetain", 0);
        abi.expect_failure(buffer(abi, 1 << 50).unwrap_err(), OUT_OF_MEMORY, &["1125899906842624 bytes", "device 0"]);
        let (memory, data) = buffer(abi, 256).unwrap();
        driver.answer("cuModuleLoadDataEx", 2);
        abi.expect_failure(scatter(abi, data), OUT_OF_MEMORY, &["loading the kernels"]);
        driver.answer("cuModuleLoadDataEx", 0);
        assert_eq!(scatter(abi, data), OK, "{}", abi.last_error());
        // SAFETY: the buffer is of `trts_buffer_new`.
        assert_eq!(unsafe { (abi.buffer_free)(memory) }, OK);
    }

    pub fn an_answer_that_is_new_to_the_library_is_told_with_its_number(driver: &StandIn, abi: &CAbi) {
        driver.answer("cuDevicePrimaryCtxRetain", 46);
        abi.expect_failure(buffer(abi, 8).unwrap_err(), CUDA_ERROR, &["CUDA_ERROR_DEVICE_UNAVAILABLE (46)"]);
        driver.answer("cuDevicePrimaryCtxRetain", 0);
        for number in [721, 810, 912] {
            driver.answer("cuStreamSynchronize", number);
            // SAFETY: the target is valid.
            let status = unsafe { (abi.synchronize)(&Target::device(0)) };
            abi.expect_failure(status, CUDA_ERROR, &["waiting for the stream", &number.to_string()]);
        }
        // SAFETY: the target is valid.
        let status = unsafe { (abi.synchronize)(&Target::device(7)) };
        abi.expect_failure(status, NO_DEVICE, &["device 7"]);
    }

    pub fn a_reset_device_serves_the_next_call(driver: &StandIn, abi: &CAbi) {
        let mut freed = 0;
        for is_revived in [false, true] {
            let (memory, data) = buffer(abi, 256).unwrap();
            assert_eq!(scatter(abi, data), OK, "{}", abi.last_error());
            driver.reset(0);
            // Another library of the process makes the context anew, with the same handle.
            if is_revived {
                driver.retain(0);
            }
            let (new_memory, new_data) = buffer(abi, 256).unwrap();
            assert_eq!(scatter(abi, new_data), OK, "{}", abi.last_error());
            // SAFETY: both buffers are of `trts_buffer_new`. The first one's memory went with the context.
            unsafe {
                assert_eq!((abi.buffer_free)(memory), OK);
                assert_eq!(driver.calls("cuMemFree_v2"), freed);
                assert_eq!((abi.buffer_free)(new_memory), OK);
            }
            freed += 1;
            assert_eq!(driver.calls("cuMemFree_v2"), freed);
        }
        assert_eq!(driver.bad_handles(), 0);
    }
}
