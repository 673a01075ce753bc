//! Compiles the C++ plugin classes and the cxx bridges.
//!
//! The environment variable `TENSORRT_ROOT` may name a TensorRT SDK. The unit of its generation is then compiled
//! against the SDK's headers instead of the project's own. They include `cuda_runtime_api.h`: `CUDA_ROOT` may name a
//! folder with `include/cuda_runtime_api.h`.

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

    // Hides the symbols of the archives that the library is linked from: see docs/ARCHITECTURE.md.
    println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs=ALL");
    // A dlclose must not unload the library: TensorRT's registry and its plugins keep pointers into it, and nothing
    // tells the registry of a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // The folder of the bridges' headers, for the test that compiles the classes against an SDK.
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rustc-env=TRTS_BRIDGE={}", out.join("cxxbridge").display());
    // Test programs that pose as a TensorRT export these functions.
    for function in ["getInferLibVersion", "getPluginRegistry", "getLogger"] {
        println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol={function}");
    }
}

/// Makes the unit of the SDK's generation include the SDK's headers.
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
    // The plugins use interfaces that later releases deprecate.
    build.flag("-isystem").flag(include.to_str().expect("TENSORRT_ROOT is UTF-8"));
    build.flag("-Wno-deprecated-declarations");
    if let Some(cuda) = env::var_os("CUDA_ROOT") {
        build.flag("-isystem").flag(PathBuf::from(cuda).join("include").to_str().expect("CUDA_ROOT is UTF-8"));
    }
}
