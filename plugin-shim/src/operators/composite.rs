//! What softmax, log_softmax, logsumexp and std have in common.

use tensorrt_scatter::{
    Composite, CompositeOptions, CompositePlan, Error, Shape,
    gpu::raw::{CompositePointers, Kernels, StreamQueue, enqueue_composite, preload_composite},
};

use super::{
    INDEX, Made, SRC, Signature,
    attribute::{self, UNBIASED},
    declaration::Declaration,
    grouped::{Axis, Grouped, Kind},
    groups::{self, Size},
    signature::Choice,
};
use crate::{
    attributes::Attributes,
    backend::{Buffers, ElementTypes, Plan},
    message::Refusal,
    tensorrt::Generation,
};

/// The operator of a composite.
pub(super) fn make(
    composite: Composite,
    declaration: &'static Declaration,
    attributes: &Attributes,
    generation: Generation,
) -> Made {
    let size = Size::of_groups(attributes, generation)?;
    let is_over_elements = is_over_elements(composite);
    if size == Size::Base {
        return Err(if is_over_elements {
            Refusal::new(
                "attribute dim_size is missing; give any number above the largest index (more groups give the same \
                 result), or from TensorRT 10 on a shape tensor and attribute dim_size_input = 1",
            )
        } else {
            groups::unknown_without_base()
        });
    }
    let tells_groups = is_over_elements && size.is_input();
    let choice = Choice { has_group_count: size.is_input(), tells_groups, ..Choice::default() };
    let dim = attribute::dim(attributes);
    let mut options = CompositeOptions::new().dim(dim as isize);
    if let Some(eps) = attribute::eps(attributes)? {
        options = options.eps(eps);
    }
    options = options.unbiased(attribute::flag(attributes, &UNBIASED, true)?);
    Ok(Box::new(Grouped {
        signature: Signature::new(declaration, choice),
        axis: Axis::Dim(dim),
        groups: size,
        kind: CompositeKind { composite, options },
    }))
}

/// Whether the result has src's shape, and not a row for each group.
pub(super) fn is_over_elements(composite: Composite) -> bool {
    match composite {
        Composite::Softmax | Composite::LogSoftmax => true,
        Composite::LogSumExp | Composite::Std => false,
    }
}

struct CompositeKind {
    composite: Composite,
    options: CompositeOptions,
}

impl Kind for CompositeKind {
    type Plan = CompositePlan;

    fn is_over_elements(&self) -> bool {
        is_over_elements(self.composite)
    }

    fn plan(&self, src: &Shape, index: &Shape, _base: Option<&Shape>, groups: usize) -> Result<CompositePlan, Error> {
        CompositePlan::new(self.composite, src, index, &self.options.dim_size(groups))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Error> {
        preload_composite(kernels, self.composite, types.values(SRC), types.index(INDEX))
    }
}

impl Plan for CompositePlan {
    fn out_shape(&self, _output: usize) -> &Shape {
        self.out_shape()
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.values(SRC))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let pointers = CompositePointers {
            scalar: buffers.types.values(SRC),
            index_type: buffers.types.index(INDEX),
            src: buffers.input(SRC),
            index: buffers.input(INDEX),
            out: buffers.outputs[0],
            workspace: buffers.workspace,
            workspace_bytes: self.workspace_bytes(buffers.types.values(SRC)),
        };
        // SAFETY: the caller's promise.
        unsafe { enqueue_composite(&mut StreamQueue::new(kernels, buffers.stream), self, &pointers) }
    }
}
