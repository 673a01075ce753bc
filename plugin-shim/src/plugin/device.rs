//! What a plugin does for the device: the size of the workspace, kernels loaded ahead, and the work itself.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tensorrt_scatter::{IndexType, ScalarType};

use super::Plugin;
use crate::{
    abi::TensorDesc,
    backend::{Buffers, ElementTypes},
    message::Refusal,
    operators::{INDEX, SRC},
    tensor::DataType,
};

/// What a workspace that nothing can be planned for takes: more than any device has, so that TensorRT refuses the layer
/// instead of giving it too little.
const NO_WORKSPACE: usize = 1 << 60;

impl Plugin {
    /// The bytes of workspace for these shapes and all that are no larger; more than there can be where they do not fit.
    pub(crate) fn workspace_size(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> usize {
        self.guard(|| {
            self.note_inputs(inputs.len())?;
            let shapes = self.shapes(inputs, outputs)?.ok_or_else(Refusal::unknown_workspace)?;
            let types: Vec<_> = inputs.iter().map(|desc| desc.data_type).collect();
            self.operator.workspace_bytes(&shapes, self.element_types(&types).values)
        })
        .unwrap_or(NO_WORKSPACE)
    }

    /// Loads the kernels ahead of the first enqueue, which a stream capture may forbid to. Not being able to,
    /// as where an engine is built for another machine, is for enqueue to report.
    pub(crate) fn load_kernels(&self, inputs: &[TensorDesc]) {
        let noted = self.inputs.get();
        let types: Vec<i32> = if inputs.is_empty() {
            (0..noted.count()).map(|input| noted.data_type(input).map_or(-1, i32::from)).collect()
        } else {
            inputs.iter().map(|desc| desc.data_type).collect()
        };
        let load = || self.operator.kernels().load(self.element_types(&types));
        let _ = catch_unwind(AssertUnwindSafe(load));
    }

    /// The types to choose kernels by: the commonest ones where TensorRT has not told them.
    fn element_types(&self, inputs: &[i32]) -> ElementTypes {
        let data_type = |input: usize| inputs.get(input).copied().and_then(DataType::of);
        ElementTypes {
            values: data_type(SRC).map_or(ScalarType::F32, DataType::scalar),
            index: data_type(INDEX).and_then(DataType::index).unwrap_or(IndexType::I32),
            positions: self.signature().positions().and_then(DataType::index).unwrap_or(IndexType::I32),
        }
    }

    /// Gives the work to TensorRT's stream.
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
            let plan = self.check(inputs, outputs)?.ok_or_else(|| Refusal::new("a size is -1 in enqueue"))?;
            if input_addresses.len() != inputs.len() || output_addresses.len() != outputs.len() {
                return Err(Refusal::new("enqueue was given no addresses"));
            }
            let types: Vec<_> = inputs.iter().map(|desc| desc.data_type).collect();
            let buffers = Buffers {
                types: self.element_types(&types),
                src: input_addresses[SRC],
                index: input_addresses[INDEX],
                base: self.signature().base(input_addresses).filter(|_| self.signature().reads_base()),
                out: output_addresses[0],
                arg_out: output_addresses.get(1).copied(),
                workspace: workspace as u64,
                stream: stream as *mut c_void,
            };
            // SAFETY: the caller's promise, for the shapes and types that were checked above.
            unsafe { plan.enqueue(&buffers) }
        })
        .is_ok()
    }
}
