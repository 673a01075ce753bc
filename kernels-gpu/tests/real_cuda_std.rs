//! The kernels are written in Rust-CUDA's dialect: they compile against the real `cuda_std` as against ours.
//!
//! The first run fetches `cuda_std` from the package registry; later ones need no network.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The last release of `cuda_std`, whose names and signatures `nvptx_std` follows.
const CUDA_STD: &str = "=0.2.2";

#[test]
fn the_kernels_compile_against_rust_cudas_cuda_std() {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = kernels.parent().expect("kernels-gpu lies in the workspace");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real_cuda_std");
    fs::create_dir_all(&directory).unwrap();
    let manifest = format!(
        r#"[package]
name = "kernels-on-real-cuda-std"
# As kernels-gpu.
edition = "2021"

[lib]
path = {source:?}

[dependencies]
cuda_std = "{CUDA_STD}"
kernel_params = {{ path = {kernel_params:?} }}
nvptx_arch = {{ path = {nvptx_arch:?} }}
pastey = "0.2"

[workspace]
"#,
        source = kernels.join("src/lib.rs"),
        kernel_params = workspace.join("crates/kernel_params"),
        nvptx_arch = workspace.join("crates/nvptx_arch"),
    );
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    // The versions of the workspace, so that only what `cuda_std` adds needs to be fetched; kept once it is complete.
    let lock = directory.join("Cargo.lock");
    if !lock.exists() {
        fs::copy(workspace.join("Cargo.lock"), &lock).unwrap();
    }

    let output = Command::new(env::var_os("CARGO").expect("tests run under cargo"))
        .args(["check", "--quiet"])
        .env("CARGO_TARGET_DIR", directory.join("target"))
        .current_dir(&directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "kernels-gpu does not compile against cuda_std {CUDA_STD} (the first run needs the package registry):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
