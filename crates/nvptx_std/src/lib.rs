//! Rust-CUDA's `cuda_std`, over rustc's own `nvptx64` target.
//!
//! A kernel crate imports it under that name (`cuda_std = { package = "nvptx_std", … }`) and says `use
//! cuda_std::prelude::*;` and `#[kernel]`. What is here has the name, place and signature that it has in `cuda_std`
//! 0.2.2, so that a kernel crate can go over to Rust-CUDA's compiler by its Cargo.toml alone; what `cuda_std` does not
//! have comes from [`nvptx_arch`], which works beside either.
//!
//! On `nvptx64` a kernel crate needs `#![no_std]` and `#![feature(abi_ptx)]`, and gets its panic handler from here. On
//! every other target the same functions act on a grid emulated by `nvptx_arch::emulate`.

#![cfg_attr(target_arch = "nvptx64", no_std, feature(stdarch_nvptx))]
#![warn(missing_docs)]

pub mod shared;
pub mod thread;
pub mod warp;

#[cfg(target_arch = "nvptx64")]
mod panic;

pub use nvptx_std_macros::kernel;

/// What a kernel crate imports whole.
pub mod prelude {
    pub use crate::{kernel, thread};
}
