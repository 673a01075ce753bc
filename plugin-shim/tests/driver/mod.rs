//! Starts processes that have the stand-in for a driver and that count allocations. [`Driver`] calls the functions of a
//! driver, which is the stand-in or NVIDIA's.

#![allow(dead_code, reason = "the tests and the bench of enqueues each use a part")]

use std::{
    ffi::{CStr, CString, c_int, c_long, c_uint, c_void},
    path::Path,
};

use driver_stand_in::{Compiled, StandIn, child, run_with_driver};

/// The folder for compiled libraries.
pub const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

/// Runs the body of the test `test`, which calls this, in a process that has the stand-in for a driver, and counts
/// allocations.
pub fn run_counting_allocations(test: &str, body: impl FnOnce(&StandIn)) {
    if child::is_of(test) {
        return run_with_driver(FOLDER, test, &[], body);
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/allocations.c");
    let counter = Compiled::library(FOLDER, &source, "liballocations.so");
    // An allocator must be there before the program starts.
    run_with_driver(FOLDER, test, &[("LD_PRELOAD", counter.path().to_str().unwrap())], body);
}

/// The number of allocations of the calling thread so far.
pub fn allocations() -> c_long {
    // SAFETY: the preloaded library has the function with this type.
    unsafe { function::<unsafe extern "C" fn() -> c_long>(libc::RTLD_DEFAULT, c"allocations_of_thread")() }
}

/// The address of a function of a library, as a function pointer of type `F`.
///
/// # Safety
/// The library must have the function with type `F`.
unsafe fn function<F: Copy>(library: *mut c_void, name: &CStr) -> F {
    assert_eq!(size_of::<F>(), size_of::<usize>());
    // SAFETY: the name ends in a NUL.
    let address = unsafe { libc::dlsym(library, name.as_ptr()) };
    assert!(!address.is_null(), "there is no function {name:?}");
    // SAFETY: the caller's promise.
    unsafe { std::mem::transmute_copy(&address) }
}

/// A driver with the primary context of its first device current on the calling thread.
pub struct Driver {
    library: *mut c_void,
    context: *mut c_void,
}

// SAFETY: the handles are only given to dlsym and the driver, which any thread may call.
unsafe impl Sync for Driver {}

impl Driver {
    /// Opens the driver of that path or name. The error says why there is no driver or no device.
    pub fn open(path: &Path) -> Result<Self, String> {
        let name = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the path ends in a NUL.
        let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        if library.is_null() {
            return Err(format!("{} cannot be loaded", path.display()));
        }
        let mut driver = Self { library, context: std::ptr::null_mut() };
        let (mut device, mut context) = (0, std::ptr::null_mut::<c_void>());
        // SAFETY: the driver's functions have these types, and the pointers are to locals.
        let answers = unsafe {
            [
                driver.function::<unsafe extern "C" fn(c_uint) -> c_int>(c"cuInit")(0),
                driver.function::<unsafe extern "C" fn(&mut c_int, c_int) -> c_int>(c"cuDeviceGet")(&mut device, 0),
                driver.function::<unsafe extern "C" fn(&mut *mut c_void, c_int) -> c_int>(c"cuDevicePrimaryCtxRetain")(
                    &mut context,
                    device,
                ),
            ]
        };
        if answers != [0; 3] {
            return Err(format!("the driver answers {answers:?}: is there a device?"));
        }
        driver.context = context;
        driver.make_current();
        Ok(driver)
    }

    /// Makes the context current on the calling thread.
    pub fn make_current(&self) {
        // SAFETY: the driver's function has this type, and the context is retained.
        let answer =
            unsafe { self.function::<unsafe extern "C" fn(*mut c_void) -> c_int>(c"cuCtxSetCurrent")(self.context) };
        assert_eq!(answer, 0);
    }

    /// Allocates `bytes` bytes of device memory, and returns their address. They are never freed.
    pub fn room(&self, bytes: usize) -> u64 {
        let mut address = 0;
        // SAFETY: the driver's function has this type, and the pointer is to a local.
        let answer = unsafe {
            self.function::<unsafe extern "C" fn(&mut u64, usize) -> c_int>(c"cuMemAlloc_v2")(
                &mut address,
                bytes.max(1),
            )
        };
        assert_eq!(answer, 0);
        address
    }

    /// Allocates device memory as [`room`](Self::room) does, and sets all its bytes to 0.
    pub fn zeros(&self, bytes: usize) -> u64 {
        let address = self.room(bytes);
        // SAFETY: the driver's function has this type, and the memory is that large.
        let answer = unsafe {
            self.function::<unsafe extern "C" fn(u64, u8, usize) -> c_int>(c"cuMemsetD8_v2")(address, 0, bytes.max(1))
        };
        assert_eq!(answer, 0);
        address
    }

    pub fn new_stream(&self) -> *mut c_void {
        /// `CU_STREAM_NON_BLOCKING`.
        const NON_BLOCKING: c_uint = 1;
        let mut stream = std::ptr::null_mut();
        // SAFETY: the driver's function has this type, and the pointer is to a local.
        let answer = unsafe {
            self.function::<unsafe extern "C" fn(&mut *mut c_void, c_uint) -> c_int>(c"cuStreamCreate")(
                &mut stream,
                NON_BLOCKING,
            )
        };
        assert_eq!(answer, 0);
        stream
    }

    /// Waits until the device has done all its work.
    pub fn synchronize(&self) {
        // SAFETY: the driver's function has this type.
        assert_eq!(unsafe { self.function::<unsafe extern "C" fn() -> c_int>(c"cuCtxSynchronize")() }, 0);
    }

    /// # Safety
    /// The driver must have the function with type `F`.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> F {
        // SAFETY: the caller's promise.
        unsafe { function(self.library, name) }
    }
}
