//! `TRTS_Scatter`: src, index, optional base -> out, and arg_out for min and max.

use tensorrt_scatter::{
    Error, ReduceOperator, ScatterOptions, ScatterPlan, Shape,
    gpu::raw::{Kernels, StreamQueue, enqueue_scatter, preload_scatter},
};

use super::{
    INDEX, Id, Made, SRC, Signature,
    attribute::{self, ARG_TYPE, DETERMINISTIC, DIM, DIM_SIZE, DIM_SIZE_INPUT, REDUCE},
    declaration::{ARG_OUT, BASE_INPUT, Declaration, INDEX_INPUT, OUT, SRC_OF_ALL},
    grouped::{Axis, Grouped, Kind},
    groups::Size,
    signature::Choice,
};
use crate::{
    attributes::Attributes,
    backend::{Buffers, ElementTypes, Plan, reduction_pointers},
    tensorrt::Generation,
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::Scatter,
    name: "scatter",
    plugin: c"TRTS_Scatter",
    inputs: &[SRC_OF_ALL, INDEX_INPUT, BASE_INPUT],
    outputs: &[OUT, ARG_OUT],
    attributes: &[DIM, DIM_SIZE, REDUCE, ARG_TYPE, DIM_SIZE_INPUT, DETERMINISTIC],
    reductions: Some(ReduceOperator::Scatter),
    make,
};

fn make(declaration: &'static Declaration, attributes: &Attributes, generation: Generation) -> Made {
    let reduce = attribute::reduce(ReduceOperator::Scatter, attributes)?;
    let groups = Size::of_groups(attributes, generation)?;
    let positions = attribute::positions(attributes, reduce, generation)?;
    let choice = Choice { has_group_count: groups.is_input(), positions, ..Choice::default() };
    let dim = attribute::dim(attributes);
    let deterministic = attribute::flag(attributes, &DETERMINISTIC, false)?;
    Ok(Box::new(Grouped {
        signature: Signature::new(declaration, choice),
        axis: Axis::Dim(dim),
        groups,
        kind: Scatter(ScatterOptions::new(reduce).dim(dim as isize).deterministic(deterministic)),
    }))
}

struct Scatter(ScatterOptions);

impl Kind for Scatter {
    type Plan = ScatterPlan;

    fn is_over_elements(&self) -> bool {
        false
    }

    fn plan(&self, src: &Shape, index: &Shape, base: Option<&Shape>, groups: usize) -> Result<ScatterPlan, Error> {
        ScatterPlan::new(src, index, base, &self.0.dim_size(groups))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Error> {
        preload_scatter(kernels, &self.0, types.values(SRC), types.index(INDEX), types.positions())
    }
}

impl Plan for ScatterPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.values(SRC))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = reduction_pointers(buffers, self.workspace_bytes(buffers.types.values(SRC)));
        // SAFETY: the caller's promise.
        unsafe { enqueue_scatter(&mut StreamQueue::new(kernels, buffers.stream), self, &pointers) }
    }
}
