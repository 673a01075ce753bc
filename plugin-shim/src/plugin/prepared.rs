//! What an enqueue needs to know of its tensors' shapes and types, kept from one call to the next.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    abi::TensorDesc,
    backend::{ElementTypes, Plan},
};

/// The work for tensors of certain shapes and types.
pub(super) struct Prepared {
    inputs: Vec<TensorDesc>,
    outputs: Vec<TensorDesc>,
    pub(super) plan: Box<dyn Plan>,
    pub(super) types: ElementTypes,
}

impl Prepared {
    pub(super) fn new(inputs: &[TensorDesc], outputs: &[TensorDesc], plan: Box<dyn Plan>, types: ElementTypes) -> Self {
        Self { inputs: inputs.to_vec(), outputs: outputs.to_vec(), plan, types }
    }

    /// Whether the work is that for these tensors.
    pub(super) fn is_for(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> bool {
        self.inputs == inputs && self.outputs == outputs
    }
}

/// The work that was prepared last, if any. The lock is the plugin's own: TensorRT gives each execution context a plugin of
/// its own, so a thread waits here only where a program enqueues one plugin from several threads at the same time.
#[derive(Default)]
pub(super) struct LastPrepared(Mutex<Option<Prepared>>);

impl LastPrepared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Prepared>> {
        // What is there is replaced whole, so a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
