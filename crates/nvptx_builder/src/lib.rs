//! Compiles a crate of GPU kernels to PTX from a build script.
//!
//! The interface is that of Rust-CUDA's `cuda_builder`, under which name this crate is imported; the work is done by
//! rustc's own `nvptx64-nvidia-cuda` target, so neither nvcc nor LLVM tools nor a linker for PTX are needed. What is
//! needed is a compiler that has the source of its standard library beside it, because no prebuilt `core` exists for
//! that target. [`toolchain::find`] looks for one; without one it says what to install.
//!
//! ```no_run
//! use nvptx_builder::{CudaBuilder, NvvmArch};
//!
//! # fn main() -> Result<(), nvptx_builder::CudaBuilderError> {
//! let ptx = CudaBuilder::new("kernels")
//!     .arch(NvvmArch::Compute90)
//!     .copy_to("kernels_sm_90.ptx")
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a kernel crate sees
//! It is compiled as a `cdylib` for `nvptx64-nvidia-cuda`, optimised, with `panic = "abort"` and fat LTO, nightly
//! features allowed, and with one `cfg` for each architecture of [`NvvmArch`] up to the one asked for: `nvptx_sm_75` always,
//! `nvptx_sm_90` from sm_90.
//!
//! # Environment
//! `NVPTX_RUSTC`: the rustc to use instead of the one that would be found; the `cargo` beside it is used if there is
//! one.

mod arch;
mod builder;
mod cargo_output;
mod environment;
mod error;
mod target_dir;
pub mod toolchain;
mod watch;

pub use arch::NvvmArch;
pub use builder::CudaBuilder;
pub use error::CudaBuilderError;
