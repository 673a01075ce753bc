//! The driver functions that this project calls, with every answer as a number.
//!
//! A function returns a `CUresult` as a [`c_int`]: [`SUCCESS`], or the number of an error. New drivers answer numbers
//! that no header of today lists, so the type is a number here and no enum: a Rust enum must never hold a value that is
//! not one of its variants (`cust::sys` has such an enum, which stops at CUDA 11.4).
//!
//! Each function answers [`ERROR_NO_DEVICE`] where there is no driver, and [`ERROR_NOT_FOUND`] where the driver is
//! older than the function. The names, the parameters and the numbers are those of NVIDIA's `cuda.h`.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// `CUdevice`.
pub type Device = c_int;
/// `CUcontext`.
pub type Context = *mut c_void;
/// `CUstream`.
pub type Stream = *mut c_void;
/// `CUevent`.
pub type Event = *mut c_void;
/// `CUmodule`.
pub type Module = *mut c_void;
/// `CUfunction`.
pub type Function = *mut c_void;
/// `CUdeviceptr`.
pub type DevicePointer = u64;

/// The call succeeded.
pub const SUCCESS: c_int = 0;
/// The host or the device has not enough memory.
pub const ERROR_OUT_OF_MEMORY: c_int = 2;
/// The library that was loaded is the stub of a toolkit, and no driver.
pub const ERROR_STUB_LIBRARY: c_int = 34;
/// There is no driver, or it has no device.
pub const ERROR_NO_DEVICE: c_int = 100;
/// The driver has no device of that number.
pub const ERROR_INVALID_DEVICE: c_int = 101;
/// There is no such context.
pub const ERROR_INVALID_CONTEXT: c_int = 201;
/// The driver is older than the PTX.
pub const ERROR_UNSUPPORTED_PTX_VERSION: c_int = 222;
/// The driver is older than the function.
pub const ERROR_NOT_FOUND: c_int = 500;
/// The context was destroyed, or reset.
pub const ERROR_CONTEXT_IS_DESTROYED: c_int = 709;

/// `CU_DEVICE_ATTRIBUTE_CLOCK_RATE`, in kHz.
pub const CLOCK_RATE: c_int = 13;
/// `CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT`.
pub const MULTIPROCESSOR_COUNT: c_int = 16;
/// `CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE`, in kHz.
pub const MEMORY_CLOCK_RATE: c_int = 36;
/// `CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH`, in bits.
pub const GLOBAL_MEMORY_BUS_WIDTH: c_int = 37;
/// `CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE`, in bytes.
pub const L2_CACHE_SIZE: c_int = 38;
/// `CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR`.
pub const MAX_THREADS_PER_MULTIPROCESSOR: c_int = 39;
/// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR`.
pub const COMPUTE_CAPABILITY_MAJOR: c_int = 75;
/// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR`.
pub const COMPUTE_CAPABILITY_MINOR: c_int = 76;
/// `CU_POINTER_ATTRIBUTE_BUFFER_ID`: the number of an allocation, an `unsigned long long`. No other allocation of the
/// process has it, not even a later one at the same address.
pub const POINTER_BUFFER_ID: c_int = 7;
/// `CU_STREAM_NON_BLOCKING`: the stream does not wait for the default stream.
pub const STREAM_NON_BLOCKING: c_uint = 1;
/// `CU_EVENT_DEFAULT`: the event keeps the time.
pub const EVENT_DEFAULT: c_uint = 0;
/// `CU_JIT_SPLIT_COMPILE` (CUDA 13.0 and later): the option of [`cuModuleLoadDataEx`] whose value is the number of
/// threads that compile the functions of a module; 0 is one for each processor.
pub const JIT_SPLIT_COMPILE: c_uint = 34;

