//! `TRTS_GatherCOO`: src, index, optional base -> out.

use tensorrt_scatter::{GatherPlan, ScalarType};

use super::{INDEX, Operator, Row, SRC, Shapes, Signature, THIRD, shape, signature::ThirdInput};
use crate::{
    abi::DimSource,
    backend::{KernelSet, Plan},
    message::Refusal,
    tensor::DataType,
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_GatherCOO",
    attributes: &[],
    operator: |_, _| {
        Ok(Box::new(GatherCoo { signature: Signature::new(DataType::VALUES, "index", ThirdInput::Destination, None) }))
    },
};

struct GatherCoo {
    signature: Signature,
}

impl Operator for GatherCoo {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = shape::axis_of_index(inputs, "index")?;
        if let Some(base) = inputs.get(THIRD) {
            shape::check_base_rank(base, inputs[SRC])?;
        }
        Ok(shape::src_sizes_with(inputs[SRC], axis, shape::copied(INDEX, axis)))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Plan>, Refusal> {
        let plan = GatherPlan::coo(&shapes.src, &shapes.index)?;
        shape::check_base(shapes.base.as_ref(), plan.out_shape())?;
        Ok(Some(Plan::Gather(plan)))
    }

    fn workspace_bytes(&self, _shapes: &Shapes, _values: ScalarType) -> Result<usize, Refusal> {
        Ok(0)
    }

    fn kernels(&self) -> KernelSet {
        KernelSet::Gather
    }
}
