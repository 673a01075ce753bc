//! The TensorRT plugin library `libtensorrt_scatter_plugin.so`.
//!
//! One binary serves TensorRT 8.5 to 11. The C++ files in `cpp/` derive TensorRT's interfaces, one file per generation,
//! and translate. All decisions are made here, and are the same for both:
//!
//! - `operators`: what each plugin takes, gives and does; one table row and one file each.
//! - `plugin`, `creator`: what the C++ classes hold.
//! - `abi`, `bridge`: the structs and the functions that C++ and Rust share.
//! - `attributes`, `serialized`: attributes as TensorRT hands them over, and as an engine file keeps them.
//! - `tensorrt`, `message`: the TensorRT in this process, and its log.
//! - `registration`: the functions TensorRT looks for, and the constructor that registers the creators.
//! - `c_abi`: the operators as exported C functions, which the Python package calls.
//!
//! No panic leaves the functions of `bridge` and `c_abi`: each is caught, told, and answered as a failure.

// A new type or operator must be decided on wherever it matters: the compiler lists the places.
#![deny(clippy::wildcard_enum_match_arm)]

mod abi;
mod attributes;
mod backend;
mod bridge;
mod c_abi;
mod creator;
mod inputs;
mod message;
mod noted_inputs;
mod operators;
mod plugin;
mod registration;
mod serialized;
mod tensor;
mod tensorrt;
