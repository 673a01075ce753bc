//! `TRTS_GatherScatter`: src, index, destination, optional weight -> out, and arg_out for min and max. It is also
//! `TRTS_GatherSegmentCOO`, whose destinations are sorted.

use tensorrt_scatter::{
    Error, GatherScatterOptions, GatherScatterPlan, GatherSegmentCooOptions, Reduce, ReduceOperator, Shape,
    gpu::raw::{Kernels, gather_scatter_raw, preload_gather_scatter, preload_gather_segment_coo},
};

use super::{
    INDEX, Id, Made, Operator, SRC, Shapes, Signature,
    attribute::{self, ARG_TYPE, DIM_SIZE, DIM_SIZE_INPUT, REDUCE, WEIGHT_INPUT},
    declaration::{ARG_OUT, DESTINATIONS_INPUT, Declaration, INDEX_INPUT, OUT, SRC_OF_ALL, WEIGHT_INPUT as WEIGHT},
    gathered::{self, SEGMENTS as DESTINATION},
    groups::{self, Size},
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
    id: Id::GatherScatter,
    name: "gather_scatter",
    plugin: c"TRTS_GatherScatter",
    inputs: &[SRC_OF_ALL, INDEX_INPUT, DESTINATIONS_INPUT, WEIGHT],
    outputs: &[OUT, ARG_OUT],
    attributes: &[DIM_SIZE, REDUCE, ARG_TYPE, DIM_SIZE_INPUT, WEIGHT_INPUT],
    reductions: Some(ReduceOperator::GatherScatter),
    make,
};

pub(super) fn make(declaration: &'static Declaration, attributes: &Attributes, generation: Generation) -> Made {
    let is_sorted = declaration.id == Id::GatherSegmentCoo;
    let reduce = attribute::reduce(declaration.reductions.unwrap_or(ReduceOperator::GatherScatter), attributes)?;
    let size = Size::of_groups(attributes, generation)?;
    if size == Size::Base {
        return Err(groups::unknown_without_base());
    }
    let positions = attribute::positions(attributes, reduce, generation)?;
    let has_weight = attribute::flag(attributes, &WEIGHT_INPUT, false)?;
    let weight = (has_weight || size.is_input()).then_some(has_weight);
    let choice = Choice { has_group_count: size.is_input(), weight, positions, ..Choice::default() };
    Ok(Box::new(GatherScatter { signature: Signature::new(declaration, choice), reduce, size, is_sorted }))
}

struct GatherScatter {
    signature: Signature,
    reduce: Reduce,
    size: Size,
    /// Whether the destinations are sorted.
    is_sorted: bool,
}

impl GatherScatter {
    fn plan_of(
        &self,
        src: &Shape,
        index: &Shape,
        destination: &Shape,
        weight: Option<&Shape>,
        groups: usize,
    ) -> Result<GatherScatterPlan, Error> {
        if self.is_sorted {
            let options = GatherSegmentCooOptions::new(self.reduce).dim_size(groups);
            return GatherScatterPlan::coo(src, index, destination, weight, &options);
        }
        let options = GatherScatterOptions::new(self.reduce).dim_size(groups);
        GatherScatterPlan::new(src, index, destination, weight, &options)
    }

    /// The number of groups; None if it is not known yet.
    fn group_count(&self, shapes: &Shapes) -> Result<Option<usize>, Refusal> {
        self.size.known(shapes, "dim_size", axis(shapes))
    }
}

/// The axis of src that the index lies along.
fn axis(shapes: &Shapes) -> usize {
    shapes.index().rank().saturating_sub(1)
}

impl Operator for GatherScatter {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = gathered::checked_axis(&self.signature, inputs)?;
        let groups = self.size.source(&self.signature, inputs, "dim_size", axis)?;
        Ok(shape::src_sizes_with(inputs[SRC], axis, groups))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let (index, destination) = (shapes.index(), &shapes.inputs[DESTINATION]);
        let (weight, groups) = (shapes.inputs.get(gathered::WEIGHT), self.group_count(shapes)?);
        let plan = self.plan_of(shapes.src(), index, destination, weight, groups.unwrap_or(0))?;
        shape::check_positions(self.signature.positions(), "index", index.dims()[axis(shapes)])?;
        Ok(groups.map(|_| Box::new(plan) as Box<dyn Plan>))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        let groups = self.group_count(shapes)?.ok_or_else(Refusal::unknown_workspace)?;
        // An index and destinations that repeat over no axis need the most. Weights need none: how they are read does
        // not change the most that chunks may take.
        let (src, axis) = (shapes.src(), axis(shapes));
        let elements = shapes.index().dims().last().copied().unwrap_or(0);
        shape::check_countable([*src, src.with_axis(axis, elements)?, src.with_axis(axis, groups)?])?;
        let index = shape::leading(src, axis + 1)?.with_axis(axis, elements)?;
        let plan = self.plan_of(src, &index, &index, None, groups)?;
        Ok(Plan::workspace_bytes(&plan, types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        let preload = if self.is_sorted { preload_gather_segment_coo } else { preload_gather_scatter };
        Ok(preload(kernels, self.reduce, types.values(SRC), types.index(INDEX))?)
    }
}

impl Plan for GatherScatterPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.values(SRC))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = gathered::pointers(buffers, self.workspace_bytes(buffers.types.values(SRC)));
        // SAFETY: the caller's promise.
        unsafe { gather_scatter_raw(kernels, self, &pointers, buffers.stream) }
    }
}
