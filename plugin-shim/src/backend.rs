//! What a plugin's operator does on the GPU: a plan, which is given the addresses of a layer's tensors.

use std::ffi::c_void;

use tensorrt_scatter::{
    Error, IndexType, ScalarType, Shape,
    gpu::raw::{Kernels, ReductionPointers},
};

use crate::{
    inputs::{INDEX, MAX_INPUTS, SRC},
    tensor::DataType,
};

/// The types of a layer's tensors. Where TensorRT has not told one, the commonest stands for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ElementTypes {
    inputs: [Option<DataType>; MAX_INPUTS],
    positions: Option<DataType>,
}

impl ElementTypes {
    /// The types of inputs, as `nvinfer1::DataType`s in the declaration's order, and of arg_out.
    pub(crate) fn new(inputs: impl IntoIterator<Item = i32>, positions: Option<DataType>) -> Self {
        let mut types = Self { inputs: [None; MAX_INPUTS], positions };
        types.inputs.iter_mut().zip(inputs).for_each(|(to, data_type)| *to = DataType::of(data_type));
        types
    }

    /// The type of an input of values.
    pub(crate) fn values(&self, input: usize) -> ScalarType {
        self.inputs[input].map_or(ScalarType::F32, DataType::scalar)
    }

    /// The type of an input that is an index or an indptr.
    pub(crate) fn index(&self, input: usize) -> IndexType {
        self.inputs[input].and_then(DataType::index).unwrap_or(IndexType::I32)
    }

    /// The type of arg_out.
    pub(crate) fn positions(&self) -> IndexType {
        self.positions.and_then(DataType::index).unwrap_or(IndexType::I32)
    }
}

/// What a plan works on: addresses in device memory.
pub(crate) struct Buffers<'a> {
    pub(crate) types: &'a ElementTypes,
    /// The addresses of the inputs, in the declaration's order. None for an input that the layer lacks, or whose
    /// elements do not matter.
    pub(crate) inputs: [Option<u64>; MAX_INPUTS],
    /// The address of base, if the layer has one and its elements matter.
    pub(crate) base: Option<u64>,
    /// The addresses of the outputs, in the layer's order.
    pub(crate) outputs: &'a [u64],
    pub(crate) workspace: u64,
    /// A `CUstream`.
    pub(crate) stream: *mut c_void,
}

impl Buffers<'_> {
    /// The address of an input that every layer of the operator has.
    pub(crate) fn input(&self, input: usize) -> u64 {
        self.inputs[input].expect("the number of inputs was checked")
    }
}

/// Work on shapes that are known and fit.
pub(crate) trait Plan: Send {
    /// The shape of an output of the declaration, by its position.
    fn out_shape(&self, output: usize) -> &Shape;

    /// The bytes of workspace that the work takes.
    fn workspace_bytes(&self, types: &ElementTypes) -> usize;

    /// Enqueues the work on a stream of the current context; `kernels` are those of the context. It allocates nothing
    /// on the device and does not wait. Elements with a bad index are left out.
    ///
    /// # Safety
    /// The addresses must be those of tensors of the planned shapes and the given types in device memory; `workspace`
    /// that of [`workspace_bytes`](Self::workspace_bytes) bytes; all valid until the stream has executed the work given
    /// to it. `stream` must be a stream of the current context.
    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error>;
}

/// Where a reduction's tensors are.
pub(crate) fn reduction_pointers(buffers: &Buffers, workspace_bytes: usize) -> ReductionPointers {
    ReductionPointers {
        scalar: buffers.types.values(SRC),
        index_type: buffers.types.index(INDEX),
        arg_type: buffers.types.positions(),
        src: buffers.input(SRC),
        index: buffers.input(INDEX),
        base: buffers.base,
        out: buffers.outputs[0],
        arg_out: buffers.outputs.get(1).copied(),
        workspace: buffers.workspace,
        workspace_bytes,
    }
}
