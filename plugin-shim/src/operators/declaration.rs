//! What an operator is made of, said once: its names, inputs, outputs, attributes and reductions. The plugins' checks,
//! the creators' fields and the C ABI's checks are read off it.

use std::ffi::CStr;

use tensorrt_scatter::{ReduceOperator, ScalarType};

use super::{Id, Made, OPERATORS, SRC};
use crate::{
    attributes::{Attribute, Attributes},
    tensor::DataType,
    tensorrt::Generation,
};

/// An operator, as the creators offer it and as the C ABI exports it.
pub(crate) struct Declaration {
    /// Which operator it is.
    pub(crate) id: Id,
    /// torch_scatter's name, without its "scatter_" for softmax and its like; the C function has `trts_` before it.
    pub(crate) name: &'static str,
    /// The plugin's name.
    pub(crate) plugin: &'static CStr,
    /// The inputs of tensors, in order; those that may be left out come last.
    pub(crate) inputs: &'static [Input],
    /// The outputs, in order.
    pub(crate) outputs: &'static [Output],
    /// The plugin's attributes.
    pub(crate) attributes: &'static [Attribute],
    /// The operator whose reductions there are to choose from; None where there is no choice.
    pub(crate) reductions: Option<ReduceOperator>,
    /// Makes the plugin's operator for a generation of TensorRT.
    pub(crate) make: fn(&'static Self, &Attributes, Generation) -> Made,
}

/// An input of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input {
    /// torch_scatter's name; "base" for its `out`.
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) is_optional: bool,
}

/// What an input is for, which decides its types and who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Values to compute with: src, the first input of the operators that have values. Other values have its type.
    Values(ValueTypes),
    /// An index or an indptr: integers. All of an operator have one type.
    Index,
    /// Values that the reduction starts from, which may be the output's own memory.
    Base,
    /// A tensor whose shape is the result's, and whose elements do not matter.
    Destination,
    /// Weights that values are multiplied by, or scores that weights are made of: of the values' type, or float32 beside
    /// 16-bit floats.
    Weight,
}

/// Types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueTypes {
    /// Every type of values there is.
    All,
    /// Floating-point numbers.
    Floats,
}

/// An output of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// torch_scatter's name.
    pub(crate) name: &'static str,
    pub(crate) content: Content,
}

/// What an output holds, which decides its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Values of the first input's type.
    Values,
    /// Positions along the reduced axis, for the reductions that have them.
    Positions,
    /// Integers of the index's type.
    Indices,
}

/// src, of any type.
pub(super) const SRC_OF_ALL: Input = required("src", Role::Values(ValueTypes::All));
/// src, of floating-point numbers.
pub(super) const SRC_OF_FLOATS: Input = required("src", Role::Values(ValueTypes::Floats));
pub(super) const INDEX_INPUT: Input = required("index", Role::Index);
pub(super) const INDPTR_INPUT: Input = required("indptr", Role::Index);
pub(super) const BASE_INPUT: Input = Input { name: "base", role: Role::Base, is_optional: true };
/// The groups of elements, beside an index that names their rows.
pub(super) const DESTINATIONS_INPUT: Input = required("destination", Role::Index);
pub(super) const WEIGHT_INPUT: Input = Input { name: "weight", role: Role::Weight, is_optional: true };
/// The scores of an attention, of the types of weights.
pub(super) const SCORE_INPUT: Input = required("score", Role::Weight);
/// The values whose rows are combined with those of src.
pub(super) const OTHER_INPUT: Input = required("other", Role::Values(ValueTypes::Floats));
pub(super) const OTHER_INDEX_INPUT: Input = required("other_index", Role::Index);
pub(super) const DESTINATION_INPUT: Input = Input { name: "base", role: Role::Destination, is_optional: true };
pub(super) const OUT: Output = Output { name: "out", content: Content::Values };
pub(super) const ARG_OUT: Output = Output { name: "arg_out", content: Content::Positions };
pub(super) const PERM: Output = Output { name: "perm", content: Content::Indices };
pub(super) const INDPTR_OUTPUT: Output = Output { name: "indptr", content: Content::Indices };

pub(super) const fn required(name: &'static str, role: Role) -> Input {
    Input { name, role, is_optional: false }
}

impl Declaration {
    pub(crate) fn of(id: Id) -> &'static Self {
        &OPERATORS[id as usize]
    }

    /// The C function's name.
    pub(crate) fn function(&self) -> String {
        format!("trts_{}", self.name)
    }

    /// The position of base, in the operators that have one.
    pub(crate) fn base(&self) -> Option<usize> {
        self.inputs.iter().position(|input| match input.role {
            Role::Base | Role::Destination => true,
            Role::Values(_) | Role::Index | Role::Weight => false,
        })
    }

    /// The types that src may have, in the operators that have it.
    pub(crate) fn value_types(&self) -> Option<ValueTypes> {
        match self.inputs[SRC].role {
            Role::Values(types) => Some(types),
            Role::Index | Role::Base | Role::Destination | Role::Weight => None,
        }
    }

    /// The position of src, in the operators that have it.
    pub(crate) fn src(&self) -> Option<usize> {
        self.value_types().map(|_| SRC)
    }

    /// Whether some reductions have an output of positions.
    pub(super) fn has_positions(&self) -> bool {
        self.outputs.iter().any(|output| output.content == Content::Positions)
    }

    /// The position of the first index or indptr. Others have its type.
    pub(crate) fn index(&self) -> usize {
        self.inputs.iter().position(|input| input.role == Role::Index).expect("every operator has an index")
    }
}

impl ValueTypes {
    /// TensorRT's types, the one to fall back on first.
    pub(crate) fn data_types(self) -> &'static [DataType] {
        match self {
            Self::All => DataType::VALUES,
            Self::Floats => DataType::FLOATS,
        }
    }

    pub(crate) fn contains(self, scalar: ScalarType) -> bool {
        match self {
            Self::All => true,
            Self::Floats => scalar.is_float(),
        }
    }
}
