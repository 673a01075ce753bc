//! `TRTS_GatherSegmentCSR`: src, index, indptr, optional weight -> out, and arg_out for min and max.

use tensorrt_scatter::{
    Error, GatherSegmentCsrOptions, GatherSegmentPlan, Reduce, ReduceOperator, Shape,
    gpu::raw::{Kernels, gather_segment_raw, preload_gather_segment_csr},
};

use super::{
    Id, Made, Operator, SRC, Shapes, Signature,
    attribute::{self, ARG_TYPE, REDUCE},
    declaration::{ARG_OUT, Declaration, INDEX_INPUT, INDPTR_INPUT, OUT, SRC_OF_ALL, WEIGHT_INPUT},
    gathered::{self, SEGMENTS, WEIGHT},
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
    id: Id::GatherSegmentCsr,
    name: "gather_segment_csr",
    plugin: c"TRTS_GatherSegmentCSR",
    inputs: &[SRC_OF_ALL, INDEX_INPUT, INDPTR_INPUT, WEIGHT_INPUT],
    outputs: &[OUT, ARG_OUT],
    attributes: &[REDUCE, ARG_TYPE],
    reductions: Some(ReduceOperator::GatherSegmentCsr),
    make,
};

fn make(declaration: &'static Declaration, attributes: &Attributes, generation: Generation) -> Made {
    let reduce = attribute::reduce(ReduceOperator::GatherSegmentCsr, attributes)?;
    let positions = attribute::positions(attributes, reduce, generation)?;
    let signature = Signature::new(declaration, Choice { positions, ..Choice::default() });
    Ok(Box::new(GatherSegmentCsr { signature, reduce }))
}

struct GatherSegmentCsr {
    signature: Signature,
    reduce: Reduce,
}

impl GatherSegmentCsr {
    fn options(&self) -> GatherSegmentCsrOptions {
        GatherSegmentCsrOptions::new(self.reduce)
    }
}

impl Operator for GatherSegmentCsr {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = gathered::checked_axis(&self.signature, inputs)?;
        Ok(shape::src_sizes_with(inputs[SRC], axis, shape::segments_of(SEGMENTS, axis)))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let (index, indptr, weight) = (shapes.index(), &shapes.inputs[SEGMENTS], shapes.inputs.get(WEIGHT));
        let plan = GatherSegmentPlan::csr(shapes.src(), index, indptr, weight, &self.options())?;
        shape::check_positions(self.signature.positions(), "index", index.dims()[index.rank() - 1])?;
        Ok(Some(Box::new(plan)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        // Weights need none: how they are read does not change the most that chunks may take.
        let (index, indptr) = gathered::widest_index_and_indptr(shapes)?;
        let plan = GatherSegmentPlan::csr(shapes.src(), &index, &indptr, None, &self.options())?;
        Ok(Plan::workspace_bytes(&plan, types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_gather_segment_csr(kernels, self.reduce, types.values(SRC))?)
    }
}

impl Plan for GatherSegmentPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.values(SRC))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = gathered::pointers(buffers, self.workspace_bytes(buffers.types.values(SRC)));
        // SAFETY: the caller's promise.
        unsafe { gather_segment_raw(kernels, self, &pointers, buffers.stream) }
    }
}
