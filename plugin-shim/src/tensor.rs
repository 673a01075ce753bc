//! Tensors as TensorRT describes them, and the rules of types for an operator's inputs and outputs.

use tensorrt_scatter::Shape;

use crate::{bridge::TensorDesc, message::Refusal};

/// `nvinfer1::DataType`, as far as there are kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum DataType {
    Float = 0,
    Int32 = 3,
    /// TensorRT 10 and later; 8.x has no such number.
    Int64 = 8,
}

impl DataType {
    pub(crate) fn of(number: i32) -> Option<Self> {
        [Self::Float, Self::Int32, Self::Int64].into_iter().find(|&known| known as i32 == number)
    }

    fn name(number: i32) -> String {
        const NAMES: [&str; 9] = ["FLOAT", "HALF", "INT8", "INT32", "BOOL", "UINT8", "FP8", "BF16", "INT64"];
        let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number));
        name.map_or_else(|| format!("DataType {number}"), |&name| name.to_owned())
    }
}

/// Which type a tensor may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Types {
    /// One of these; the first is the one to fall back on.
    OneOf(&'static [DataType]),
    /// The type of the input with this number.
    SameAs(usize),
}

/// An input or an output of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    /// torch_scatter's name.
    pub(crate) name: &'static str,
    pub(crate) types: Types,
}

impl Port {
    /// The type the port has, given those of the inputs.
    pub(crate) fn data_type(&self, inputs: &[i32]) -> i32 {
        match self.types {
            Types::OneOf(types) => types[0] as i32,
            Types::SameAs(input) => inputs.get(input).copied().unwrap_or(DataType::Float as i32),
        }
    }

    /// Refuses a type that the port does not take.
    pub(crate) fn check_type(&self, given: i32, inputs: &[i32]) -> Result<(), Refusal> {
        let expected = match self.types {
            Types::OneOf(types) if types.iter().any(|&known| known as i32 == given) => return Ok(()),
            Types::OneOf(types) => {
                types.iter().map(|&known| DataType::name(known as i32)).collect::<Vec<_>>().join(" or ")
            }
            Types::SameAs(input) if inputs.get(input) == Some(&given) => return Ok(()),
            Types::SameAs(_) => DataType::name(self.data_type(inputs)),
        };
        Err(Refusal::new(format!("{} is of type {}; expected {expected}", self.name, DataType::name(given))))
    }
}

/// `nvinfer1::TensorFormat::kLINEAR`.
pub(crate) const LINEAR: i32 = 0;

impl TensorDesc {
    /// The sizes, -1 where one is not known yet.
    pub(crate) fn sizes(&self, name: &str) -> Result<&[i64], Refusal> {
        usize::try_from(self.rank)
            .ok()
            .and_then(|rank| self.dims.get(..rank))
            .ok_or_else(|| Refusal::new(format!("{name} has rank {}; expected 0 to {}", self.rank, self.dims.len())))
    }

    /// The shape; None where a size is not known yet.
    pub(crate) fn shape(&self, name: &str) -> Result<Option<Shape>, Refusal> {
        let sizes = self.sizes(name)?;
        if sizes.contains(&-1) {
            return Ok(None);
        }
        let sizes = sizes.iter().map(|&size| usize::try_from(size)).collect::<Result<Vec<_>, _>>().map_err(|_| {
            Refusal::new(format!("{name} has shape {sizes:?}; sizes are 0 or more, or -1 while unknown"))
        })?;
        Shape::new(&sizes).map(Some).map_err(|error| Refusal::new(format!("{name}: {error}")))
    }
}
