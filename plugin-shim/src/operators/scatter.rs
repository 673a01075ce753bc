//! `TRTS_Scatter`: src, index, optional base -> out, and arg_out for min and max.

use tensorrt_scatter::{Reduce, ScatterOptions, ScatterPlan, Shape};

use super::{Buffers, Operator, Plan, Row};
use crate::{
    attributes::{Attribute, Attributes, Kind},
    backend,
    bridge::DimSource,
    message::Refusal,
    tensor::{DataType, Port, Types},
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_Scatter",
    attributes: &[
        Attribute { name: c"dim", kind: Kind::Int },
        Attribute { name: c"dim_size", kind: Kind::Int },
        Attribute { name: c"reduce", kind: Kind::Text },
    ],
    operator: |attributes| Ok(Box::new(Scatter::new(attributes)?)),
};

const SRC: usize = 0;
const INDEX: usize = 1;
const BASE: usize = 2;

static INPUTS: [Port; 3] = [
    Port { name: "src", types: Types::OneOf(&[DataType::Float]) },
    Port { name: "index", types: Types::OneOf(&[DataType::Int32, DataType::Int64]) },
    Port { name: "base", types: Types::SameAs(SRC) },
];

static OUTPUTS: [Port; 2] = [
    Port { name: "out", types: Types::SameAs(SRC) },
    Port { name: "arg_out", types: Types::OneOf(&[DataType::Int32]) },
];

struct Scatter {
    reduce: Reduce,
    dim: i32,
    dim_size: Option<i32>,
}

impl Scatter {
    fn new(attributes: &Attributes) -> Result<Self, Refusal> {
        let reduce = attributes.text(c"reduce").unwrap_or("sum");
        let dim_size = attributes.int(c"dim_size");
        if let Some(given) = dim_size.filter(|&size| size < 0) {
            return Err(Refusal::new(format!("attribute dim_size is {given}; expected 0 or more")));
        }
        Ok(Self {
            reduce: reduce.parse().map_err(|error| Refusal::new(format!("attribute reduce: {error}")))?,
            // torch_scatter's default.
            dim: attributes.int(c"dim").unwrap_or(-1),
            dim_size,
        })
    }

    fn options(&self) -> ScatterOptions {
        let options = ScatterOptions::new(self.reduce).dim(self.dim as isize);
        self.dim_size.map_or(options, |size| options.dim_size(size as usize))
    }

    fn scatter_plan(&self, inputs: &[Shape]) -> Result<ScatterPlan, Refusal> {
        let plan = ScatterPlan::new(&inputs[SRC], &inputs[INDEX], inputs.get(BASE), &self.options());
        plan.map_err(|error| Refusal::new(error.to_string()))
    }
}

impl Operator for Scatter {
    fn inputs(&self) -> &'static [Port] {
        &INPUTS
    }

    fn required_inputs(&self) -> usize {
        BASE
    }

    fn outputs(&self) -> &'static [Port] {
        &OUTPUTS[..if self.reduce.has_arg() { 2 } else { 1 }]
    }

    fn output_shape(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let (src, index, base) = (inputs[SRC], inputs[INDEX], inputs.get(BASE));
        let rank = src.len();
        let signed_rank = rank as i64;
        let given = i64::from(self.dim);
        if given < -signed_rank || given >= signed_rank {
            return Err(Refusal::new(format!(
                "attribute dim is {given}, but src has rank {rank}; expected {} to {}",
                -signed_rank,
                signed_rank - 1
            )));
        }
        let dim = given.rem_euclid(signed_rank) as usize;
        if index.is_empty() || index.len() > rank {
            return Err(Refusal::new(format!(
                "index has rank {}, but src has rank {rank}; expected 1 to src's rank",
                index.len()
            )));
        }
        if let Some(base) = base
            && base.len() != rank
        {
            return Err(Refusal::new(format!("base has rank {}; expected src's rank, {rank}", base.len())));
        }
        let groups = match (self.dim_size, base) {
            (None, None) => {
                return Err(Refusal::new("the number of groups is unknown: give attribute dim_size, or input base"));
            }
            (Some(size), Some(base)) if base[dim] != -1 && base[dim] != i64::from(size) => {
                return Err(Refusal::new(format!(
                    "attribute dim_size is {size}, but base has {} on axis {dim}; give equal sizes, or leave one out",
                    base[dim]
                )));
            }
            (Some(size), _) => DimSource { input: -1, axis: -1, size },
            (None, Some(_)) => copied(BASE, dim),
        };
        Ok((0..rank).map(|axis| if axis == dim { groups } else { copied(SRC, axis) }).collect())
    }

    fn plan(&self, inputs: &[Shape]) -> Result<Box<dyn Plan>, Refusal> {
        let plan = self.scatter_plan(inputs)?;
        let axis = inputs[SRC].axis(self.dim as isize).map_err(|error| Refusal::new(error.to_string()))?;
        let length = inputs[SRC].dims()[axis];
        if self.reduce.has_arg() && i32::try_from(length).is_err() {
            return Err(Refusal::new(format!(
                "src has {length} elements along the reduced axis; arg_out, which is INT32, can count {}",
                i32::MAX
            )));
        }
        Ok(Box::new(plan))
    }

    fn workspace_bytes(&self, inputs: &[Shape]) -> Result<usize, Refusal> {
        // An index of src's own shape needs the most, and is there even where the largest sizes of a
        // profile do not fit each other.
        let mut largest = inputs.to_vec();
        largest[INDEX] = inputs[SRC];
        self.scatter_plan(&largest).map(|plan| backend::scatter_workspace_bytes(&plan))
    }

    fn load_kernels(&self, input_types: &[DataType]) -> Result<(), Refusal> {
        backend::load_scatter(self.reduce, input_types.get(INDEX).copied().unwrap_or(DataType::Int32))
    }
}

fn copied(input: usize, axis: usize) -> DimSource {
    // Both are far below the limits: three inputs, eight axes.
    DimSource { input: input as i32, axis: axis as i32, size: 0 }
}

impl Plan for ScatterPlan {
    fn out_shape(&self) -> Shape {
        *ScatterPlan::out_shape(self)
    }

    unsafe fn enqueue(&self, buffers: &Buffers<'_>) -> Result<(), Refusal> {
        // SAFETY: the caller's promise.
        unsafe { backend::scatter(self, buffers) }
    }
}
