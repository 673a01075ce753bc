//! The inputs and outputs of a layer: an operator's declaration, without what the attributes leave out.

use super::{
    SRC,
    declaration::{Content, Declaration, Input, Role},
};
use crate::{
    message::Refusal,
    tensor::{DataType, Port, Types},
};

/// The inputs and outputs of a layer, in TensorRT's order.
pub(crate) struct Signature {
    declaration: &'static Declaration,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// The number of inputs that every layer has.
    required: usize,
    /// The number of inputs that are the declaration's. A shape tensor comes after them.
    tensors: usize,
    /// The position of base, where the layer can have one.
    base: Option<usize>,
    positions: Option<DataType>,
    tells_groups: bool,
}

/// What a layer's attributes decide about its inputs and outputs.
#[derive(Clone, Copy, Default)]
pub(super) struct Choice {
    /// Whether the last input is a shape tensor that holds the number of groups. A base would tell it too, so there is
    /// none.
    pub(super) has_group_count: bool,
    /// Whether the layer has weights; None where the number of inputs tells. With a shape tensor behind them a layer
    /// must say it: TensorRT does not always count that tensor among the inputs.
    pub(super) weight: Option<bool>,
    /// The type of the positions that the reduction has, if it has any.
    pub(super) positions: Option<DataType>,
    /// Whether there is an output whose shape is \[N\], and whose values do not matter. When it runs, TensorRT shows a
    /// plugin the shapes of its outputs, but not the value of a shape tensor. If out does not have N on an axis,
    /// another output must have it.
    pub(super) tells_groups: bool,
}

impl Signature {
    pub(super) fn new(declaration: &'static Declaration, choice: Choice) -> Self {
        let index = declaration.index();
        let types = |position, role| match role {
            Role::Values(values) if position == SRC => Types::OneOf(values.data_types()),
            Role::Index if position == index => Types::OneOf(DataType::INTEGERS),
            Role::Index => Types::SameAs(index),
            Role::Weight => Types::WeightOf(SRC),
            Role::Values(_) | Role::Base | Role::Destination => Types::SameAs(SRC),
        };
        let base = declaration.base().filter(|_| !choice.has_group_count);
        let mut inputs: Vec<_> = declaration
            .inputs
            .iter()
            .enumerate()
            .filter(|&(position, input)| match input.role {
                Role::Base | Role::Destination => base == Some(position),
                Role::Weight => choice.weight != Some(false),
                Role::Values(_) | Role::Index => true,
            })
            .map(|(position, input)| Port { name: input.name, types: types(position, input.role) })
            .collect();
        let tensors = inputs.len();
        let is_required =
            |input: &&Input| !input.is_optional || input.role == Role::Weight && choice.weight == Some(true);
        let required = declaration.inputs.iter().take_while(is_required).count();
        if choice.has_group_count {
            inputs.push(Port { name: "dim_size", types: Types::OneOf(DataType::INTEGERS) });
        }
        let mut outputs: Vec<_> = declaration
            .outputs
            .iter()
            .filter_map(|output| {
                let types = match output.content {
                    Content::Values => Types::SameAs(SRC),
                    Content::Positions => Types::Exactly(choice.positions?),
                    Content::Indices => Types::SameAs(index),
                };
                Some(Port { name: output.name, types })
            })
            .collect();
        if choice.tells_groups {
            outputs.push(Port { name: "groups", types: Types::Exactly(DataType::Int32) });
        }
        let Choice { positions, tells_groups, .. } = choice;
        Self { declaration, inputs, outputs, required, tensors, base, positions, tells_groups }
    }

    /// Whether an output exists only for its shape, \[N\].
    pub(crate) fn is_groups_output(&self, output: usize) -> bool {
        self.tells_groups && output + 1 == self.outputs.len()
    }

    /// Whether the last output exists only for its shape, \[N\].
    pub(crate) fn tells_groups(&self) -> bool {
        self.tells_groups
    }

    pub(crate) fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    pub(crate) fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The type of arg_out, where there is one.
    pub(crate) fn positions(&self) -> Option<DataType> {
        self.positions
    }

    /// The elements of `given` for the declaration's inputs. `given` has one element for each input of the layer.
    pub(crate) fn tensors<'a, T>(&self, given: &'a [T]) -> &'a [T] {
        &given[..given.len().min(self.tensors)]
    }

    /// The element of `given` for base, if the layer has a base.
    pub(crate) fn base<'a, T>(&self, given: &'a [T]) -> Option<&'a T> {
        given.get(self.base?)
    }

    /// Whether layers of the operator may have a base, with other attributes perhaps.
    pub(super) fn may_have_base(&self) -> bool {
        self.declaration.base().is_some()
    }

    /// The position of the input that tells the size of the result: the shape tensor, or base.
    pub(super) fn size_input(&self) -> Option<usize> {
        if self.has_group_count() { Some(self.tensors) } else { self.base }
    }

    /// Whether the last input is a shape tensor that holds the number of groups.
    fn has_group_count(&self) -> bool {
        self.inputs.len() > self.tensors
    }

    /// Whether the operator reads an input's elements, and not only its shape.
    pub(crate) fn reads(&self, input: usize) -> bool {
        input < self.tensors
            && match self.declaration.inputs[input].role {
                Role::Values(_) | Role::Index | Role::Base | Role::Weight => true,
                Role::Destination => false,
            }
    }

    /// Refuses a number of inputs that the operator cannot have. The number of groups may be there or not: TensorRT
    /// counts shape tensors apart when it asks for output shapes.
    pub(crate) fn check_input_count(&self, given: usize) -> Result<(), Refusal> {
        if (self.required..=self.inputs.len()).contains(&given) {
            return Ok(());
        }
        let (required, optional) = self.inputs.split_at(self.required);
        Err(Refusal::new(format!(
            "{given} inputs were given; expected {}{}",
            required.iter().map(|port| port.name).collect::<Vec<_>>().join(", "),
            optional.iter().map(|port| format!(" and optionally {}", port.name)).collect::<String>(),
        )))
    }

    /// Refuses shape tensors that the operator does not take, and the lack of one that it takes. `sizes` has the number
    /// of values of each.
    pub(crate) fn check_shape_inputs(&self, sizes: &[i32]) -> Result<(), Refusal> {
        match (self.has_group_count(), sizes) {
            (true, [1]) => Ok(()),
            (true, []) => Err(Refusal::new(
                "attribute dim_size_input is 1, but the layer has no shape tensor; give dim_size as one (the last of \
                 addPluginV3's shapeInputs, or in ONNX an input that tensorrt_plugin_shape_input_indices names)",
            )),
            (true, sizes) => Err(Refusal::new(format!(
                "shape tensors with {sizes:?} values were given; expected dim_size, one value"
            ))),
            (false, []) => Ok(()),
            (false, sizes) => Err(Refusal::new(format!(
                "{} shape tensors were given; expected none (attribute dim_size_input is 1 where dim_size is one)",
                sizes.len()
            ))),
        }
    }
}
