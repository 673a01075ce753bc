//! A CUDA driver for tests, without a device.
//!
//! A process looks for its driver once, so each test runs in a process of its own: [`run_in_child`] starts one in which
//! `libcuda.c` is the machine's libcuda.so.1, whether the machine has NVIDIA's or none. There [`StandIn`] sets the driver's
//! answers and tells its calls.

use std::{
    env,
    ffi::{CString, c_char, c_int},
    path::Path,
    process::Command,
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};

/// Names the environment variable of the processes that [`run_in_child`] starts.
const IS_CHILD: &str = "DRIVER_STAND_IN_CHILD";

/// Runs the ignored test `test` of the calling test executable in a process that has the stand-in for a driver. `folder` is
/// the test's `env!("CARGO_TARGET_TMPDIR")`; `environment` is set in that process.
///
/// # Panics
/// Where the test fails there, or does not exist.
pub fn run_in_child(folder: &str, test: &str, environment: &[(&str, &str)]) {
    let folder = Path::new(folder).join(format!("stand_in_{}_{}", std::process::id(), test.replace("::", "_")));
    std::fs::create_dir_all(&folder).expect("a folder for the driver");
    compile(&folder.join("libcuda.so.1"));
    let mut child = Command::new(env::current_exe().expect("the test's own path"));
    child.args(["--ignored", "--exact", "--nocapture", test]).env(IS_CHILD, "1").env("LD_LIBRARY_PATH", &folder);
    let output = child.envs(environment.iter().copied()).output().expect("starting the test's own executable");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let has_passed = output.status.success() && stdout.contains("1 passed");
    assert!(has_passed, "{test} in its child process: {}\n{stdout}\n{stderr}", output.status);
    std::fs::remove_dir_all(&folder).expect("removing the driver");
}

/// The stand-in, or None, which is printed, in a process that [`run_in_child`] did not start: `cargo test -- --ignored` runs
/// the tests that are meant for child processes too, which have nothing to look at then.
pub fn in_child(test: &str) -> Option<StandIn> {
    if env::var_os(IS_CHILD).is_none() {
        println!("SKIPPED: {test}: runs in a process that another test starts");
        return None;
    }
    // SAFETY: the stand-in has no constructors.
    let library = unsafe { Library::open(Some("libcuda.so.1"), RTLD_NOW | RTLD_LOCAL) };
    Some(StandIn { library: library.expect("the stand-in that the parent compiled") })
}

fn compile(library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/libcuda.c");
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
        .args([library, &source])
        .status()
        .unwrap_or_else(|error| panic!("starting {}: {error}", compiler.display()));
    assert!(status.success(), "compiling {}: {status}", source.display());
}

/// The stand-in driver of this process.
pub struct StandIn {
    library: Library,
}

impl StandIn {
    /// Lets every later call of a driver function answer a number; 0 lets the function do its work again.
    pub fn answer(&self, function: &str, answer: c_int) {
        // SAFETY: the stand-in's function has this type, and the name ends in a NUL.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char, c_int)>("stand_in_answer")(
                name(function).as_ptr(),
                answer,
            )
        }
    }

    /// The calls of a driver function so far.
    pub fn calls(&self, function: &str) -> c_int {
        // SAFETY: as above.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char) -> c_int>("stand_in_calls")(name(function).as_ptr())
        }
    }

    /// Waits until a driver function was called `count` times.
    pub fn wait_for_calls(&self, function: &str, count: c_int) {
        // SAFETY: as above.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char, c_int)>("stand_in_wait_for_calls")(
                name(function).as_ptr(),
                count,
            );
        }
    }

    /// Changes a setting, as `SETTINGS` in libcuda.c lists them.
    pub fn set(&self, setting: &str, value: c_int) {
        // SAFETY: as above.
        unsafe {
            self.function::<unsafe extern "C" fn(*const c_char, c_int)>("stand_in_set")(name(setting).as_ptr(), value)
        }
    }

    /// Handles and addresses that the driver was given and that are not of the context that was current.
    pub fn bad_handles(&self) -> c_int {
        self.number("stand_in_bad_handles")
    }

    /// The architecture that the PTX compiled last is for.
    pub fn last_target(&self) -> c_int {
        self.number("stand_in_last_target")
    }

    /// The options of the last compilation: their number, and the first.
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
