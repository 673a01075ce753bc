//! `TRTS_Scatter`: src, index, optional base -> out, and arg_out for min and max.

use tensorrt_scatter::{ScalarType, ScatterOptions, ScatterPlan};

use super::{
    Operator, Row, SRC, Shapes, Signature,
    attribute::{self, ARG_TYPE, DETERMINISTIC, DIM, DIM_SIZE, DIM_SIZE_INPUT, REDUCE},
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
    name: c"TRTS_Scatter",
    attributes: &[DIM, DIM_SIZE, REDUCE, ARG_TYPE, DIM_SIZE_INPUT, DETERMINISTIC],
    operator: |attributes, generation| Ok(Box::new(Scatter::new(attributes, generation)?)),
};

struct Scatter {
    signature: Signature,
    dim: i32,
    groups: Size,
    options: ScatterOptions,
}

impl Scatter {
    fn new(attributes: &Attributes, generation: Generation) -> Result<Self, Refusal> {
        let reduce = attribute::reduce(attributes)?;
        let groups = Size::of_groups(attributes, generation)?;
        let positions = attribute::positions(attributes, reduce, generation)?;
        let signature = Signature::new(DataType::VALUES, "index", groups.third_input(), positions);
        let dim = attribute::dim(attributes);
        let options = ScatterOptions::new(reduce).dim(dim as isize).deterministic(attribute::flag(
            attributes,
            &DETERMINISTIC,
            false,
        )?);
        Ok(Self { signature, dim, groups, options })
    }

    fn group_count(&self, shapes: &Shapes) -> Result<Option<usize>, Refusal> {
        self.groups.known(shapes, "dim_size", shapes.src.axis(self.dim as isize)?)
    }
}

impl Operator for Scatter {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_dim(self.dim, inputs[SRC])?;
        shape::check_index_rank(inputs, "index")?;
        Ok(shape::src_sizes_with(inputs[SRC], axis, self.groups.source(inputs, "dim_size", axis)?))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Plan>, Refusal> {
        let groups = self.group_count(shapes)?;
        let options = self.options.dim_size(groups.unwrap_or(0));
        let plan = ScatterPlan::new(&shapes.src, &shapes.index, shapes.base.as_ref(), &options)?;
        let axis = shapes.src.axis(self.dim as isize)?;
        shape::check_positions(self.signature.positions(), shapes.src.dims()[axis])?;
        Ok(groups.map(|_| Plan::Scatter(plan)))
    }

    fn workspace_bytes(&self, shapes: &Shapes, values: ScalarType) -> Result<usize, Refusal> {
        let groups = self.group_count(shapes)?.ok_or_else(Refusal::unknown_workspace)?;
        // An index of src's own shape needs the most.
        let plan = ScatterPlan::new(&shapes.src, &shapes.src, None, &self.options.dim_size(groups))?;
        Ok(plan.workspace_bytes(values))
    }

    fn kernels(&self) -> KernelSet {
        KernelSet::Scatter(self.options)
    }
}
