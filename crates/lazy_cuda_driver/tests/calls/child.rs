//! Processes that find the libcuda.so.1 that a test chose for them. The driver is looked for once
//! per process, so each choice needs a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use driver_stand_in::child;

/// What a child process finds under the name libcuda.so.1, on any machine.
pub enum Driver {
    /// A library compiled from this file of `tests/stand_ins`.
    Compiled(&'static str),
    /// A file that the loader cannot load. The loader stops at it, so that a real driver is not
    /// found either.
    Unloadable,
}

/// How a child process loads its driver.
pub enum Loaded {
    /// By this crate alone.
    Late,
    /// Also by the loader, before the program starts.
    Preloaded,
}

/// Runs the body of the test `test`, which calls this, in a process where `driver` is the machine's driver.
///
/// # Panics
/// If the body panics, or no test has that name.
pub fn run_where(driver: &Driver, loaded: &Loaded, test: &str, body: impl FnOnce()) {
    if child::is_of(test) {
        return body();
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test.replace("::", "/"));
    let library = make(driver, &folder);
    let output = child::start(test, |command| {
        command.env("LD_LIBRARY_PATH", &folder);
        if let Loaded::Preloaded = loaded {
            command.env("LD_PRELOAD", &library);
        }
    });
    child::expect_passed(test, &output);
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
