//! Processes that find the libcuda.so.1 that a test chose for them. The driver is looked for once
//! per process, so each choice needs a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the child processes' own environment variable.
const IS_CHILD: &str = "LAZY_CUDA_DRIVER_TEST_CHILD";

/// What a child process finds under the name libcuda.so.1, on whatever machine.
pub enum Driver {
    /// A library compiled from this file of `tests/stand_ins`.
    Compiled(&'static str),
    /// A file that the loader cannot load. The loader stops at it, so that a real driver is not
    /// found either.
    Unloadable,
}

/// How a child process comes by its driver.
pub enum Loaded {
    /// By this crate alone.
    Late,
    /// Also by the loader, before the program starts.
    Preloaded,
}

/// Runs the ignored test `name` of this test executable where `driver` is the machine's driver.
///
/// # Panics
/// If the test fails there, or does not exist.
pub fn run_where(driver: &Driver, loaded: &Loaded, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace("::", "/"));
    let library = make(driver, &folder);
    let mut child = Command::new(std::env::current_exe().expect("the test's own path"));
    child.args(["--ignored", "--exact", "--nocapture", name]).env(IS_CHILD, "1").env("LD_LIBRARY_PATH", &folder);
    if let Loaded::Preloaded = loaded {
        child.env("LD_PRELOAD", &library);
    }
    let output = child.output().expect("starting the test's own executable");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{name} in its child process: {}\n{stdout}\n{stderr}",
        output.status,
    );
}

/// Whether this process was started by [`run_where`]. `cargo test -- --ignored` also runs the tests
/// that are meant for child processes; they have nothing to look at then, and say so.
pub fn is_child(test: &str) -> bool {
    let is_child = std::env::var_os(IS_CHILD).is_some();
    if !is_child {
        println!("SKIPPED: {test}: runs in a process that another test starts");
    }
    is_child
}

fn make(driver: &Driver, folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).expect("a folder for the driver");
    let library = folder.join("libcuda.so.1");
    match driver {
        Driver::Unloadable => {
            std::fs::write(&library, "this is no shared library").expect("writing the library");
        }
        Driver::Compiled(source) => compile(source, &library),
    }
    library
}

fn compile(source: &str, library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_ins").join(source);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
        .args([library, &source])
        .status()
        .unwrap_or_else(|error| panic!("starting {}: {error}", compiler.display()));
    assert!(status.success(), "compiling {}: {status}", source.display());
}
