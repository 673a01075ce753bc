//! What softmax_csr, log_softmax_csr, logsumexp_csr and std_csr have in common.

use tensorrt_scatter::{
    Composite, CompositeCsrOptions, CompositeCsrPlan, Error, Shape,
    gpu::raw::{CompositeCsrPointers, Kernels, composite_csr_raw, preload_composite_csr},
};

use super::{
    INDEX, Made, Operator, SRC, Shapes, Signature,
    attribute::{self, UNBIASED},
    composite::is_over_elements,
    declaration::Declaration,
    segment, shape,
    signature::Choice,
};
use crate::{
    abi::DimSource,
    attributes::Attributes,
    backend::{Buffers, ElementTypes, Plan},
    message::Refusal,
};

/// The operator of a composite over segments.
pub(super) fn make(composite: Composite, declaration: &'static Declaration, attributes: &Attributes) -> Made {
    let mut options = CompositeCsrOptions::new();
    if let Some(eps) = attribute::eps(attributes)? {
        options = options.eps(eps);
    }
    options = options.unbiased(attribute::flag(attributes, &UNBIASED, true)?);
    Ok(Box::new(CompositeCsr { signature: Signature::new(declaration, Choice::default()), composite, options }))
}

struct CompositeCsr {
    signature: Signature,
    composite: Composite,
    options: CompositeCsrOptions,
}

impl CompositeCsr {
    fn plan_of(&self, src: &Shape, indptr: &Shape) -> Result<CompositeCsrPlan, Error> {
        CompositeCsrPlan::new(self.composite, src, indptr, &self.options)
    }
}

impl Operator for CompositeCsr {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "indptr")?;
        let is_over_elements = is_over_elements(self.composite);
        let size = if is_over_elements { shape::copied(SRC, axis) } else { shape::segments_of(INDEX, axis) };
        Ok(shape::src_sizes_with(inputs[SRC], axis, size))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        Ok(Some(Box::new(self.plan_of(shapes.src(), shapes.index())?)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        let indptr = segment::widest_indptr(shapes)?;
        Ok(Plan::workspace_bytes(&self.plan_of(shapes.src(), &indptr)?, types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_composite_csr(kernels, self.composite, types.values(SRC))?)
    }
}

impl Plan for CompositeCsrPlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.values(SRC))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = CompositeCsrPointers {
            scalar: buffers.types.values(SRC),
            index_type: buffers.types.index(INDEX),
            src: buffers.input(SRC),
            indptr: buffers.input(INDEX),
            out: buffers.outputs[0],
            workspace: buffers.workspace,
            workspace_bytes: self.workspace_bytes(buffers.types.values(SRC)),
        };
        // SAFETY: the caller's promise.
        unsafe { composite_csr_raw(kernels, self, &pointers, buffers.stream) }
    }
}
