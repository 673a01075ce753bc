//! What a plugin does for the device: it tells the size of the workspace, loads kernels, and enqueues the work.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{Mutex, PoisonError},
};

use tensorrt_scatter::{Shape, gpu::raw::Kernels};

use super::Plugin;
use crate::{
    abi::TensorDesc,
    backend::{Buffers, ElementTypes},
    message::Refusal,
    operators::MAX_INPUTS,
};

/// The size of the workspace if the work cannot be planned. No device has that much memory, so TensorRT refuses the
/// layer; a smaller size might be too small for the kernels.
const NO_WORKSPACE: usize = 1 << 60;

/// The types for which an operator's kernels are loaded, each with the address of the context's [`Kernels`], which are
/// never freed. The copies of a plugin share the list.
#[derive(Default)]
pub(super) struct LoadedKernels(Mutex<Vec<(usize, ElementTypes)>>);

impl LoadedKernels {
    fn contains(&self, loaded: &(usize, ElementTypes)) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(loaded)
    }

    fn add(&self, loaded: (usize, ElementTypes)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(loaded);
    }
}

/// The sizes of a tensor whose rank alone is known.
const UNKNOWN_SIZES: [i64; Shape::MAX_RANK] = [-1; Shape::MAX_RANK];

impl Plugin {
    /// The bytes of workspace for these shapes and for all smaller ones; [`NO_WORKSPACE`] if the shapes do not fit.
    pub(crate) fn workspace_size(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> usize {
        self.guard(|| {
            self.note_inputs(inputs.len())?;
            let shapes = self.shapes(inputs, outputs)?.ok_or_else(Refusal::unknown_workspace)?;
            // The operators' estimates need ranks that fit. The largest sizes need not fit each other.
            let ranks: Vec<_> = self.sizes(inputs)?.iter().map(|sizes| &UNKNOWN_SIZES[..sizes.len()]).collect();
            self.operator.out_sizes(0, &ranks)?;
            self.operator.workspace_bytes(&shapes, &self.element_types(inputs))
        })
        .unwrap_or(NO_WORKSPACE)
    }

    /// Compiles and loads the kernels, once for each combination of types. This happens before the first enqueue
    /// because a stream that is captured may not load any. An error, such as a missing device on a machine that only
    /// builds engines, is left to enqueue to report.
    pub(crate) fn load_kernels(&self, inputs: &[TensorDesc]) {
        let types = if inputs.is_empty() { self.noted_types() } else { self.element_types(inputs) };
        let load = || self.ensure_loaded(Kernels::for_current_context()?, &types);
        let _ = catch_unwind(AssertUnwindSafe(load));
    }

    /// Compiles and loads the kernels for these types, unless they are loaded.
    fn ensure_loaded(&self, kernels: &'static Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        let loaded = (ptr::from_ref(kernels).addr(), *types);
        if !self.loaded.contains(&loaded) {
            self.operator.load_kernels(kernels, types)?;
            self.loaded.add(loaded);
        }
        Ok(())
    }

    /// The types that select the kernels.
    pub(super) fn element_types(&self, inputs: &[TensorDesc]) -> ElementTypes {
        let tensors = self.signature().tensors(inputs);
        ElementTypes::new(tensors.iter().map(|desc| desc.data_type), self.signature().positions())
    }

    /// The same if TensorRT tells no types in this call: those that it told earlier.
    fn noted_types(&self) -> ElementTypes {
        let noted = self.inputs.get();
        let types: Vec<_> = (0..noted.count()).map(|input| noted.data_type(input).map_or(-1, i32::from)).collect();
        ElementTypes::new(self.signature().tensors(&types).iter().copied(), self.signature().positions())
    }

    /// Enqueues the work on TensorRT's stream. If shapes and types are those of the previous enqueue or configuration,
    /// the call checks and plans nothing, and allocates no memory.
    ///
    /// # Safety
    /// TensorRT's promises: the addresses are those of the described tensors and of the workspace asked for,
    /// the stream is of the current context.
    pub(crate) unsafe fn enqueue(
        &self,
        inputs: &[TensorDesc],
        outputs: &[TensorDesc],
        input_addresses: &[u64],
        output_addresses: &[u64],
        workspace: usize,
        stream: usize,
    ) -> bool {
        self.guard(|| {
            if input_addresses.len() != inputs.len() || output_addresses.len() != outputs.len() {
                return Err(Refusal::new("enqueue was given no addresses"));
            }
            let mut prepared = self.prepared.lock();
            if !prepared.as_ref().is_some_and(|prepared| prepared.is_for(inputs, outputs)) {
                *prepared = self.prepare(inputs, outputs)?;
                self.ensure_loaded(Kernels::for_current_context()?, &self.element_types(inputs))?;
            }
            let prepared = prepared.as_ref().ok_or_else(|| Refusal::new("a size is -1 in enqueue"))?;
            let mut read = [None; MAX_INPUTS];
            for (input, (to, &address)) in read.iter_mut().zip(input_addresses).enumerate() {
                *to = self.signature().reads(input).then_some(address);
            }
            let buffers = Buffers {
                types: &prepared.types,
                inputs: read,
                base: self.signature().base(&read).copied().flatten(),
                outputs: output_addresses,
                workspace: workspace as u64,
                stream: stream as *mut c_void,
            };
            // SAFETY: the caller's promise, for the shapes and types that the plan was made for.
            unsafe { prepared.plan.enqueue(Kernels::for_current_context()?, &buffers)? };
            Ok(())
        })
        .is_ok()
    }
}
