//! The inputs and outputs of an operator.

use super::{INDEX, SRC, THIRD};
use crate::{
    message::Refusal,
    tensor::{DataType, Port, Types},
};

/// What an operator may take besides src and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThirdInput {
    None,
    /// torch_scatter's `out`, which the reduction starts from; it may be left out.
    Base,
    /// torch_scatter's `out`, where every element of it is overwritten; it may be left out.
    Destination,
    /// A shape tensor that holds the number of groups.
    Groups,
}

/// The inputs and outputs of an operator, in TensorRT's order.
pub(crate) struct Signature {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    third: ThirdInput,
    positions: Option<DataType>,
    tells_groups: bool,
}

impl Signature {
    /// src, of one of the types of `values`, an index or indptr, and perhaps a third input; out, and arg_out of type
    /// `positions`, where there is one.
    pub(super) fn new(
        values: &'static [DataType],
        index: &'static str,
        third: ThirdInput,
        positions: Option<DataType>,
    ) -> Self {
        let mut inputs = vec![
            Port { name: "src", types: Types::OneOf(values) },
            Port { name: index, types: Types::OneOf(DataType::INTEGERS) },
        ];
        inputs.extend(match third {
            ThirdInput::None => None,
            ThirdInput::Base | ThirdInput::Destination => Some(Port { name: "base", types: Types::SameAs(SRC) }),
            ThirdInput::Groups => Some(Port { name: "dim_size", types: Types::OneOf(DataType::INTEGERS) }),
        });
        let mut outputs = vec![Port { name: "out", types: Types::SameAs(SRC) }];
        outputs.extend(positions.map(|positions| Port { name: "arg_out", types: Types::Exactly(positions) }));
        Self { inputs, outputs, third, positions, tells_groups: false }
    }

    /// Adds an output of shape \[N\], whose values do not matter. TensorRT shows no plugin the value of a shape tensor when
    /// it runs, but the shapes of its outputs; where out does not have N on an axis, another output must.
    pub(super) fn with_groups_output(mut self) -> Self {
        self.outputs.push(Port { name: "groups", types: Types::Exactly(DataType::Int32) });
        self.tells_groups = true;
        self
    }

    /// Whether the last output is there for its shape alone, \[N\].
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

    /// Which of the inputs is base, where the layer has one.
    pub(crate) fn base<T: Copy>(&self, inputs: &[T]) -> Option<T> {
        let has_base = matches!(self.third, ThirdInput::Base | ThirdInput::Destination);
        inputs.get(THIRD).copied().filter(|_| has_base)
    }

    /// Whether the values of base matter, and not its shape alone.
    pub(crate) fn reads_base(&self) -> bool {
        self.third == ThirdInput::Base
    }

    /// Refuses a number of inputs that the operator cannot have. The number of groups may be there or not: TensorRT
    /// counts shape tensors apart when it asks for output shapes.
    pub(crate) fn check_input_count(&self, given: usize) -> Result<(), Refusal> {
        let (required, optional) = self.inputs.split_at(THIRD);
        if (required.len()..=self.inputs.len()).contains(&given) {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "{given} inputs were given; expected {}, {}{}",
            required[SRC].name,
            required[INDEX].name,
            optional.iter().map(|port| format!(" and optionally {}", port.name)).collect::<String>(),
        )))
    }

    /// Refuses shape tensors that the operator does not take, and a missing one that it does: `sizes` holds how many
    /// values each has.
    pub(crate) fn check_shape_inputs(&self, sizes: &[i32]) -> Result<(), Refusal> {
        match (self.third, sizes) {
            (ThirdInput::Groups, [1]) => Ok(()),
            (ThirdInput::Groups, []) => Err(Refusal::new(
                "attribute dim_size_input is 1, but the layer has no shape tensor; give dim_size as one (the last of \
                 addPluginV3's shapeInputs, or in ONNX an input that tensorrt_plugin_shape_input_indices names)",
            )),
            (ThirdInput::Groups, sizes) => Err(Refusal::new(format!(
                "shape tensors with {sizes:?} values were given; expected dim_size, one value"
            ))),
            (_, []) => Ok(()),
            (_, sizes) => Err(Refusal::new(format!(
                "{} shape tensors were given; expected none (attribute dim_size_input is 1 where dim_size is one)",
                sizes.len()
            ))),
        }
    }
}
