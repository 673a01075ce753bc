//! Tensors as TensorRT describes them, and the rules of types for an operator's inputs and outputs.

use tensorrt_scatter::{IndexType, ScalarType, Shape};

use crate::{abi::TensorDesc, message::Refusal};

/// `nvinfer1::DataType`, as far as there are kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum DataType {
    Float = 0,
    Half = 1,
    Int32 = 3,
    /// From TensorRT 9 on; 8.x has no such number.
    BFloat16 = 7,
    /// From TensorRT 9 on; 8.x has no such number.
    Int64 = 8,
}

impl DataType {
    /// What operators reduce and copy.
    pub(crate) const VALUES: &[Self] = &[Self::Float, Self::Half, Self::Int32, Self::BFloat16, Self::Int64];
    /// What operators exponentiate.
    pub(crate) const FLOATS: &[Self] = &[Self::Float, Self::Half, Self::BFloat16];
    /// What operators take as index, indptr or size.
    pub(crate) const INTEGERS: &[Self] = &[Self::Int32, Self::Int64];

    pub(crate) fn of(number: i32) -> Option<Self> {
        Self::VALUES.iter().copied().find(|&known| known as i32 == number)
    }

    /// The type as the kernels name it.
    pub(crate) fn scalar(self) -> ScalarType {
        match self {
            Self::Float => ScalarType::F32,
            Self::Half => ScalarType::F16,
            Self::Int32 => ScalarType::I32,
            Self::BFloat16 => ScalarType::BF16,
            Self::Int64 => ScalarType::I64,
        }
    }

    /// The type as that of an index; None for one that cannot index.
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

/// Which type a tensor may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Types {
    /// One of these; the first is the one to fall back on.
    OneOf(&'static [DataType]),
    /// This one.
    Exactly(DataType),
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
