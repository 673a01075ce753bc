//! The plan of an enqueue, kept from one call to the next.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    abi::TensorDesc,
    backend::{ElementTypes, Plan},
};

/// A plan, with the shapes and types of the tensors that it is for.
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

    /// Whether the plan is for these tensors.
    pub(super) fn is_for(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> bool {
        self.inputs == inputs && self.outputs == outputs
    }
}

/// The plan that was made last, if there is one. The lock belongs to the plugin: TensorRT gives each execution context
/// plugins of its own, so a thread waits here only if a program enqueues one plugin from several threads at the same
/// time.
#[derive(Default)]
pub(super) struct LastPrepared(Mutex<Option<Prepared>>);

impl LastPrepared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Prepared>> {
        // The content is only replaced as a whole, so a panic leaves it valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
