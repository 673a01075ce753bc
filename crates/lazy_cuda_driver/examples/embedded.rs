//! A shared library that calls the CUDA driver through cust, as a plugin does. Where there is no
//! driver, the library still loads, and its functions return the driver's error values.

/// Starts the driver; returns the `CUresult`: 0, or 100 (`CUDA_ERROR_NO_DEVICE`) where there is no
/// driver or no device.
#[unsafe(no_mangle)]
pub extern "C" fn embedded_start() -> u32 {
    cust::init(cust::CudaFlags::empty()).map_or_else(|error| error as u32, |()| 0)
}

/// Whether the driver could be loaded: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn embedded_driver_is_loaded() -> u32 {
    u32::from(lazy_cuda_driver::status().is_ok())
}
