//! `TRTS_GatherDot`: src, index, other, other_index, optional weight -> out.

use tensorrt_scatter::{
    Combine, Error, GatherDotOptions, GatherDotPlan, ScalarType, Shape,
    gpu::raw::{GatherDotPointers, Kernels, gather_dot_raw, preload_gather_dot},
};

use super::{
    INDEX, Id, Made, Operator, SRC, Shapes, Signature,
    attribute::{self, COMBINE, HEADS, NEGATIVE_SLOPE},
    declaration::{Declaration, INDEX_INPUT, OTHER_INDEX_INPUT, OTHER_INPUT, OUT, SRC_OF_FLOATS, WEIGHT_INPUT},
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
    id: Id::GatherDot,
    name: "gather_dot",
    plugin: c"TRTS_GatherDot",
    inputs: &[SRC_OF_FLOATS, INDEX_INPUT, OTHER_INPUT, OTHER_INDEX_INPUT, WEIGHT_INPUT],
    outputs: &[OUT],
    attributes: &[COMBINE, HEADS, NEGATIVE_SLOPE],
    reductions: None,
    make,
};

const OTHER: usize = 2;
const OTHER_INDEX: usize = 3;
const WEIGHT: usize = 4;

fn make(declaration: &'static Declaration, attributes: &Attributes, _generation: Generation) -> Made {
    let (combine, heads) = (attribute::combine(attributes)?, attribute::heads(attributes)?);
    let mut options = GatherDotOptions::new(combine).heads(heads as usize);
    if let Some(slope) = attribute::negative_slope(attributes)? {
        options = options.negative_slope(slope);
    }
    Ok(Box::new(GatherDot { signature: Signature::new(declaration, Choice::default()), options, combine, heads }))
}

struct GatherDot {
    signature: Signature,
    options: GatherDotOptions,
    combine: Combine,
    heads: i32,
}

impl Operator for GatherDot {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "index")?;
        shape::check_rank_as("other", inputs[OTHER], "src", inputs[SRC])?;
        shape::check_rank_as("other_index", inputs[OTHER_INDEX], "index", inputs[INDEX])?;
        if let Some(weight) = self.signature.tensors(inputs).get(WEIGHT) {
            shape::check_one_axis("weight", weight)?;
        }
        let leading = (0..axis).map(|at| shape::copied(SRC, at));
        Ok(leading.chain([shape::copied(INDEX, axis), shape::constant(self.heads)]).collect())
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let (other, other_index) = (&shapes.inputs[OTHER], &shapes.inputs[OTHER_INDEX]);
        let weight = shapes.inputs.get(WEIGHT);
        let plan = GatherDotPlan::new(shapes.src(), shapes.index(), other, other_index, weight, &self.options)?;
        Ok(Some(Box::new(plan)))
    }

    fn workspace_bytes(&self, _shapes: &Shapes, _types: &ElementTypes) -> Result<usize, Refusal> {
        Ok(0)
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_gather_dot(kernels, self.combine, types.values(SRC), types.index(INDEX))?)
    }
}

impl Plan for GatherDotPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, _types: &ElementTypes) -> usize {
        0
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let (weight, types) = (buffers.inputs[WEIGHT], buffers.types);
        let is_wide = types.values(SRC).is_half() && types.values(WEIGHT) == ScalarType::F32;
        let pointers = GatherDotPointers {
            scalar: types.values(SRC),
            index_type: types.index(INDEX),
            src: buffers.input(SRC),
            index: buffers.input(INDEX),
            other: buffers.input(OTHER),
            other_index: buffers.input(OTHER_INDEX),
            weight,
            weights_are_float32: weight.is_some() && is_wide,
            out: buffers.outputs[0],
        };
        // SAFETY: the caller's promise.
        unsafe { gather_dot_raw(kernels, self, &pointers, buffers.stream) }
    }
}
