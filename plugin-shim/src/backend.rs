//! The GPU backend, as the plugins use it.

use tensorrt_scatter::{
    IndexType, ScalarType, ScatterPlan,
    gpu::{Kernels, ScatterPointers, scatter_raw},
};

use crate::{message::Refusal, operators::Buffers, tensor::DataType};

/// Loads the kernels into the current context, if there is one.
pub(crate) fn load_kernels() -> Result<(), Refusal> {
    kernels().map(drop)
}

fn kernels() -> Result<&'static Kernels, Refusal> {
    Kernels::for_current_context().map_err(|error| Refusal::new(error.to_string()))
}

/// Gives a scatter to the stream; nothing is allocated and nothing waits.
///
/// # Safety
/// That of [`Plan::enqueue`](crate::operators::Plan::enqueue), for src, index, optional base, out and arg_out.
pub(crate) unsafe fn scatter(plan: &ScatterPlan, buffers: &Buffers<'_>) -> Result<(), Refusal> {
    let index_type = match buffers.input_types[1] {
        DataType::Int64 => IndexType::I64,
        _ => IndexType::I32,
    };
    let pointers = ScatterPointers {
        scalar: ScalarType::F32,
        index_type,
        arg_type: IndexType::I32,
        src: buffers.inputs[0],
        index: buffers.inputs[1],
        base: buffers.inputs.get(2).copied(),
        out: buffers.outputs[0],
        arg_out: buffers.outputs.get(1).copied(),
        workspace: buffers.workspace,
        workspace_bytes: plan.workspace_bytes(),
    };
    // SAFETY: the caller's promise; TensorRT makes the context current, and the kernels are that context's.
    unsafe { scatter_raw(kernels()?, plan, &pointers, buffers.stream) }.map_err(|error| Refusal::new(error.to_string()))
}
