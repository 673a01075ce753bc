//! `TRTS_GroupIndex`: index -> perm, indptr.

use tensorrt_scatter::{
    Error, GroupIndexOptions, GroupIndexPlan, IndexType, Shape,
    gpu::raw::{GroupIndexPointers, Kernels, group_index_raw, preload_group_index},
};

use super::{
    Id, Made, Operator, Shapes, Signature,
    attribute::{DIM_SIZE, DIM_SIZE_INPUT},
    declaration::{Declaration, INDEX_INPUT, INDPTR_OUTPUT, PERM},
    groups::{self, Size},
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
    id: Id::GroupIndex,
    name: "group_index",
    plugin: c"TRTS_GroupIndex",
    inputs: &[INDEX_INPUT],
    outputs: &[PERM, INDPTR_OUTPUT],
    attributes: &[DIM_SIZE, DIM_SIZE_INPUT],
    reductions: None,
    make,
};

/// The position of the index: no src is before it.
const INDEX: usize = 0;
/// The position of indptr among the outputs.
const INDPTR: usize = 1;

fn make(declaration: &'static Declaration, attributes: &Attributes, generation: Generation) -> Made {
    let size = Size::of_groups(attributes, generation)?;
    let groups = match size {
        // The attribute was checked: it is 0 or more.
        Size::Attribute(size) => Some(size as usize),
        Size::ShapeTensor => None,
        Size::Base => return Err(groups::unknown_without_base()),
    };
    let signature = Signature::new(declaration, Choice { has_group_count: size.is_input(), ..Choice::default() });
    Ok(Box::new(GroupIndex { signature, size, groups }))
}

struct GroupIndex {
    signature: Signature,
    size: Size,
    /// The number of groups; None where a shape tensor holds it.
    groups: Option<usize>,
}

impl GroupIndex {
    /// The number of groups; None if it is not known yet. TensorRT does not show a plugin the value of a shape tensor, but
    /// it shows the shape of indptr, which has an entry more.
    fn group_count(&self, shapes: &Shapes) -> Result<Option<usize>, Refusal> {
        match (self.groups, shapes.output(INDPTR)) {
            (Some(groups), _) => Ok(Some(groups)),
            (None, None) => Ok(None),
            (None, Some(indptr)) => {
                let groups = indptr.dims().last().and_then(|entries| entries.checked_sub(1));
                let wrong =
                    || Refusal::new(format!("indptr has shape {indptr}; expected dim_size + 1 on its last axis"));
                groups.map(Some).ok_or_else(wrong)
            }
        }
    }

    fn planned(shapes: &Shapes, groups: usize) -> Result<GroupIndexPlan, Error> {
        GroupIndexPlan::new(&shapes.inputs[INDEX], &GroupIndexOptions::new().dim_size(groups))
    }
}

/// Refuses an index whose type does not hold every position.
fn check_positions(plan: &GroupIndexPlan, index_type: IndexType) -> Result<(), Error> {
    let length = plan.perm_shape().dims().last().copied().unwrap_or(0);
    match index_type {
        IndexType::I32 if i32::try_from(length).is_err() => Err(Error::PermTooNarrow { length }),
        IndexType::I32 | IndexType::I64 => Ok(()),
    }
}

impl Operator for GroupIndex {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        shape::check_has_axis("index", inputs[INDEX])?;
        let axis = inputs[INDEX].len() - 1;
        let groups = self.size.source(&self.signature, inputs, "dim_size", axis)?;
        let entries = shape::entries_of(groups)
            .ok_or_else(|| Refusal::new(format!("attribute dim_size is {}; expected less", groups.size)))?;
        let last = if output == INDPTR { entries } else { shape::copied(INDEX, axis) };
        Ok((0..axis).map(|at| shape::copied(INDEX, at)).chain([last]).collect())
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let groups = self.group_count(shapes)?;
        let plan = Self::planned(shapes, groups.unwrap_or(0))?;
        Ok(groups.map(|_| Box::new(plan) as Box<dyn Plan>))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        let groups = self.group_count(shapes)?.ok_or_else(Refusal::unknown_workspace)?;
        let plan = Self::planned(shapes, groups)?;
        check_positions(&plan, types.index(INDEX))?;
        shape::check_countable([*plan.perm_shape(), *plan.indptr_shape()])?;
        Ok(Plan::workspace_bytes(&plan, types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(preload_group_index(kernels, types.index(INDEX))?)
    }
}

impl Plan for GroupIndexPlan {
    fn out_shape(&self, output: usize) -> &Shape {
        if output == INDPTR { self.indptr_shape() } else { self.perm_shape() }
    }

    fn workspace_bytes(&self, types: &ElementTypes) -> usize {
        self.workspace_bytes(types.index(INDEX))
    }

    unsafe fn enqueue(&self, kernels: &'static Kernels, buffers: &Buffers) -> Result<(), Error> {
        let index_type = buffers.types.index(INDEX);
        check_positions(self, index_type)?;
        let pointers = GroupIndexPointers {
            index_type,
            index: buffers.input(INDEX),
            perm: buffers.outputs[0],
            indptr: buffers.outputs[INDPTR],
            workspace: buffers.workspace,
            workspace_bytes: self.workspace_bytes(index_type),
        };
        // SAFETY: the caller's promise.
        unsafe { group_index_raw(kernels, self, &pointers, buffers.stream) }
    }
}
