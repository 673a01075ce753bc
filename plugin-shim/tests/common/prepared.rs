//! An enqueue with all its arguments prepared, as in TensorRT: the call itself allocates nothing.

use std::ffi::c_void;

use super::{
    tensors::{Desc, Size, Tensor, descs},
    v2, v3,
};

/// What a plugin's enqueue takes, in a generation's layout.
pub struct Prepared<T: Size> {
    pub inputs: Vec<Desc<T>>,
    pub outputs: Vec<Desc<T>>,
    pub input_addresses: Vec<u64>,
    pub output_addresses: Vec<u64>,
    pub workspace: u64,
    pub stream: *mut c_void,
}

impl<T: Size> Prepared<T> {
    pub fn new(inputs: &[(Tensor, u64)], outputs: &[(Tensor, u64)], workspace: u64, stream: *mut c_void) -> Self {
        let split = |tensors: &[(Tensor, u64)]| -> (Vec<_>, Vec<_>) { tensors.iter().cloned().unzip() };
        let ((inputs, input_addresses), (outputs, output_addresses)) = (split(inputs), split(outputs));
        let (inputs, outputs) = (descs(&inputs), descs(&outputs));
        Self { inputs, outputs, input_addresses, output_addresses, workspace, stream }
    }
}

/// A plugin of either generation with the arguments of its enqueue.
pub enum Enqueue {
    V2(v2::Plugin, Prepared<i32>),
    V3(v3::Plugin, Prepared<i64>),
}

impl Enqueue {
    /// The status that enqueue returns.
    pub fn call(&self) -> i32 {
        match self {
            Self::V2(plugin, prepared) => plugin.enqueue_prepared(prepared),
            Self::V3(plugin, prepared) => plugin.enqueue_prepared(prepared),
        }
    }

    /// Replaces the descriptions of the tensors. The addresses stay.
    pub fn describe(&mut self, inputs: &[Tensor], outputs: &[Tensor]) {
        match self {
            Self::V2(_, prepared) => (prepared.inputs, prepared.outputs) = (descs(inputs), descs(outputs)),
            Self::V3(_, prepared) => (prepared.inputs, prepared.outputs) = (descs(inputs), descs(outputs)),
        }
    }

    /// The addresses of the inputs and outputs.
    pub fn addresses(&mut self) -> [&mut [u64]; 2] {
        match self {
            Self::V2(_, prepared) => [&mut prepared.input_addresses, &mut prepared.output_addresses],
            Self::V3(_, prepared) => [&mut prepared.input_addresses, &mut prepared.output_addresses],
        }
    }
}
