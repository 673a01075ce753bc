//! What softmax, log_softmax, logsumexp and std have in common.

use tensorrt_scatter::{Composite, CompositeOptions, CompositePlan, ScalarType};

use super::{
    Made, Operator, SRC, Shapes, Signature,
    attribute::{self, EPS, UNBIASED},
    groups::Size,
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

/// An operator whose result has src's shape.
pub(super) fn over_elements(composite: Composite, attributes: &Attributes, generation: Generation) -> Made {
    let groups = Size::of_groups(attributes, generation)?;
    let signature = match groups {
        Size::Base => {
            return Err(Refusal::new(
                "attribute dim_size is missing; give any number above the largest index (more groups give the same \
                 result), or from TensorRT 10 on a shape tensor and attribute dim_size_input = 1",
            ));
        }
        Size::Attribute(_) => signature(ThirdInput::None),
        Size::ShapeTensor => signature(ThirdInput::Groups).with_groups_output(),
    };
    new(composite, attributes, groups, signature)
}

/// An operator whose result has a row for each group.
pub(super) fn over_groups(composite: Composite, attributes: &Attributes, generation: Generation) -> Made {
    let groups = Size::of_groups(attributes, generation)?;
    let signature = match groups {
        Size::Base => {
            return Err(Refusal::new(
                "the number of groups is unknown: give attribute dim_size, or from TensorRT 10 on a shape tensor and \
                 attribute dim_size_input = 1",
            ));
        }
        Size::Attribute(_) => signature(ThirdInput::None),
        Size::ShapeTensor => signature(ThirdInput::Groups),
    };
    new(composite, attributes, groups, signature)
}

fn signature(third: ThirdInput) -> Signature {
    Signature::new(DataType::FLOATS, "index", third, None)
}

fn new(composite: Composite, attributes: &Attributes, groups: Size, signature: Signature) -> Made {
    let dim = attribute::dim(attributes);
    let mut options = CompositeOptions::new().dim(dim as isize);
    if let Some(eps) = attributes.float(EPS.name) {
        if !(eps >= 0.0 && eps.is_finite()) {
            return Err(Refusal::new(format!("attribute eps is {eps}; expected a finite number, 0 or more")));
        }
        options = options.eps(eps);
    }
    options = options.unbiased(attribute::flag(attributes, &UNBIASED, true)?);
    Ok(Box::new(CompositeOperator { signature, composite, dim, groups, options }))
}

struct CompositeOperator {
    signature: Signature,
    composite: Composite,
    dim: i32,
    groups: Size,
    options: CompositeOptions,
}

impl CompositeOperator {
    fn group_count(&self, shapes: &Shapes) -> Result<Option<usize>, Refusal> {
        if self.signature.tells_groups() {
            return Ok(shapes.groups);
        }
        self.groups.known(shapes, "dim_size", shapes.src.axis(self.dim as isize)?)
    }
}

impl Operator for CompositeOperator {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_dim(self.dim, inputs[SRC])?;
        shape::check_index_rank(inputs, "index")?;
        let groups = self.groups.source(inputs, "dim_size", axis)?;
        let size = match self.composite {
            Composite::Softmax | Composite::LogSoftmax => shape::copied(SRC, axis),
            Composite::LogSumExp | Composite::Std => groups,
        };
        Ok(shape::src_sizes_with(inputs[SRC], axis, size))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Plan>, Refusal> {
        let groups = self.group_count(shapes)?;
        let options = self.options.dim_size(groups.unwrap_or(0));
        let plan = CompositePlan::new(self.composite, &shapes.src, &shapes.index, &options)?;
        Ok(groups.map(|_| Plan::Composite(plan)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, values: ScalarType) -> Result<usize, Refusal> {
        let groups = self.group_count(shapes)?.ok_or_else(Refusal::unknown_workspace)?;
        // An index of src's own shape needs the most.
        let plan = CompositePlan::new(self.composite, &shapes.src, &shapes.src, &self.options.dim_size(groups))?;
        Ok(plan.workspace_bytes(values))
    }

    fn kernels(&self) -> KernelSet {
        KernelSet::Composite(self.composite)
    }
}
