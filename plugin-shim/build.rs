//! Compiles the C++ plugin classes and the cxx bridge.
//!
//! `TENSORRT_ROOT`, where it is set, names a TensorRT SDK: the unit of its generation is then compiled
//! against the SDK's own headers instead of ours. They include `cuda_runtime_api.h`, which is looked for in
//! `CUDA_ROOT`'s include folder, where that is set, and where the compiler looks anyway.

#[path = "build/sdk.rs"]
mod sdk;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo:rerun-if-env-changed=TENSORRT_ROOT");
    println!("cargo:rerun-if-env-changed=CUDA_ROOT");
    for folder in ["cpp", "include"] {
        println!("cargo:rerun-if-changed={folder}");
    }

    let mut build = cxx_build::bridges(["src/abi.rs", "src/bridge.rs"]);
    build
        .files(["cpp/plugin_v2.cpp", "cpp/plugin_v3.cpp"])
        .include("include")
        .std("c++17")
        .flag("-fvisibility=hidden")
        .flag("-include")
        .flag("cpp/hidden.h")
        .warnings_into_errors(true);
    if let Some(root) = env::var_os("TENSORRT_ROOT") {
        use_sdk(&mut build, Path::new(&root));
    }
    build.compile("tensorrt_scatter_plugin_cpp");

    // Everything but the exported functions stays inside: see docs/ARCHITECTURE.md.
    println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs=ALL");
    // TensorRT's registry and its plugins point into the library for as long as the process lives, and
    // so does the constructor's registration, which nothing tells of a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Where the bridge's headers are, for the test that compiles the classes against an SDK.
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rustc-env=TRTS_BRIDGE={}", out.join("cxxbridge").display());
    // Test programs that pose as a TensorRT.
    for function in ["getInferLibVersion", "getPluginRegistry", "getLogger"] {
        println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol={function}");
    }
}

/// Has the unit of the SDK's generation include the SDK's headers.
fn use_sdk(build: &mut cc::Build, root: &Path) {
    let include = root.join("include");
    let header = include.join("NvInferVersion.h");
    println!("cargo:rerun-if-changed={}", header.display());
    let text = fs::read_to_string(&header).unwrap_or_else(|error| {
        panic!("TENSORRT_ROOT must name a folder with include/NvInferVersion.h, but {}: {error}", header.display())
    });
    let unit = sdk::unit(&text).unwrap_or_else(|reason| panic!("TENSORRT_ROOT names {}: {reason}", root.display()));
    build.define(
        match unit {
            sdk::Unit::V2 => "TRTS_SDK_V2",
            sdk::Unit::V3 => "TRTS_SDK_V3",
        },
        None,
    );
    // The SDK's deprecations are not ours to fix.
    build.flag("-isystem").flag(include.to_str().expect("TENSORRT_ROOT is UTF-8"));
    build.flag("-Wno-deprecated-declarations");
    if let Some(cuda) = env::var_os("CUDA_ROOT") {
        build.flag("-isystem").flag(PathBuf::from(cuda).join("include").to_str().expect("CUDA_ROOT is UTF-8"));
    }
}
