//! The PTX instructions that kernels use, as Rust functions.
//!
//! The same names work on two kinds of target:
//!
//! * on `nvptx64` a function is one or a few PTX instructions, inlined where it is called;
//! * on every other target it acts on a grid emulated by `emulate::run`, so that the very source of a kernel is
//!   tested where there is no GPU. Called outside such a grid it panics and says so.
//!
//! The architecture is chosen when a kernel is compiled: `--cfg nvptx_sm_75`, `nvptx_sm_90` and their like each mean
//! "at least this one". Without any of them the code is that of sm_70, the oldest architecture served.
//!
//! # Layers
//!
//! [`index`], [`barrier`], [`warp`], [`shared`], [`memory`], [`atomic`], [`convert`], [`math`], [`grid`] and [`hint`]
//! say what an instruction means; `ptx/` and `host/` say how it is done on either kind of target, and `emulate/` is the
//! grid that `host/` acts on.

#![cfg_attr(
    target_arch = "nvptx64",
    no_std,
    feature(
        abi_unadjusted,
        asm_experimental_arch,
        link_llvm_intrinsics,
        portable_simd,
        stdarch_nvptx
    ),
    // LLVM's own intrinsics carry the `convergent` attribute, which `asm!` cannot: see ptx/convergent.rs.
    allow(internal_features)
)]
#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

pub mod atomic;
pub mod barrier;
pub mod convert;
#[cfg(not(target_arch = "nvptx64"))]
pub mod emulate;
pub mod grid;
pub mod hint;
pub mod index;
pub mod math;
pub mod memory;
pub mod shared;
pub mod warp;

#[cfg(not(target_arch = "nvptx64"))]
mod host;
#[cfg(target_arch = "nvptx64")]
mod ptx;

#[cfg(not(target_arch = "nvptx64"))]
use host as target;
#[cfg(target_arch = "nvptx64")]
use ptx as target;
