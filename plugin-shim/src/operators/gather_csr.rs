//! `TRTS_GatherCSR`: src, indptr, base or attribute size -> out.

use tensorrt_scatter::{
    GatherPlan,
    gpu::raw::{Kernels, preload_gather_csr},
};

use super::{
    INDEX, Id, Made, Operator, SRC, Shapes, Signature,
    attribute::SIZE,
    declaration::{DESTINATION_INPUT, Declaration, INDPTR_INPUT, OUT, SRC_OF_ALL},
    groups::Size,
    shape,
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
    id: Id::GatherCsr,
    name: "gather_csr",
    plugin: c"TRTS_GatherCSR",
    inputs: &[SRC_OF_ALL, INDPTR_INPUT, DESTINATION_INPUT],
    outputs: &[OUT],
    attributes: &[SIZE],
    reductions: None,
    make,
};

fn make(declaration: &'static Declaration, attributes: &Attributes, _generation: Generation) -> Made {
    let size = Size::of(attributes, &SIZE)?;
    Ok(Box::new(GatherCsr { signature: Signature::new(declaration, Choice::default()), size }))
}

struct GatherCsr {
    signature: Signature,
    /// The rows of the result.
    size: Size,
}

impl Operator for GatherCsr {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "indptr")?;
        Ok(shape::src_sizes_with(inputs[SRC], axis, self.size.source(&self.signature, inputs, "size", axis)?))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let size = self.size.known(shapes, "size", shapes.index().rank().saturating_sub(1))?;
        let plan = GatherPlan::csr(shapes.src(), shapes.index(), size.unwrap_or(0))?;
        shape::check_base(shapes.base(), plan.out_shape())?;
        Ok(size.map(|_| Box::new(plan) as Box<dyn Plan>))
    }

    fn workspace_bytes(&self, _shapes: &Shapes, _types: &ElementTypes) -> Result<usize, Refusal> {
        Ok(0)
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_gather_csr(kernels, types.values(SRC), types.index(INDEX))?)
    }
}
