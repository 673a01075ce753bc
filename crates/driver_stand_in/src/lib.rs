//! A CUDA driver without a device, for tests, and a way to run a test in a process of its own.
//!
//! Each test that uses the stand-in runs in a process of its own, because a process looks for its driver only once.
//! [`run_with_driver`] starts a process that finds `libcuda.c` as libcuda.so.1, whether the machine has a driver or
//! not. In that process, [`StandIn`] sets the driver's answers and counts its calls.

pub mod child;

use std::{
    env,
    ffi::{CString, c_char, c_int, c_long},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};

/// The name by which every program finds the driver.
pub const DRIVER: &str = "libcuda.so.1";

/// Runs the body of the test `test`, which calls this, in a process that has the stand-in for a driver. `folder` is the
/// test's `env!("CARGO_TARGET_TMPDIR")`; `environment` is set in that process.
///
/// # Panics
/// Where the body panics, or no test has that name.
pub fn run_with_driver(folder: &str, test: &str, environment: &[(&str, &str)], body: impl FnOnce(&StandIn)) {
    if child::is_of(test) {
        return body(&StandIn::open(Path::new(DRIVER)));
    }
    let driver = Compiled::driver(folder);
    let output = child::start(test, |command| {
        command.env("LD_LIBRARY_PATH", driver.folder()).envs(environment.iter().copied());
    });
    child::expect_passed(test, &output);
}

/// A library compiled from C, in a folder of its own. Dropping the value removes both.
pub struct Compiled(PathBuf);

impl Compiled {
    /// The stand-in driver, in a folder in `folder`.
    pub fn driver(folder: &str) -> Self {
        Self::library(folder, &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/libcuda.c"), DRIVER)
    }

    /// The library `name` of a source, in a folder in `folder`.
    ///
    /// # Panics
    /// Where the source cannot be compiled.
    pub fn library(folder: &str, source: &Path, name: &str) -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        // Other tests run at the same time, in this program and in others. So each library has a folder of its own.
        let (process, number) = (std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(folder).join(format!("stand_in_{process}_{number}"));
        fs::create_dir_all(&folder).expect("a folder for the library");
        let library = folder.join(name);
        let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status = Command::new(&compiler)
            // The tests' own allocator must not be taken for the compiler's builtin.
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread"])
            .arg(format!("-Wl,-soname,{name}"))
            .arg("-o")
            .args([&library, source])
            .status()
            .unwrap_or_else(|error| panic!("starting {}: {error}", compiler.display()));
        assert!(status.success(), "compiling {}: {status}", source.display());
        Self(library)
    }

    /// Where the library is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn folder(&self) -> &Path {
        self.0.parent().expect("the library lies in a folder")
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // Files that stay behind are in cargo's folder for temporary files.
        let _ = fs::remove_dir_all(self.folder());
    }
}

/// The stand-in driver of this process.
pub struct StandIn {
    library: Library,
}

impl StandIn {
    /// Opens the stand-in of that path or name.
    ///
    /// # Panics
    /// Where the library cannot be loaded.
    pub fn open(path: &Path) -> Self {
        // SAFETY: the stand-in has no constructors.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        Self { library: library.expect("the stand-in driver") }
    }

    /// Makes every later call of a driver function return a number. 0 makes the function do its work again.
    pub fn answer(&self, function: &str, answer: c_int) {
        // SAFETY: the stand-in's function has this type, and the name ends in a NUL.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char, c_int)>("stand_in_answer")(
                name(function).as_ptr(),
                answer,
            )
        }
    }

    /// The number of calls of a driver function so far.
    pub fn calls(&self, function: &str) -> c_int {
        // SAFETY: the stand-in's function has this type, and the name ends in a NUL.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char) -> c_int>("stand_in_calls")(name(function).as_ptr())
        }
    }

    /// The number of launches and of asynchronous fills of 32-bit words so far.
    pub fn launches(&self) -> c_int {
        let functions = ["cuLaunchKernel", "cuLaunchKernelEx", "cuMemsetD32Async"];
        functions.into_iter().map(|function| self.calls(function)).sum()
    }

    /// The number of blocks of all launches so far.
    pub fn blocks(&self) -> c_long {
        // SAFETY: the stand-in's function has this type.
        unsafe { self.function::<unsafe extern "C" fn() -> c_long>("stand_in_blocks")() }
    }

    /// The number of modules that the driver has compiled or is compiling.
    pub fn compilations(&self) -> c_int {
        self.calls("cuModuleLoadDataEx")
    }

    /// Waits until a driver function has been called `count` times or more.
    pub fn wait_for_calls(&self, function: &str, count: c_int) {
        // SAFETY: the stand-in's function has this type, and the name ends in a NUL.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char, c_int)>("stand_in_wait_for_calls")(
                name(function).as_ptr(),
                count,
            );
        }
    }

    /// Changes a setting, as `SETTINGS` in libcuda.c lists them.
    pub fn set(&self, setting: &str, value: c_int) {
        // SAFETY: the stand-in's function has this type, and the name ends in a NUL.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char, c_int)>("stand_in_set")(name(setting).as_ptr(), value)
        }
    }

    /// The number of handles and addresses that were given to the driver and do not belong to the context that was
    /// current.
    pub fn bad_handles(&self) -> c_int {
        self.number("stand_in_bad_handles")
    }

    /// The architecture that the PTX compiled last is for.
    pub fn last_target(&self) -> c_int {
        self.number("stand_in_last_target")
    }

    /// The number of options of the last compilation, and the first option. The first option is 0 if there are none.
    pub fn last_options(&self) -> (c_int, c_int) {
        (self.number("stand_in_last_option_count"), self.number("stand_in_last_option"))
    }

    /// Resets a device's primary context, as cudaDeviceReset does.
    pub fn reset(&self, device: c_int) {
        // SAFETY: the driver's function has this type.
        let answer =
            unsafe { self.function::<unsafe extern "C" fn(c_int) -> c_int>("cuDevicePrimaryCtxReset_v2")(device) };
        assert_eq!(answer, 0);
    }

    /// Retains a device's primary context, as every other library of a process does.
    pub fn retain(&self, device: c_int) {
        let mut context = std::ptr::null_mut::<std::ffi::c_void>();
        // SAFETY: the driver's function has this type, and the pointer is to a local.
        let answer = unsafe {
            let retain = self.function::<unsafe extern "C" fn(*mut *mut std::ffi::c_void, c_int) -> c_int>(
                "cuDevicePrimaryCtxRetain",
            );
            retain(&mut context, device)
        };
        assert_eq!(answer, 0);
    }

    fn number(&self, function: &str) -> c_int {
        // SAFETY: the stand-in's functions have this type.
        unsafe { self.function::<unsafe extern "C" fn() -> c_int>(function)() }
    }

    /// # Safety
    /// The library must have the function with type `F`.
    unsafe fn function<F: Copy>(&self, name: &str) -> F {
        // SAFETY: the caller's promise.
        let function: Symbol<F> = unsafe { self.library.get(name) }.expect("a function of the stand-in");
        *function
    }
}

fn name(name: &str) -> CString {
    CString::new(name).expect("a name without a NUL")
}
