//! The operators: a declaration for each in [`OPERATORS`], and what its plugin can say and do.
//!
//! One file for each operator. What several have in common is in `declaration` (names, inputs and outputs), `signature`
//! (those that a layer has), `attribute` (attributes), `grouped` (operators over the groups of an index), `groups` (the
//! number of groups) and `shape` (axes and shapes).
//!
//! A new operator is a file with a declaration and a plan, a line in [`OPERATORS`], and in `c_abi` a function and a
//! query.

mod attribute;
mod composite;
mod declaration;
mod gather_coo;
mod gather_csr;
mod grouped;
mod groups;
mod scatter;
mod scatter_log_softmax;
mod scatter_logsumexp;
mod scatter_softmax;
mod scatter_std;
mod segment_coo;
mod segment_csr;
mod shape;
mod signature;

use std::ffi::CStr;

use tensorrt_scatter::{Shape, gpu::Kernels};

pub(crate) use self::{
    declaration::{Content, Declaration, Id, Role},
    shape::{check_countable, shape_tensor},
    signature::Signature,
};
pub(crate) use crate::inputs::{BASE, INDEX, MAX_INPUTS, SRC};

use crate::{
    abi::DimSource,
    backend::{ElementTypes, Plan},
    message::Refusal,
};

/// An operator with its attributes set, or which attribute's value is wrong.
pub(crate) type Made = Result<Box<dyn Operator>, Refusal>;

/// Every operator, in the order of the C ABI's numbers.
pub(crate) static OPERATORS: [Declaration; 9] = [
    scatter::DECLARATION,
    segment_coo::DECLARATION,
    segment_csr::DECLARATION,
    gather_coo::DECLARATION,
    gather_csr::DECLARATION,
    scatter_softmax::DECLARATION,
    scatter_log_softmax::DECLARATION,
    scatter_logsumexp::DECLARATION,
    scatter_std::DECLARATION,
];

/// The version of every plugin.
pub(crate) const VERSION: &CStr = c"1";

/// What an operator with its attributes set can say and do.
pub(crate) trait Operator: Send + Sync {
    /// The layer's inputs and outputs.
    fn signature(&self) -> &Signature;
    /// The sizes of an output of the declaration, by its position, after what is known of the inputs' sizes: -1 stands
    /// for what is not known.
    fn out_sizes(&self, output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal>;
    /// Checks the shapes and plans the work; None where they fit, but the number of groups is not known yet.
    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal>;
    /// The bytes of workspace for these shapes and all that are no larger. The largest sizes of a profile may not fit
    /// each other.
    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal>;
    /// Loads every kernel that the operator may launch for these types.
    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal>;
}

/// The shapes of a layer's tensors.
#[derive(Clone, Debug)]
pub(crate) struct Shapes {
    /// Those of the inputs, by their position in the declaration; optional ones that the layer lacks are not there.
    pub(crate) inputs: Vec<Shape>,
    /// That of the first output, where TensorRT has told it.
    pub(crate) out: Option<Shape>,
    /// The size of the output that is there for its size alone, where there is one and TensorRT has told it.
    pub(crate) groups: Option<usize>,
}

impl Shapes {
    pub(crate) fn src(&self) -> &Shape {
        &self.inputs[SRC]
    }

    /// That of the index or indptr.
    pub(crate) fn index(&self) -> &Shape {
        &self.inputs[INDEX]
    }

    /// That of base, where the layer has one.
    pub(crate) fn base(&self) -> Option<&Shape> {
        self.inputs.get(BASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_begins_with_src_and_an_index() {
        for declaration in &OPERATORS {
            let names: Vec<_> = declaration.inputs.iter().map(|input| input.name).collect();
            assert_eq!(names[SRC], "src", "{}", declaration.name);
            assert!(["index", "indptr"].contains(&names[INDEX]), "{}", declaration.name);
            assert!(names.get(BASE).is_none_or(|name| *name == "base"), "{}", declaration.name);
        }
    }

    #[test]
    fn every_operator_is_in_its_place() {
        for (place, declaration) in OPERATORS.iter().enumerate() {
            assert_eq!(declaration.id as usize, place, "{}", declaration.name);
        }
    }

    #[test]
    fn inputs_that_may_be_left_out_come_last_and_all_fit() {
        for declaration in &OPERATORS {
            assert!(declaration.inputs.is_sorted_by_key(|input| input.is_optional), "{}", declaration.name);
            // Behind them there may be the number of groups.
            assert!(declaration.inputs.len() < MAX_INPUTS, "{}", declaration.name);
        }
    }
}
