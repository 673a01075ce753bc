//! The GPU backend, as the plugins use it.

use tensorrt_scatter::{
    IndexType, Reduce, ScalarType, ScatterOptions, ScatterPlan,
    gpu::{Kernels, ScatterPointers, preload_scatter, scatter_raw},
};

use crate::{message::Refusal, operators::Buffers, tensor::DataType};

/// Loads the kernels of a scatter into the current context.
pub(crate) fn load_scatter(reduce: Reduce, index: DataType) -> Result<(), Refusal> {
    preload_scatter(kernels()?, &ScatterOptions::new(reduce), VALUES, index_type(index), POSITIONS)
        .map_err(|error| Refusal::new(error.to_string()))
}

fn kernels() -> Result<&'static Kernels, Refusal> {
    Kernels::for_current_context().map_err(|error| Refusal::new(error.to_string()))
}

/// The type of values that the plugins' rules of types let through.
const VALUES: ScalarType = ScalarType::F32;

/// The type of arg_out.
const POSITIONS: IndexType = IndexType::I32;

fn index_type(data_type: DataType) -> IndexType {
    match data_type {
        DataType::Int64 => IndexType::I64,
        _ => IndexType::I32,
    }
}

/// The bytes of workspace a scatter needs.
pub(crate) fn scatter_workspace_bytes(plan: &ScatterPlan) -> usize {
    plan.workspace_bytes(VALUES)
}

/// Gives a scatter to the stream; nothing is allocated and nothing waits.
///
/// # Safety
/// That of [`Plan::enqueue`](crate::operators::Plan::enqueue), for src, index, optional base, out and arg_out.
pub(crate) unsafe fn scatter(plan: &ScatterPlan, buffers: &Buffers<'_>) -> Result<(), Refusal> {
    let pointers = ScatterPointers {
        scalar: VALUES,
        index_type: index_type(buffers.input_types[1]),
        arg_type: POSITIONS,
        src: buffers.inputs[0],
        index: buffers.inputs[1],
        base: buffers.inputs.get(2).copied(),
        out: buffers.outputs[0],
        arg_out: buffers.outputs.get(1).copied(),
        workspace: buffers.workspace,
        workspace_bytes: scatter_workspace_bytes(plan),
    };
    // SAFETY: the caller's promise; TensorRT makes the context current, and the kernels are that context's.
    unsafe { scatter_raw(kernels()?, plan, &pointers, buffers.stream) }.map_err(|error| Refusal::new(error.to_string()))
}
