//! The CUDA driver, loaded when it is first called.
//!
//! `cust` links `-lcuda`, so a program that uses it does not start on a machine without NVIDIA's
//! driver. This crate defines the driver functions itself, as trampolines: the first call of each
//! looks the function up in `libcuda.so.1` and every later one is a single jump. Programs and
//! plugin libraries then name no libcuda and start anywhere; without a driver every call returns
//! `CUDA_ERROR_NO_DEVICE` (100), and [`status`] says why.
//!
//! # Using it
//! Two things take the place of linking the driver:
//! - `CUDA_LIBRARY_PATH` names this crate's folder `link` while building (the workspace's
//!   `.cargo/config.toml` sets it): its `lib64/libcuda.so` is a linker script that adds nothing, which
//!   serves `cust_raw`'s build script and the linker where no CUDA toolkit is installed;
//! - some crate of the program mentions this one, by calling [`status`] or with
//!   `use lazy_cuda_driver as _;`. rustc links only crates that are mentioned; the rest happens by
//!   itself, whatever the order of the libraries.
//!
//! The functions are hidden: they are seen by the program or library that they are linked into,
//! never exported from it, so they cannot stand in the way of a libcuda that somebody else loaded.
//! `functions.rs` lists them. Calling one that is not listed is an error of the linker (undefined
//! symbol); the remedy is to add its name there.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!(
    "lazy_cuda_driver has trampolines for Linux on x86-64 and aarch64; for another target, add \
     its assembly to src/trampoline"
);

mod absent;
mod driver;
mod functions;
pub mod sys;
mod trampoline;

pub use driver::{DriverUnavailable, status};
