//! Programs and libraries that hold this crate need no libcuda to start, and export nothing of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use libloading::Library;

#[test]
fn executables_need_no_libcuda() {
    // Holds the trampolines, as a program does.
    let _ = cust::init(cust::CudaFlags::empty());
    names_no_libcuda(&std::env::current_exe().expect("the test's own path"));
}

#[test]
fn shared_libraries_need_no_libcuda() {
    names_no_libcuda(&embedded());
}

#[test]
fn shared_libraries_export_no_driver_function() {
    let symbols = run(Command::new("nm")
        .args(["--dynamic", "--extern-only", "--defined-only", "--format=just-symbols"])
        .arg(embedded()));
    let mut exported: Vec<_> = symbols.split_whitespace().collect();
    exported.sort_unstable();
    assert_eq!(exported, ["embedded_driver_is_loaded", "embedded_start"]);
}

#[test]
fn shared_libraries_load_and_answer_without_a_driver() {
    const NO_DEVICE: u32 = 100;
    type Function = extern "C" fn() -> u32;
    // SAFETY: the library's constructors are Rust's own, and the functions have this type.
    let (is_loaded, start) = unsafe {
        let library = Library::new(embedded()).expect("the library loads anywhere");
        let call = |name: &str| {
            let function = library.get::<Function>(name).expect("an exported function");
            function()
        };
        (call("embedded_driver_is_loaded"), call("embedded_start"))
    };
    assert_eq!(is_loaded, u32::from(lazy_cuda_driver::status().is_ok()));
    if is_loaded == 0 {
        assert_eq!(start, NO_DEVICE);
    } else {
        println!(
            "SKIPPED: shared_libraries_load_and_answer_without_a_driver: this machine has a CUDA \
             driver"
        );
    }
}

fn names_no_libcuda(file: &Path) {
    let dynamic = run(Command::new("readelf").args(["--dynamic", "--wide"]).arg(file));
    assert!(dynamic.contains("(NEEDED)"), "no dynamic section:\n{dynamic}");
    assert!(!dynamic.contains("libcuda"), "{dynamic}");
}

/// The shared library that cargo builds from `examples/embedded.rs`.
fn embedded() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("…/deps/linkage");
    let library = profile.join("examples/libembedded.so");
    assert!(
        library.is_file(),
        "{} is missing; cargo builds it for `cargo test -p lazy_cuda_driver`, without `--test`",
        library.display()
    );
    library
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} (of binutils): {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
