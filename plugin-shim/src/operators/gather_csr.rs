//! `TRTS_GatherCSR`: src, indptr, base or attribute size -> out.

use tensorrt_scatter::{GatherPlan, ScalarType};

use super::{Operator, Row, SRC, Shapes, Signature, attribute::SIZE, groups::Size, shape, signature::ThirdInput};
use crate::{
    abi::DimSource,
    attributes::Attributes,
    backend::{KernelSet, Plan},
    message::Refusal,
    tensor::DataType,
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_GatherCSR",
    attributes: &[SIZE],
    operator: |attributes, _| Ok(Box::new(GatherCsr::new(attributes)?)),
};

struct GatherCsr {
    signature: Signature,
    /// The rows of the result.
    size: Size,
}

impl GatherCsr {
    fn new(attributes: &Attributes) -> Result<Self, Refusal> {
        let size = Size::of(attributes, &SIZE)?;
        Ok(Self { signature: Signature::new(DataType::VALUES, "indptr", ThirdInput::Destination, None), size })
    }
}

impl Operator for GatherCsr {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "indptr")?;
        Ok(shape::src_sizes_with(inputs[SRC], axis, self.size.source(inputs, "size", axis)?))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Plan>, Refusal> {
        let size = self.size.known(shapes, "size", shapes.index.rank().saturating_sub(1))?;
        let plan = GatherPlan::csr(&shapes.src, &shapes.index, size.unwrap_or(0))?;
        shape::check_base(shapes.base.as_ref(), plan.out_shape())?;
        Ok(size.map(|_| Plan::Gather(plan)))
    }

    fn workspace_bytes(&self, _shapes: &Shapes, _values: ScalarType) -> Result<usize, Refusal> {
        Ok(0)
    }

    fn kernels(&self) -> KernelSet {
        KernelSet::Gather
    }
}