// A pointer parameter is read or written as the driver's manual says. "Live" is a handle that the driver gave and that
// was not destroyed since. "Device memory" is memory of the current context.
unsafe extern "C" {
    /// Initialises the driver. `flags` is 0.
    ///
    /// # Safety
    /// None: the driver may be initialised at any time, and more than once.
    pub safe fn cuInit(flags: c_uint) -> c_int;

    /// Writes the CUDA version of the driver, as major * 1000 + minor * 10.
    ///
    /// # Safety
    /// `version` is valid for a write.
    pub fn cuDriverGetVersion(version: *mut c_int) -> c_int;

    /// Writes the name of an error, or null.
    ///
    /// # Safety
    /// `name` is valid for a write.
    pub fn cuGetErrorName(error: c_int, name: *mut *const c_char) -> c_int;

    /// Writes the description of an error, or null.
    ///
    /// # Safety
    /// `text` is valid for a write.
    pub fn cuGetErrorString(error: c_int, text: *mut *const c_char) -> c_int;

    /// Writes the number of devices.
    ///
    /// # Safety
    /// `count` is valid for a write.
    pub fn cuDeviceGetCount(count: *mut c_int) -> c_int;

    /// Writes the device of a number.
    ///
    /// # Safety
    /// `device` is valid for a write.
    pub fn cuDeviceGet(device: *mut Device, ordinal: c_int) -> c_int;

    /// Writes the device's name, with a NUL at the end.
    ///
    /// # Safety
    /// `name` is valid for `length` writes.
    pub fn cuDeviceGetName(name: *mut c_char, length: c_int, device: Device) -> c_int;

    /// Writes an attribute of a device, such as [`COMPUTE_CAPABILITY_MAJOR`].
    ///
    /// # Safety
    /// `value` is valid for a write.
    pub fn cuDeviceGetAttribute(value: *mut c_int, attribute: c_int, device: Device) -> c_int;

    /// Retains the primary context of a device, and makes it where there is none.
    ///
    /// # Safety
    /// `context` is valid for a write.
    pub fn cuDevicePrimaryCtxRetain(context: *mut Context, device: Device) -> c_int;

    /// Writes the flags of a device's primary context, and 1 where the context exists, else 0.
    ///
    /// # Safety
    /// `flags` and `active` are valid for a write.
    pub fn cuDevicePrimaryCtxGetState(device: Device, flags: *mut c_uint, active: *mut c_int) -> c_int;

    /// Destroys everything in a device's primary context.
    ///
    /// # Safety
    /// Nobody in the process uses the context, or what is in it, meanwhile or later.
    pub fn cuDevicePrimaryCtxReset_v2(device: Device) -> c_int;

    /// Makes a context the calling thread's current one; null leaves it without one.
    ///
    /// # Safety
    /// `context` is null or was given by the driver.
    pub fn cuCtxSetCurrent(context: Context) -> c_int;

    /// Writes the calling thread's current context, or null.
    ///
    /// # Safety
    /// `context` is valid for a write.
    pub fn cuCtxGetCurrent(context: *mut Context) -> c_int;

    /// Writes the device of the current context.
    ///
    /// # Safety
    /// `device` is valid for a write.
    pub fn cuCtxGetDevice(device: *mut Device) -> c_int;

    /// Writes the number of a context (CUDA 12.0 and later). No other context of the process has or had it. A null
    /// `context` means the current one.
    ///
    /// # Safety
    /// `context` is null or live; `id` is valid for a write.
    pub fn cuCtxGetId(context: Context, id: *mut u64) -> c_int;

    /// Writes the bytes of device memory that are free, and those that there are.
    ///
    /// # Safety
    /// Both pointers are valid for a write.
    pub fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> c_int;

    /// Allocates device memory. `bytes` is not 0.
    ///
    /// # Safety
    /// `address` is valid for a write.
    pub fn cuMemAlloc_v2(address: *mut DevicePointer, bytes: usize) -> c_int;

    /// Waits for the device, and frees device memory.
    ///
    /// # Safety
    /// `address` is of [`cuMemAlloc_v2`] and was not freed since; nothing uses it later.
    pub fn cuMemFree_v2(address: DevicePointer) -> c_int;

    /// Writes an attribute of a device address, such as [`POINTER_BUFFER_ID`]. Fails for an address that is in no
    /// allocation.
    ///
    /// # Safety
    /// `value` is valid for a write of what the attribute is.
    pub fn cuPointerGetAttribute(value: *mut c_void, attribute: c_int, address: DevicePointer) -> c_int;

    /// Sets `count` bytes to `value`.
    ///
    /// # Safety
    /// The bytes are device memory that nothing else uses until the stream has executed the work given to it; `stream`
    /// is live or null.
    pub fn cuMemsetD8Async(address: DevicePointer, value: u8, count: usize, stream: Stream) -> c_int;

    /// Sets `count` 32-bit words to `value`.
    ///
    /// # Safety
    /// As [`cuMemsetD8Async`]; `address` is a multiple of 4.
    pub fn cuMemsetD32Async(address: DevicePointer, value: c_uint, count: usize, stream: Stream) -> c_int;

    /// Copies from the host to the device.
    ///
    /// # Safety
    /// Both sides are memory of `bytes` bytes, valid until the stream has executed the work given to it; `stream` is
    /// live or null.
    pub fn cuMemcpyHtoDAsync_v2(to: DevicePointer, from: *const c_void, bytes: usize, stream: Stream) -> c_int;

    /// Copies from the device to the host.
    ///
    /// # Safety
    /// As [`cuMemcpyHtoDAsync_v2`].
    pub fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: DevicePointer, bytes: usize, stream: Stream) -> c_int;

    /// Makes a stream. `flags` is 0 or [`STREAM_NON_BLOCKING`]; a lower `priority` goes first, and 0 is the usual one.
    ///
    /// # Safety
    /// `stream` is valid for a write.
    pub fn cuStreamCreateWithPriority(stream: *mut Stream, flags: c_uint, priority: c_int) -> c_int;

    /// Destroys a stream, when it has done its work.
    ///
    /// # Safety
    /// `stream` is live, and nothing uses it later.
    pub fn cuStreamDestroy_v2(stream: Stream) -> c_int;

    /// Waits until a stream has done its work.
    ///
    /// # Safety
    /// `stream` is live or null.
    pub fn cuStreamSynchronize(stream: Stream) -> c_int;

    /// Makes an event. `flags` is [`EVENT_DEFAULT`], or other flags of the manual.
    ///
    /// # Safety
    /// `event` is valid for a write.
    pub fn cuEventCreate(event: *mut Event, flags: c_uint) -> c_int;

    /// Records an event behind the work given to a stream so far.
    ///
    /// # Safety
    /// Both handles are live and of one context; the stream may be null.
    pub fn cuEventRecord(event: Event, stream: Stream) -> c_int;

    /// Waits until its stream has reached an event.
    ///
    /// # Safety
    /// `event` is live.
    pub fn cuEventSynchronize(event: Event) -> c_int;

    /// Writes the milliseconds between two events.
    ///
    /// # Safety
    /// Both events are live; `milliseconds` is valid for a write.
    pub fn cuEventElapsedTime(milliseconds: *mut f32, start: Event, end: Event) -> c_int;

    /// Destroys an event.
    ///
    /// # Safety
    /// `event` is live, and nothing uses it later.
    pub fn cuEventDestroy_v2(event: Event) -> c_int;

    /// Compiles PTX, as the options say, and loads it as a module of the current context. Answers
    /// `CUDA_ERROR_INVALID_VALUE` (1) for an option that the driver does not know.
    ///
    /// # Safety
    /// `module` is valid for a write; `image` is text that ends in a NUL; `options` and `values` are valid for reads of
    /// `option_count` elements, the values being what the options take.
    pub fn cuModuleLoadDataEx(
        module: *mut Module,
        image: *const c_void,
        option_count: c_uint,
        options: *const c_uint,
        values: *const *mut c_void,
    ) -> c_int;

    /// Writes the function of a name in a module.
    ///
    /// # Safety
    /// `function` is valid for a write; `module` is live; `name` ends in a NUL.
    pub fn cuModuleGetFunction(function: *mut Function, module: Module, name: *const c_char) -> c_int;

    /// Launches a kernel.
    ///
    /// # Safety
    /// `function` is live and `stream` is live or null; `parameters` has a pointer to each parameter of the kernel;
    /// `extra` is null. The caller is responsible for what the kernel does.
    pub fn cuLaunchKernel(
        function: Function,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        shared_bytes: c_uint,
        stream: Stream,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> c_int;

    /// Launches a kernel with attributes (CUDA 11.8 and later).
    ///
    /// # Safety
    /// As [`cuLaunchKernel`]; `config` and its attributes are valid for reads.
    pub fn cuLaunchKernelEx(
        config: *const LaunchConfig,
        function: Function,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> c_int;
}

/// `CUlaunchConfig`.
#[repr(C)]
pub struct LaunchConfig {
    /// Blocks along x, y and z.
    pub grid: [c_uint; 3],
    /// Threads of a block along x, y and z.
    pub block: [c_uint; 3],
    /// Dynamic shared memory of a block, in bytes.
    pub shared_bytes: c_uint,
    /// The stream.
    pub stream: Stream,
    /// The attributes.
    pub attributes: *const LaunchAttribute,
    /// The number of attributes.
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
    /// The grid may start before the grid before it in the stream has ended
    /// (`CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION` with the value 1).
    pub const OVERLAPS_PREVIOUS: Self = Self { id: 6, _padding: 0, value: 1, _rest: [0; 15] };
}
