//! `TRTS_SegmentCOO`: src, sorted index, optional base -> out, and arg_out for min and max.

use tensorrt_scatter::{
    Error, Reduce, ReduceOperator, SegmentCooOptions, SegmentPlan, Shape,
    gpu::raw::{Kernels, preload_segment_coo},
};

use super::{
    INDEX, Id, Made, SRC, Signature,
    attribute::{self, ARG_TYPE, DIM_SIZE, DIM_SIZE_INPUT, REDUCE},
    declaration::{ARG_OUT, BASE_INPUT, Declaration, INDEX_INPUT, OUT, SRC_OF_ALL},
    grouped::{Axis, Grouped, Kind},
    groups::Size,
    signature::Choice,
};
use crate::{attributes::Attributes, backend::ElementTypes, tensorrt::Generation};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::SegmentCoo,
    name: "segment_coo",
    plugin: c"TRTS_SegmentCOO",
    inputs: &[SRC_OF_ALL, INDEX_INPUT, BASE_INPUT],
    outputs: &[OUT, ARG_OUT],
    attributes: &[DIM_SIZE, REDUCE, ARG_TYPE, DIM_SIZE_INPUT],
    reductions: Some(ReduceOperator::SegmentCoo),
    make,
};

fn make(declaration: &'static Declaration, attributes: &Attributes, generation: Generation) -> Made {
    let reduce = attribute::reduce(ReduceOperator::SegmentCoo, attributes)?;
    let groups = Size::of_groups(attributes, generation)?;
    let positions = attribute::positions(attributes, reduce, generation)?;
    let choice = Choice { has_group_count: groups.is_input(), positions, ..Choice::default() };
    Ok(Box::new(Grouped {
        signature: Signature::new(declaration, choice),
        axis: Axis::LastOfIndex,
        groups,
        kind: SegmentCoo(reduce),
    }))
}

struct SegmentCoo(Reduce);

impl Kind for SegmentCoo {
    type Plan = SegmentPlan;

    fn is_over_elements(&self) -> bool {
        false
    }

    fn plan(&self, src: &Shape, index: &Shape, base: Option<&Shape>, groups: usize) -> Result<SegmentPlan, Error> {
        SegmentPlan::coo(src, index, base, &SegmentCooOptions::new(self.0).dim_size(groups))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Error> {
        preload_segment_coo(kernels, self.0, types.values(SRC), types.index(INDEX))
    }
}
