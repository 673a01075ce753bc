//! What the library shows to the loader: the functions TensorRT looks for, and nothing of CUDA or TensorRT needed.

mod common;

use std::process::Command;

use common::{library_path, skipped};

/// The standard output of a tool, if it is installed.
fn output(test: &str, tool: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(tool).args(arguments).arg(library_path()).output() {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        Ok(output) => panic!("{tool}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            skipped(test, &format!("{tool}: {error}"));
            None
        }
    }
}

#[test]
fn exactly_tensorrts_functions_are_exported() {
    let test = "exactly_tensorrts_functions_are_exported";
    let Some(symbols) = output(test, "nm", &["--dynamic", "--defined-only", "--format=just-symbols"]) else { return };
    let mut names: Vec<_> = symbols.lines().collect();
    names.sort();
    assert_eq!(names, ["getCreators", "getPluginCreators", "setLoggerFinder"]);
}

#[test]
fn neither_cuda_nor_tensorrt_is_linked() {
    let Some(libraries) = output("neither_cuda_nor_tensorrt_is_linked", "ldd", &[]) else { return };
    assert!(libraries.contains("libc.so"), "{libraries}");
    for absent in ["libcuda", "libnv", "not found"] {
        assert!(!libraries.contains(absent), "{libraries}");
    }
}

#[test]
fn the_library_stays_loaded() {
    let Some(flags) = output("the_library_stays_loaded", "readelf", &["--dynamic"]) else { return };
    assert!(flags.contains("NODELETE"), "{flags}");
}
