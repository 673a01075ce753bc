//! `TRTS_SegmentCSR`: src, indptr, optional base -> out, and arg_out for min and max.

use tensorrt_scatter::{Reduce, ScalarType, SegmentCsrOptions, SegmentPlan};

use super::{
    INDEX, Operator, Row, SRC, Shapes, Signature, THIRD,
    attribute::{self, ARG_TYPE, REDUCE},
    shape,
    signature::ThirdInput,
};
use crate::{
    abi::DimSource,
    attributes::Attributes,
    backend::{KernelSet, Plan},
    message::Refusal,
    tensor::DataType,
    tensorrt::Generation,
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_SegmentCSR",
    attributes: &[REDUCE, ARG_TYPE],
    operator: |attributes, generation| Ok(Box::new(SegmentCsr::new(attributes, generation)?)),
};

struct SegmentCsr {
    signature: Signature,
    reduce: Reduce,
}

impl SegmentCsr {
    fn new(attributes: &Attributes, generation: Generation) -> Result<Self, Refusal> {
        let reduce = attribute::segment_reduce(attributes, "segment_csr")?;
        let positions = attribute::positions(attributes, reduce, generation)?;
        Ok(Self { signature: Signature::new(DataType::VALUES, "indptr", ThirdInput::Destination, positions), reduce })
    }

    fn options(&self) -> SegmentCsrOptions {
        SegmentCsrOptions::new(self.reduce)
    }
}

impl Operator for SegmentCsr {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "indptr")?;
        if let Some(base) = inputs.get(THIRD) {
            shape::check_base_rank(base, inputs[SRC])?;
        }
        Ok(shape::src_sizes_with(inputs[SRC], axis, shape::segments_of(INDEX, axis)))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Plan>, Refusal> {
        let plan = SegmentPlan::csr(&shapes.src, &shapes.index, &self.options())?;
        shape::check_base(shapes.base.as_ref(), plan.out_shape())?;
        shape::check_positions(self.signature.positions(), shapes.src.dims()[shapes.index.rank() - 1])?;
        Ok(Some(Plan::Segment(plan)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, values: ScalarType) -> Result<usize, Refusal> {
        // An indptr that repeats over no axis needs the most.
        let axis = shapes.index.rank().saturating_sub(1);
        let segments = shapes.index.dims().last().copied().unwrap_or(0);
        let indptr = shape::leading(&shapes.src, axis + 1)?.with_axis(axis, segments)?;
        Ok(SegmentPlan::csr(&shapes.src, &indptr, &self.options())?.workspace_bytes(values))
    }

    fn kernels(&self) -> KernelSet {
        KernelSet::Segment(self.reduce)
    }
}
