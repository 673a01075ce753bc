//! The library's dynamic symbols and dependencies: it exports the functions that TensorRT looks for and the C ABI, and
//! needs neither CUDA nor TensorRT.

mod common;

use std::process::Command;

use common::{layers::PLUGINS, library_path, skipped};

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

/// The functions that the header declares: `… *trts_version(void);`.
fn declared_functions() -> Vec<&'static str> {
    let header = include_str!("../include/tensorrt_scatter.h");
    let declarations = header.lines().filter(|line| !line.starts_with([' ', '#', '/']));
    let before_arguments = declarations.filter_map(|line| line.split_once('(').map(|(start, _)| start));
    before_arguments
        .filter_map(|start| start.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("trts_"))
        .collect()
}

#[test]
fn the_program_in_c_calls_every_operator() {
    let program = include_str!("c_abi/program.c");
    // The plugins of other projects have no function.
    let plugins = PLUGINS.map(|(plugin, _)| plugin.to_str().unwrap());
    for plugin in plugins.into_iter().filter(|plugin| plugin.starts_with("TRTS_")) {
        let function = function_of(plugin);
        assert!(program.contains(&format!("{function}(")), "program.c does not call {function}");
    }
}

/// The C function of a plugin's operator: `TRTS_SegmentCSR` is trts_segment_csr, `TRTS_ScatterStd` is trts_std.
fn function_of(plugin: &str) -> String {
    let name = plugin.trim_start_matches("TRTS_").to_lowercase();
    let name = if name == "scatter" { &name } else { name.trim_start_matches("scatter") };
    let functions = declared_functions();
    let found = functions.iter().find(|function| function.trim_start_matches("trts").replace('_', "") == *name);
    found.unwrap_or_else(|| panic!("the header has no function of {plugin}")).to_string()
}

#[test]
fn exactly_tensorrts_functions_and_the_headers_are_exported() {
    let test = "exactly_tensorrts_functions_and_the_headers_are_exported";
    let Some(symbols) = output(test, "nm", &["--dynamic", "--defined-only", "--format=just-symbols"]) else { return };
    let mut names: Vec<_> = symbols.lines().collect();
    names.sort();
    let mut expected = [&declared_functions()[..], &["getCreators", "getPluginCreators", "setLoggerFinder"]].concat();
    expected.sort();
    assert_eq!(names, expected);
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
