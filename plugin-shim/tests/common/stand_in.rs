//! The stand-in driver and the counter of allocations of `tests/stand_in`, and a driver's functions, its own or
//! NVIDIA's.

use std::{
    env,
    ffi::{CStr, CString, c_int, c_long, c_uint, c_void},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Compiles a file of `tests/stand_in` to a library of that name in a folder of its own, and returns the library's
/// path.
pub fn compile(source: &str, library: &str) -> PathBuf {
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    // Tests run at the same time, those of other programs too.
    let (process, folder) = (std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stand_in_{process}_{folder}"));
    std::fs::create_dir_all(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in").join(source);
    let library_path = folder.join(library);
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread"])
        .arg(format!("-Wl,-soname,{library}"))
        .arg("-o")
        .args([&library_path, &source])
        .status()
        .unwrap_or_else(|error| panic!("starting {}: {error}", compiler.display()));
    assert!(status.success(), "compiling {}: {status}", source.display());
    library_path
}

/// The name by which every program finds the driver.
pub const DRIVER: &str = "libcuda.so.1";

/// Names the environment variable of the processes that [`run_with_stand_ins`] starts.
const IS_CHILD: &str = "TRTS_STAND_IN_CHILD";

/// Runs an ignored test of this program in a process that has the stand-in for a driver, and counts allocations.
pub fn run_with_stand_ins(test: &str) {
    let driver = compile("libcuda.c", DRIVER);
    let counter = compile("allocations.c", "liballocations.so");
    let output = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .env(IS_CHILD, "1")
        // Both before the program starts: an allocator must be there first, and a driver that is there already is the
        // one that is found.
        .env("LD_PRELOAD", env::join_paths([&counter, &driver]).unwrap())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let has_passed = output.status.success() && stdout.contains("1 passed");
    assert!(has_passed, "{test} in its process: {}\n{stdout}\n{stderr}", output.status);
    for library in [driver, counter] {
        std::fs::remove_dir_all(library.parent().unwrap()).unwrap();
    }
}

/// Whether this process was started by [`run_with_stand_ins`]. `cargo test -- --ignored` runs its tests outside one
/// too.
pub fn is_child(test: &str) -> bool {
    let is_child = env::var_os(IS_CHILD).is_some();
    if !is_child {
        super::skipped(test, "runs in a process that another test starts");
    }
    is_child
}

/// How much the calling thread has allocated so far.
pub fn allocations() -> c_long {
    // SAFETY: the preloaded library has the function with this type.
    unsafe { function::<unsafe extern "C" fn() -> c_long>(libc::RTLD_DEFAULT, c"allocations_of_thread")() }
}

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
    /// The process's driver, or the one of that path; why there is none, or no device.
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

    /// Device memory that is never freed, all zeros.
    pub fn zeros(&self, bytes: usize) -> u64 {
        let mut address = 0;
        // SAFETY: the driver's functions have these types, and the memory is that large.
        unsafe {
            let allocate = self.function::<unsafe extern "C" fn(&mut u64, usize) -> c_int>(c"cuMemAlloc_v2");
            assert_eq!(allocate(&mut address, bytes.max(1)), 0);
            let set = self.function::<unsafe extern "C" fn(u64, u8, usize) -> c_int>(c"cuMemsetD8_v2");
            assert_eq!(set(address, 0, bytes.max(1)), 0);
        }
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

    /// Waits until the device has done everything.
    pub fn synchronize(&self) {
        // SAFETY: the driver's function has this type.
        assert_eq!(unsafe { self.function::<unsafe extern "C" fn() -> c_int>(c"cuCtxSynchronize")() }, 0);
    }

    /// How many launches, fills and copies the stand-in was given.
    pub fn launches(&self) -> c_long {
        // SAFETY: the stand-in has the function with this type.
        unsafe { self.function::<unsafe extern "C" fn() -> c_long>(c"stand_in_launches")() }
    }

    /// How many blocks the kernels have that the stand-in was given to launch.
    pub fn blocks(&self) -> c_long {
        // SAFETY: the stand-in has the function with this type.
        unsafe { self.function::<unsafe extern "C" fn() -> c_long>(c"stand_in_blocks")() }
    }

    /// How many modules the stand-in was given to compile.
    pub fn compilations(&self) -> c_long {
        // SAFETY: the stand-in has the function with this type.
        unsafe { self.function::<unsafe extern "C" fn() -> c_long>(c"stand_in_compilations")() }
    }

    /// Has the stand-in's compilations wait, or go on.
    pub fn stop_compiler(&self, stop: bool) {
        let name = if stop { c"stand_in_stop_compiler" } else { c"stand_in_resume_compiler" };
        // SAFETY: the stand-in has the functions with this type.
        unsafe { self.function::<unsafe extern "C" fn()>(name)() };
    }

    /// # Safety
    /// The driver must have the function with type `F`.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> F {
        // SAFETY: the caller's promise.
        unsafe { function(self.library, name) }
    }
}
