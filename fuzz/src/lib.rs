//! Fuzz targets: one function for each way by which foreign bytes or memory come into the library.
//!
//! A target takes any bytes. It makes the arguments of a call from them, calls the library, and panics if the result
//! breaks a promise. A panic inside the library is a fault too, although the library catches it. `cargo xtask fuzz
//! TARGET` runs a target under libFuzzer; `tests/replay.rs` runs every target on the inputs in `corpus/TARGET`.

#[allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "the host of the tests stands in for TensorRT: the pointers are those that the library gave it"
)]
#[path = "../../plugin-shim/tests/common/mod.rs"]
pub mod common;

#[path = "../../build/ptx.rs"]
mod ptx;

mod c_abi;
mod choose;
mod fields;
mod memory;
mod ptx_text;
mod serialized;
mod tensors;

/// Links the plugin library, whose exported functions the targets declare themselves, as a C program does.
use tensorrt_scatter_plugin as _;

/// A target: any bytes are good input.
pub type Target = fn(&[u8]);

/// Every target with its name. Its folder in `corpus` has the same name.
pub const TARGETS: [(&str, Target); 6] = [
    ("c_abi", c_abi::call),
    ("c_abi_query", c_abi::query),
    ("plugin_fields", fields::create),
    ("plugin_tensors", tensors::describe),
    ("ptx_text", ptx_text::take_apart),
    ("serialized_v2", serialized::deserialize),
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find_map(|(known, target)| (*known == name).then_some(*target))
}
