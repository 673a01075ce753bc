//! The kernels. Compiled to PTX they are all that runs on the GPU; compiled for the host they run in
//! `nvptx_arch`'s emulation of a grid, so that the same source is tested where there is no GPU.
//!
//! [`entry`] lists the entry points; the algorithms, generic over scalar, index and reduction, are in the
//! files named after them.

#![cfg_attr(target_arch = "nvptx64", no_std, feature(abi_ptx, asm_experimental_arch))]
#![allow(clippy::missing_safety_doc, reason = "the contract of every kernel is its parameter structure's")]

mod batch;
mod check;
mod chunk;
mod composite;
mod element;
pub mod entry;
mod fill;
mod fixed_point;
mod gather;
mod layout;
mod reduction;
mod scatter;
mod segment;
