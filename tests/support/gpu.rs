//! The GPU that tests run on, and the rule for skipping: a test skips itself only on a machine that has no GPU.

use std::{
    env,
    ffi::{c_int, c_uint},
    path::Path,
    thread,
};

use lazy_cuda_driver::DriverUnavailable;
use tensorrt_scatter::gpu::Gpu;

/// The environment variable that turns a skip into a failure, where its value is 1.
const REQUIRE_GPU: &str = "TRTS_REQUIRE_GPU";

/// What the driver answers where it finds no device (`CUDA_ERROR_NO_DEVICE`).
const NO_DEVICE: c_int = 100;

/// Device files of NVIDIA's drivers: on Linux, under Windows (WSL 2), on Jetson.
const DEVICE_FILES: [&str; 3] = ["/dev/nvidiactl", "/dev/dxg", "/dev/nvmap"];

unsafe extern "C" {
    // lazy_cuda_driver defines both.
    fn cuInit(flags: c_uint) -> c_int;
    fn cuDeviceGetCount(count: *mut c_int) -> c_int;
}

/// The first GPU, or None where the machine has none; then the test counts as skipped. `test` is the name that the
/// report shows for a test that runs on the main thread; another thread has the test's name.
///
/// # Panics
/// If there is a GPU and it cannot be used. If there is no GPU and TRTS_REQUIRE_GPU is 1.
pub fn gpu_or_skip(test: &str) -> Option<Gpu> {
    let error = match Gpu::new(0) {
        Ok(gpu) => return Some(gpu),
        Err(error) => error,
    };
    let Some(absence) = absence() else { panic!("this machine has a GPU, but it cannot be used: {error}") };
    assert!(
        env::var_os(REQUIRE_GPU).is_none_or(|value| value != "1"),
        "{REQUIRE_GPU} is 1, but this machine has no GPU: {absence}"
    );
    let thread = thread::current();
    let name = thread.name().filter(|&name| name != "main").unwrap_or(test);
    println!("SKIPPED: {name}: no GPU: {absence}");
    None
}

/// Why the machine has no GPU that a test could use; None where it has one.
pub fn absence() -> Option<&'static str> {
    match lazy_cuda_driver::status() {
        Ok(()) => {}
        // The loader says the same of a libcuda.so.1 whose own libraries are missing, but names them then.
        Err(DriverUnavailable::NotLoaded { reason })
            if reason.starts_with("libcuda.so.1: cannot open shared object file") =>
        {
            return Some("there is no libcuda.so.1");
        }
        // A libcuda.so.1 that is broken is a fault of the machine, which a skip would hide.
        Err(_) => return None,
    }
    // SAFETY: cuInit takes 0.
    match unsafe { cuInit(0) } {
        0 => {
            let mut count = 0;
            // SAFETY: the pointer is to a local.
            let answer = unsafe { cuDeviceGetCount(&raw mut count) };
            (answer == 0 && count == 0).then_some("the driver finds no device")
        }
        NO_DEVICE => Some("the driver finds no device"),
        // Without device files, as in a container that was given no GPU, drivers answer various numbers.
        _ => (!DEVICE_FILES.iter().any(|file| Path::new(file).exists())).then_some("there is no device file"),
    }
}
