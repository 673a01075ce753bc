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
    /// The number of groups; None if it is not known yet. TensorRT does not show a plugin the value of a shape tensor,
    /// but it shows the shape of indptr, which has an entry more.
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
        let too_many =
            || Refusal::new(format!("attribute dim_size is {}; expected at most {}", groups.size, i32::MAX - 1));
        let entries = shape::entries_of(groups).ok_or_else(too_many)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{abi::SizeOrigin, tensor::DataType};

    fn operator(size: Size, groups: Option<usize>) -> GroupIndex {
        let choice = Choice { has_group_count: size.is_input(), ..Choice::default() };
        GroupIndex { signature: Signature::new(Declaration::of(Id::GroupIndex), choice), size, groups }
    }

    fn shapes(index: &[usize], outputs: &[&[usize]]) -> Shapes {
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        let outputs = outputs.iter().map(|dims| Some(shape(dims))).collect();
        Shapes { inputs: vec![shape(index)], base: None, outputs, groups: None }
    }

    #[test]
    fn a_shape_tensor_comes_right_behind_the_index() {
        let signature = operator(Size::ShapeTensor, None).signature;
        let names: Vec<_> = signature.inputs().iter().map(|port| port.name).collect();
        assert_eq!((names, signature.size_input()), (vec!["index", "dim_size"], Some(1)));
        assert!((1..=2).all(|count| signature.check_input_count(count).is_ok()));
        let outputs: Vec<_> = signature.outputs().iter().map(|port| port.name).collect();
        assert_eq!(outputs, ["perm", "indptr"]);
        let wide = [DataType::Int64 as i32];
        assert!(signature.outputs().iter().all(|port| port.data_type(&wide) == DataType::Int64 as i32));
    }

    #[test]
    fn indptr_tells_the_number_of_groups_that_a_shape_tensor_holds() {
        let operator = operator(Size::ShapeTensor, None);
        let groups = |outputs: &[&[usize]]| operator.group_count(&shapes(&[2, 5], outputs)).map_err(|e| e.to_string());
        assert_eq!(groups(&[]), Ok(None));
        assert_eq!(groups(&[&[2, 5], &[2, 8]]), Ok(Some(7)));
        for wrong in [&[2, 0][..], &[]] {
            let refusal = groups(&[&[2, 5], wrong]).unwrap_err();
            assert!(refusal.contains("expected dim_size + 1 on its last axis"), "{refusal}");
        }
    }

    #[test]
    fn an_index_has_no_more_elements_than_its_type_counts() {
        let operator = operator(Size::Attribute(4), Some(4));
        for (length, of, fits) in [
            (i32::MAX as usize, DataType::Int32, true),
            (1 << 31, DataType::Int32, false),
            (1 << 31, DataType::Int64, true),
        ] {
            let given = operator.workspace_bytes(&shapes(&[length], &[]), &ElementTypes::new([of as i32], None));
            assert_eq!(given.is_ok(), fits, "{length} of {of:?}");
            assert!(given.is_ok() || given.unwrap_err().to_string().contains("use an index of type int64"));
        }
    }

    #[test]
    fn tensorrt_can_count_the_entries_of_indptr() {
        let entries = |dim_size| {
            let operator = operator(Size::Attribute(dim_size), Some(dim_size as usize));
            operator.out_sizes(INDPTR, &[&[-1]]).map_err(|refusal| refusal.to_string())
        };
        let most = entries(i32::MAX - 1).unwrap()[0];
        assert_eq!((most.origin, most.size), (SizeOrigin::Constant, i32::MAX));
        assert_eq!(entries(i32::MAX).unwrap_err(), "attribute dim_size is 2147483647; expected at most 2147483646");
    }
}
