//! `TRTS_SegmentCSR`: src, indptr, optional base -> out, and arg_out for min and max.

use tensorrt_scatter::{
    Reduce, ReduceOperator, SegmentCsrOptions, SegmentPlan,
    gpu::raw::{Kernels, preload_segment_csr},
};

use super::{
    INDEX, Id, Made, Operator, SRC, Shapes, Signature,
    attribute::{self, ARG_TYPE, REDUCE},
    declaration::{ARG_OUT, DESTINATION_INPUT, Declaration, INDPTR_INPUT, OUT, SRC_OF_ALL},
    segment, shape,
    signature::Choice,
};
use crate::{
    abi::DimSource,
    attributes::Attributes,
    backend::{ElementTypes, Plan},
    message::Refusal,
    tensorrt::Generation,
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::SegmentCsr,
    name: "segment_csr",
    plugin: c"TRTS_SegmentCSR",
    inputs: &[SRC_OF_ALL, INDPTR_INPUT, DESTINATION_INPUT],
    outputs: &[OUT, ARG_OUT],
    attributes: &[REDUCE, ARG_TYPE],
    reductions: Some(ReduceOperator::SegmentCsr),
    make,
};

/// Of a plugin whose declaration has no positions, minima and maxima have none.
pub(super) fn make(declaration: &'static Declaration, attributes: &Attributes, generation: Generation) -> Made {
    let reduce = attribute::reduce(ReduceOperator::SegmentCsr, attributes)?;
    let positions = attribute::positions(attributes, reduce, generation)?.filter(|_| declaration.has_positions());
    let signature = Signature::new(declaration, Choice { positions, ..Choice::default() });
    Ok(Box::new(SegmentCsr { signature, reduce }))
}

struct SegmentCsr {
    signature: Signature,
    reduce: Reduce,
}

impl SegmentCsr {
    fn options(&self) -> SegmentCsrOptions {
        SegmentCsrOptions::new(self.reduce)
    }
}

impl Operator for SegmentCsr {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "indptr")?;
        if let Some(base) = self.signature.base(inputs) {
            shape::check_base_rank(base, inputs[SRC])?;
        }
        Ok(shape::src_sizes_with(inputs[SRC], axis, shape::segments_of(INDEX, axis)))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let plan = SegmentPlan::csr(shapes.src(), shapes.index(), &self.options())?;
        shape::check_base(shapes.base(), plan.out_shape())?;
        shape::check_positions(self.signature.positions(), "src", shapes.src().dims()[shapes.index().rank() - 1])?;
        Ok(Some(Box::new(plan)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        let plan = SegmentPlan::csr(shapes.src(), &segment::widest_indptr(shapes)?, &self.options())?;
        Ok(Plan::workspace_bytes(&plan, types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_segment_csr(kernels, self.reduce, types.values(SRC), types.index(INDEX))?)
    }
}
