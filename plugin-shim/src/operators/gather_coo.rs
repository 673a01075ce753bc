//! `TRTS_GatherCOO`: src, index, optional base -> out.

use tensorrt_scatter::{
    GatherPlan,
    gpu::raw::{Kernels, preload_gather_coo},
};

use super::{
    INDEX, Id, Operator, SRC, Shapes, Signature,
    declaration::{DESTINATION_INPUT, Declaration, INDEX_INPUT, OUT, SRC_OF_ALL},
    shape,
    signature::Choice,
};
use crate::{
    abi::DimSource,
    backend::{ElementTypes, Plan},
    message::Refusal,
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::GatherCoo,
    name: "gather_coo",
    plugin: c"TRTS_GatherCOO",
    inputs: &[SRC_OF_ALL, INDEX_INPUT, DESTINATION_INPUT],
    outputs: &[OUT],
    attributes: &[],
    reductions: None,
    make: |declaration, _, _| Ok(Box::new(GatherCoo { signature: Signature::new(declaration, Choice::default()) })),
};

struct GatherCoo {
    signature: Signature,
}

impl Operator for GatherCoo {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "index")?;
        if let Some(base) = self.signature.base(inputs) {
            shape::check_base_rank(base, inputs[SRC])?;
        }
        Ok(shape::src_sizes_with(inputs[SRC], axis, shape::copied(INDEX, axis)))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let plan = GatherPlan::coo(shapes.src(), shapes.index())?;
        shape::check_base(shapes.base(), plan.out_shape())?;
        Ok(Some(Box::new(plan)))
    }

    fn workspace_bytes(&self, _shapes: &Shapes, _types: &ElementTypes) -> Result<usize, Refusal> {
        Ok(0)
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_gather_coo(kernels, types.values(SRC), types.index(INDEX))?)
    }
}
