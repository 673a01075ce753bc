//! TensorRT's descriptions of tensors, and the rules for the types of inputs and outputs.

use tensorrt_scatter::{IndexType, ScalarType, Shape};

use crate::{abi::TensorDesc, message::Refusal};

/// The values of `nvinfer1::DataType` that have kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum DataType {
    Float = 0,
    Half = 1,
    Int32 = 3,
    /// TensorRT 9 and later have it.
    BFloat16 = 7,
    /// TensorRT 9 and later have it.
    Int64 = 8,
}

impl DataType {
    /// The types of values that operators reduce and copy.
    pub(crate) const VALUES: &[Self] = &[Self::Float, Self::Half, Self::Int32, Self::BFloat16, Self::Int64];
    /// The types of values that operators compute exponentials of.
    pub(crate) const FLOATS: &[Self] = &[Self::Float, Self::Half, Self::BFloat16];
    /// The types of an index, an indptr or a size.
    pub(crate) const INTEGERS: &[Self] = &[Self::Int32, Self::Int64];

    pub(crate) fn of(number: i32) -> Option<Self> {
        Self::VALUES.iter().copied().find(|&known| known as i32 == number)
    }

    /// The type of values that the kernels compute with.
    pub(crate) fn scalar(self) -> ScalarType {
        match self {
            Self::Float => ScalarType::F32,
            Self::Half => ScalarType::F16,
            Self::Int32 => ScalarType::I32,
            Self::BFloat16 => ScalarType::BF16,
            Self::Int64 => ScalarType::I64,
        }
    }

    /// The type of an index that the kernels read; None for a type that is no index.
    pub(crate) fn index(self) -> Option<IndexType> {
        match self {
            Self::Int32 => Some(IndexType::I32),
            Self::Int64 => Some(IndexType::I64),
            Self::Float | Self::Half | Self::BFloat16 => None,
        }
    }

    fn name(number: i32) -> String {
        const NAMES: [&str; 9] = ["FLOAT", "HALF", "INT8", "INT32", "BOOL", "UINT8", "FP8", "BF16", "INT64"];
        let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number));
        name.map_or_else(|| format!("DataType {number}"), |&name| name.to_owned())
    }
}

/// The types that a tensor may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Types {
    /// Any of these. The first stands for a type that is not known.
    OneOf(&'static [DataType]),
    /// Only this one.
    Exactly(DataType),
    /// The type of the input at this position.
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
    /// The type of the port, given the types of the inputs.
    pub(crate) fn data_type(&self, inputs: &[i32]) -> i32 {
        match self.types {
            Types::OneOf(types) => types[0] as i32,
            Types::Exactly(data_type) => data_type as i32,
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
            Types::Exactly(_) | Types::SameAs(_) if self.data_type(inputs) == given => return Ok(()),
            Types::Exactly(_) | Types::SameAs(_) => DataType::name(self.data_type(inputs)),
        };
        Err(Refusal::new(format!("{} is of type {}; expected {expected}", self.name, DataType::name(given))))
    }
}

/// `nvinfer1::TensorFormat::kLINEAR`.
pub(crate) const LINEAR: i32 = 0;

impl TensorDesc {
    /// The sizes. -1 is a size that is not known yet.
    pub(crate) fn sizes(&self, name: &str) -> Result<&[i64], Refusal> {
        usize::try_from(self.rank)
            .ok()
            .and_then(|rank| self.dims.get(..rank))
            .ok_or_else(|| Refusal::new(format!("{name} has rank {}; expected 0 to {}", self.rank, self.dims.len())))
    }

    /// The shape; None if a size is not known yet.
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
