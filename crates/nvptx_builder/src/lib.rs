//! Compiles a crate of GPU kernels to PTX from a build script.
//!
//! The interface is that of Rust-CUDA's `cuda_builder`, and the crate is imported under that name. rustc's own target
//! `nvptx64-nvidia-cuda` does the work, so no nvcc, LLVM tools or linker for PTX are needed. The compiler must have the
//! source of its standard library, because no prebuilt `core` exists for that target. [`toolchain::find`] looks for
//! such a compiler. If there is none, it says what to install.
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
//! features allowed, and with one `cfg` for each architecture of [`NvvmArch`] up to the one asked for: `nvptx_sm_75`
//! always, `nvptx_sm_90` from sm_90.
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
