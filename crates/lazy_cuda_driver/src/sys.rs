//! Driver functions that `cust::sys` does not declare, or whose options it does not know: it stops at CUDA 11.4.

use std::ffi::{c_char, c_int, c_uint, c_void};

unsafe extern "C" {
    /// Writes a number to `id` that no other context of this process has or had; a null `context`
    /// means the current one.
    ///
    /// Returns a `CUresult`: 0 on success, `CUDA_ERROR_NOT_FOUND` (500) from a driver older than
    /// CUDA 12.0, `CUDA_ERROR_NO_DEVICE` (100) without a driver.
    ///
    /// # Safety
    /// `context` is null or a live `CUcontext`; `id` is valid for a write.
    pub fn cuCtxGetId(context: *mut c_void, id: *mut u64) -> c_int;

    /// Sets `name` to the name of an error, or to null; `cust::sys` has it for the errors that it knows.
    ///
    /// Returns a `CUresult`: `CUDA_ERROR_INVALID_VALUE` (1) for an error that the driver does not know.
    ///
    /// # Safety
    /// `name` is valid for a write.
    pub fn cuGetErrorName(error: c_int, name: *mut *const c_char) -> c_int;

    /// Launches a kernel with attributes.
    ///
    /// Returns a `CUresult`: `CUDA_ERROR_NOT_FOUND` (500) from a driver older than CUDA 11.8, `CUDA_ERROR_NO_DEVICE`
    /// (100) without a driver.
    ///
    /// # Safety
    /// `config` and its attributes are valid for reads; `function` is a live `CUfunction`, of whose parameters
    /// `parameters` has a pointer to each; `extra` is null. What the kernel does is the caller's to answer for.
    pub fn cuLaunchKernelEx(
        config: *const LaunchConfig,
        function: *mut c_void,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> c_int;

    /// Compiles PTX, as the options say, and loads it as a module of the current context.
    ///
    /// Returns a `CUresult`: `CUDA_ERROR_INVALID_VALUE` (1) for an option that the driver does not know,
    /// `CUDA_ERROR_NO_DEVICE` (100) without a driver.
    ///
    /// # Safety
    /// `module` is valid for a write; `image` is text that ends in a NUL; `options` and `values` are valid for reads of
    /// `option_count` elements, the values being what the options take.
    pub fn cuModuleLoadDataEx(
        module: *mut *mut c_void,
        image: *const c_void,
        option_count: c_uint,
        options: *const c_uint,
        values: *const *mut c_void,
    ) -> c_int;
}

/// The option of [`cuModuleLoadDataEx`] whose value is how many threads may compile at once, each its own functions: 0 for
/// as many as there are processors (`CU_JIT_SPLIT_COMPILE`, CUDA 13.0 and later).
pub const JIT_SPLIT_COMPILE: c_uint = 34;

/// `CUlaunchConfig`.
#[repr(C)]
pub struct LaunchConfig {
    /// Blocks along x, y and z.
    pub grid: [c_uint; 3],
    /// Threads of a block along x, y and z.
    pub block: [c_uint; 3],
    /// Dynamic shared memory of a block, in bytes.
    pub shared_bytes: c_uint,
    /// A `CUstream`.
    pub stream: *mut c_void,
    /// The attributes.
    pub attributes: *const LaunchAttribute,
    /// How many there are.
    pub attribute_count: c_uint,
}

/// `CUlaunchAttribute`, of the kinds whose value is an integer.
#[repr(C)]
pub struct LaunchAttribute {
    /// A `CUlaunchAttributeID`.
    pub id: c_int,
    _padding: c_int,
    value: c_int,
    _rest: [c_int; 15],
}

impl LaunchAttribute {
    /// Lets the grid come before the one before it in its stream has ended
    /// (`CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION`, whose value is 1 for "yes").
    pub const OVERLAPS_PREVIOUS: Self = Self { id: 6, _padding: 0, value: 1, _rest: [0; 15] };
}
