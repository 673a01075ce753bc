//! `TRTS_SegmentCOO`: src, sorted index, optional base -> out, and arg_out for min and max.

use tensorrt_scatter::{Reduce, ScalarType, SegmentCooOptions, SegmentPlan};

use super::{
    Operator, Row, SRC, Shapes, Signature,
    attribute::{self, ARG_TYPE, DIM_SIZE, DIM_SIZE_INPUT, REDUCE},
    groups::Size,
    shape,
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
    name: c"TRTS_SegmentCOO",
    attributes: &[DIM_SIZE, REDUCE, ARG_TYPE, DIM_SIZE_INPUT],
    operator: |attributes, generation| Ok(Box::new(SegmentCoo::new(attributes, generation)?)),
};

struct SegmentCoo {
    signature: Signature,
    reduce: Reduce,
    groups: Size,
}

impl SegmentCoo {
    fn new(attributes: &Attributes, generation: Generation) -> Result<Self, Refusal> {
        let reduce = attribute::segment_reduce(attributes, "segment_coo")?;
        let groups = Size::of_groups(attributes, generation)?;
        let positions = attribute::positions(attributes, reduce, generation)?;
        let signature = Signature::new(DataType::VALUES, "index", groups.third_input(), positions);
        Ok(Self { signature, reduce, groups })
    }

    fn options(&self) -> SegmentCooOptions {
        SegmentCooOptions::new(self.reduce)
    }

    fn group_count(&self, shapes: &Shapes) -> Result<Option<usize>, Refusal> {
        self.groups.known(shapes, "dim_size", shapes.index.rank().saturating_sub(1))
    }
}

impl Operator for SegmentCoo {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "index")?;
        Ok(shape::src_sizes_with(inputs[SRC], axis, self.groups.source(inputs, "dim_size", axis)?))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Plan>, Refusal> {
        let groups = self.group_count(shapes)?;
        let options = self.options().dim_size(groups.unwrap_or(0));
        let plan = SegmentPlan::coo(&shapes.src, &shapes.index, shapes.base.as_ref(), &options)?;
        shape::check_positions(self.signature.positions(), shapes.src.dims()[shapes.index.rank() - 1])?;
        Ok(groups.map(|_| Plan::Segment(plan)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, values: ScalarType) -> Result<usize, Refusal> {
        let groups = self.group_count(shapes)?.ok_or_else(Refusal::unknown_workspace)?;
        // An index that repeats over no axis needs the most.
        let index = shape::leading(&shapes.src, shapes.index.rank())?;
        let plan = SegmentPlan::coo(&shapes.src, &index, None, &self.options().dim_size(groups))?;
        Ok(plan.workspace_bytes(values))
    }

    fn kernels(&self) -> KernelSet {
        KernelSet::Segment(self.reduce)
    }
}
