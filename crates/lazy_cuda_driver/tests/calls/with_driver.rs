//! If there is a driver, calls reach it with their arguments unchanged. The driver here is `stand_ins/libcuda.c`, on
//! any machine.

use std::ffi::c_void;
use std::ptr;
use std::sync::Barrier;

use super::child::{Driver, Loaded, run_where};
use cust::error::CudaError;
use cust::sys::{self, cudaError_enum as CudaResult};

const STAND_IN: Driver = Driver::Compiled("libcuda.c");

#[test]
fn arguments_arrive_unharmed() {
    run_where(&STAND_IN, &Loaded::Late, "with_driver::arguments_arrive_unharmed", calls_arrive);
}

#[test]
fn a_driver_that_is_loaded_already_does_not_clash() {
    let test = "with_driver::a_driver_that_is_loaded_already_does_not_clash";
    run_where(&STAND_IN, &Loaded::Preloaded, test, calls_arrive);
}

#[test]
fn first_calls_from_many_threads_reach_the_driver() {
    let test = "with_driver::first_calls_from_many_threads_reach_the_driver";
    run_where(&STAND_IN, &Loaded::Late, test, many_threads_call);
}

#[test]
fn a_function_newer_than_the_driver_is_not_found() {
    let test = "with_driver::a_function_newer_than_the_driver_is_not_found";
    run_where(&STAND_IN, &Loaded::Late, test, || {
        let mut id = 0;
        // SAFETY: a null context means the current one; `id` outlives the call.
        let result = unsafe { lazy_cuda_driver::sys::cuCtxGetId(ptr::null_mut(), &raw mut id) };
        assert_eq!(result, CudaError::NotFound as i32);
        assert_eq!(lazy_cuda_driver::status().map_err(ToString::to_string), Ok(()));
    });
}

fn many_threads_call() {
    const THREADS: i32 = 16;
    const CALLS: i32 = 1000;
    let together = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                together.wait();
                for _ in 0..CALLS {
                    assert_eq!(cust::init(cust::CudaFlags::empty()), Ok(()));
                }
            });
        }
    });
    let mut calls = 0;
    // SAFETY: `calls` outlives the call.
    let result = unsafe { sys::cuDeviceGetCount(&raw mut calls) };
    assert_eq!((result, calls), (CudaResult::CUDA_SUCCESS, THREADS * CALLS));
}

/// Each function twice: the first call looks it up, the second jumps straight to it.
fn calls_arrive() {
    for _ in 0..2 {
        // First, because the process's first call loads the driver, which overwrites registers.
        integers_and_vectors_arrive_together();
        integers_arrive_in_registers_and_on_the_stack();
        the_version_in_the_name_is_called();
        assert!(CudaError::NoDevice.to_string().contains("stand-in"));
    }
}

fn integers_arrive_in_registers_and_on_the_stack() {
    let handle = |value: usize| ptr::without_provenance_mut::<c_void>(value);
    let mut received = [0_u64; 10];
    // SAFETY: the stand-in reads no pointer but the last, which it fills with ten numbers.
    let result = unsafe {
        sys::cuLaunchKernel(
            handle(0x1111_1111_1111_1111).cast(),
            0x2222_2222,
            0x3333_3333,
            0x4444_4444,
            0x5555_5555,
            0x6666_6666,
            0x7777_7777,
            0x8888_8888,
            handle(0x9999_9999_9999_9999).cast(),
            handle(0xaaaa_aaaa_aaaa_aaaa).cast(),
            (&raw mut received).cast(),
        )
    };
    assert_eq!(result, CudaResult::CUDA_SUCCESS);
    assert_eq!(
        received,
        [
            0x1111_1111_1111_1111,
            0x2222_2222,
            0x3333_3333,
            0x4444_4444,
            0x5555_5555,
            0x6666_6666,
            0x7777_7777,
            0x8888_8888,
            0x9999_9999_9999_9999,
            0xaaaa_aaaa_aaaa_aaaa,
        ]
    );
}

fn integers_and_vectors_arrive_together() {
    #[rustfmt::skip]
    type Mixed = unsafe extern "C" fn(
        u64, u64, u64, u64, u64, u64, u64, u64,
        f64, f64, f64, f64, f64, f64, f64, f64, *mut [f64; 16],
    ) -> CudaResult;
    // SAFETY: the stand-in's function of this name has these parameters.
    let mixed: Mixed = unsafe { std::mem::transmute(sys::cuMemAdvise as *const ()) };
    let mut received = [0.0; 16];
    // SAFETY: `received` outlives the call.
    #[rustfmt::skip]
    let result = unsafe {
        mixed(
            0, 1, 2, 3, 4, 5, 6, 7,
            8.5, 9.5, 10.5, 11.5, 12.5, 13.5, 14.5, 15.5, &raw mut received,
        )
    };
    assert_eq!(result, CudaResult::CUDA_SUCCESS);
    #[rustfmt::skip]
    let sent = [
        0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0,
        8.5, 9.5, 10.5, 11.5, 12.5, 13.5, 14.5, 15.5,
    ];
    assert_eq!(received, sent);
}

fn the_version_in_the_name_is_called() {
    // More than 32 bits, which the function without a version could not take.
    const BYTES: usize = 0x1_2345_6789;
    let mut address = 0;
    // SAFETY: `address` outlives the call.
    let result = unsafe { sys::cuMemAlloc_v2(&raw mut address, BYTES) };
    assert_eq!(result, CudaResult::CUDA_SUCCESS);
    assert_eq!(address, BYTES as u64);
}
