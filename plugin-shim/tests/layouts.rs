//! Compares the library's own headers with TensorRT's: sizes, offsets, enum values, slots of virtual functions.

mod common;
#[path = "../build/sdk.rs"]
mod sdk;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::skipped;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of TensorRT's and TensorRT-RTX's headers in the package trtx-sys.
fn headers_folder(test: &str) -> Option<PathBuf> {
    let manifest = folder().join("tests/layouts/tensorrt_headers/Cargo.toml");
    // cargo sets the variable when it runs a test.
    let Some(cargo) = env::var_os("CARGO").filter(|_| manifest.exists()) else {
        skipped(test, "cargo and the sources are not here");
        return None;
    };
    let metadata = |extra: &[&str]| -> Output {
        let mut command = Command::new(&cargo);
        command.args(["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"]);
        command.args(extra).arg("--manifest-path").arg(&manifest).output().unwrap()
    };
    // Without the network first; the package may be here already.
    let mut answer = metadata(&["--offline"]);
    if !answer.status.success() {
        answer = metadata(&[]);
    }
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let text = String::from_utf8(answer.stdout).unwrap();
    // Only one path in the answer ends so. A JSON parser would be a dependency for this line only.
    let path = text.split('"').find(|part| part.contains("/trtx-sys-") && part.ends_with("/Cargo.toml"));
    Some(Path::new(path.expect("trtx-sys's manifest")).with_file_name("TensorRT-Headers"))
}

/// TensorRT 11.4's headers, as compiler options.
fn tensorrt_headers(test: &str) -> Option<Vec<String>> {
    let headers = headers_folder(test)?;
    // cuda_runtime_api.h is in the parent folder.
    Some([headers.join("TRT-Enterprise-11.4"), headers].map(|path| format!("-isystem{}", path.display())).to_vec())
}

fn compiler() -> String {
    env::var("CXX").unwrap_or_else(|_| "c++".to_owned())
}

/// Compiles a program of `tests/layouts/` and runs it.
fn compile_and_run(test: &str, source: &str, options: &[String]) {
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let compiled = Command::new(compiler())
        .args(["-std=c++17", "-fno-access-control", "-Wno-invalid-offsetof", "-Wno-deprecated-declarations"])
        .arg("-I")
        .arg(folder().join("include"))
        .args(options)
        .arg(folder().join("tests/layouts").join(source))
        .arg("-o")
        .arg(&program)
        .output();
    match compiled {
        Err(error) => skipped(test, &format!("{}: {error}", compiler())),
        Ok(compiled) => {
            assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
            let run = Command::new(&program).output().unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
            fs::remove_file(program).unwrap();
        }
    }
}

#[test]
fn the_v2_header_is_laid_out_as_tensorrt_8_5_and_8_6() {
    let test = "the_v2_header_is_laid_out_as_tensorrt_8_5_and_8_6";
    if !folder().exists() {
        skipped(test, "the sources are not here");
        return;
    }
    compile_and_run(test, "v2_against_table.cpp", &[]);
}

#[test]
fn the_v3_header_is_laid_out_as_tensorrt_11_4() {
    let test = "the_v3_header_is_laid_out_as_tensorrt_11_4";
    let Some(headers) = tensorrt_headers(test) else { return };
    compile_and_run(test, "v3_against_sdk.cpp", &headers);
}

#[test]
fn the_plugin_classes_compile_against_tensorrt_11_4() {
    let test = "the_plugin_classes_compile_against_tensorrt_11_4";
    let Some(headers) = tensorrt_headers(test) else { return };
    let compiled = Command::new(compiler())
        .args(["-std=c++17", "-fsyntax-only", "-Werror", "-DTRTS_SDK_V3", "-include"])
        .arg(folder().join("cpp/hidden.h"))
        .args([concat!("-I", env!("TRTS_BRIDGE"), "/include"), concat!("-I", env!("TRTS_BRIDGE"), "/crate")])
        .args(headers)
        .arg(folder().join("cpp/plugin_v3.cpp"))
        .output();
    match compiled {
        Err(error) => skipped(test, &format!("{}: {error}", compiler())),
        Ok(compiled) => assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr)),
    }
}

#[test]
fn an_sdk_is_told_by_its_version_header() {
    use sdk::{Unit, unit};

    let numbered = |major: u32, minor: u32| {
        unit(&format!(
            "#define NV_TENSORRT_MAJOR {major} //!< TensorRT major version.\n#define NV_TENSORRT_MINOR {minor}\n"
        ))
    };
    for (major, minor, expected) in
        [(8, 5, Unit::V2), (8, 6, Unit::V2), (9, 2, Unit::V2), (10, 0, Unit::V3), (10, 16, Unit::V3)]
    {
        assert_eq!(numbered(major, minor), Ok(expected), "{major}.{minor}");
    }
    for (major, minor) in [(1, 7), (7, 2), (8, 4), (12, 0)] {
        let reason = numbered(major, minor).unwrap_err();
        assert!(reason.contains(&format!("TensorRT {major}.{minor}; expected")), "{reason}");
    }
    assert!(unit("").unwrap_err().contains("says no NV_TENSORRT_MAJOR"));
}

#[test]
fn the_real_sdks_are_told_apart() {
    let Some(headers) = headers_folder("the_real_sdks_are_told_apart") else { return };
    let unit = |sdk: &str| sdk::unit(&fs::read_to_string(headers.join(sdk).join("NvInferVersion.h")).unwrap());
    assert_eq!(unit("TRT-Enterprise-11.4"), Ok(sdk::Unit::V3));
    for minor in 3..=7 {
        let reason = unit(&format!("TRT-RTX-1.{minor}")).unwrap_err();
        assert!(reason.contains(&format!("TensorRT-RTX 1.{minor}, whose networks take no plugin layers")), "{reason}");
    }
}
