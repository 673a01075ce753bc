//! `TRTS_AttentionCSR`: src, index, indptr, score -> out.

use tensorrt_scatter::{
    AttentionCsrPlan, Error, Shape,
    gpu::raw::{Kernels, attention_csr_raw, preload_attention_csr},
};

use super::{
    Id, Made, Operator, SRC, Shapes, Signature,
    declaration::{Declaration, INDEX_INPUT, INDPTR_INPUT, OUT, SCORE_INPUT, SRC_OF_FLOATS},
    gathered::{self, SEGMENTS, WEIGHT as SCORE},
    shape,
    signature::Choice,
};
use crate::{
    abi::DimSource,
    attributes::Attributes,
    backend::{Buffers, ElementTypes, Plan},
    message::Refusal,
    tensorrt::Generation,
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::AttentionCsr,
    name: "attention_csr",
    plugin: c"TRTS_AttentionCSR",
    inputs: &[SRC_OF_FLOATS, INDEX_INPUT, INDPTR_INPUT, SCORE_INPUT],
    outputs: &[OUT],
    attributes: &[],
    reductions: None,
    make,
};

fn make(declaration: &'static Declaration, _attributes: &Attributes, _generation: Generation) -> Made {
    Ok(Box::new(AttentionCsr { signature: Signature::new(declaration, Choice::default()) }))
}

struct AttentionCsr {
    signature: Signature,
}

impl Operator for AttentionCsr {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = gathered::checked_axis(&self.signature, inputs)?;
        Ok(shape::src_sizes_with(inputs[SRC], axis, shape::segments_of(SEGMENTS, axis)))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let (indptr, score) = (&shapes.inputs[SEGMENTS], &shapes.inputs[SCORE]);
        Ok(Some(Box::new(AttentionCsrPlan::new(shapes.src(), shapes.index(), indptr, score)?)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        // How many heads there are, and how scores are read, does not change what the plan asks for.
        let (index, indptr) = gathered::widest_index_and_indptr(shapes)?;
        let plan = AttentionCsrPlan::new(shapes.src(), &index, &indptr, &index)?;
        Ok(Plan::workspace_bytes(&plan, types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_attention_csr(kernels, types.values(SRC))?)
    }
}

impl Plan for AttentionCsrPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.values(SRC))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = gathered::pointers(buffers, self.workspace_bytes(buffers.types.values(SRC)));
        // SAFETY: the caller's promise.
        unsafe { attention_csr_raw(kernels, self, &pointers, buffers.stream) }
    }
}
