//! TensorRT's descriptions of tensors, and the rules for the types of inputs and outputs.

use tensorrt_scatter::{IndexType, ScalarType, Shape};

use crate::{abi::TensorDesc, message::Refusal};

/// Declares the types of values that TensorRT does not have; and those that it has, each with its number in
/// `nvinfer1::DataType`, and the type of values that the kernels compute with.
macro_rules! data_types {
    (without $($other:ident)|+; $($(#[$doc:meta])* $variant:ident = $number:literal, $scalar:ident;)+) => {
        // For every type of values, this says whether TensorRT has it.
        const _: fn(ScalarType) = |scalar| match scalar {
            $(ScalarType::$scalar)|+ | $(ScalarType::$other)|+ => {}
        };

        /// The values of `nvinfer1::DataType` that have kernels.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub(crate) enum DataType {
            $($(#[$doc])* $variant = $number,)+
        }

        impl DataType {
            /// The types of values that operators reduce and copy.
            pub(crate) const VALUES: &[Self] = &[$(Self::$variant),+];

            /// The type of values that the kernels compute with.
            pub(crate) fn scalar(self) -> ScalarType {
                match self {
                    $(Self::$variant => ScalarType::$scalar,)+
                }
            }
        }
    };
}

data_types! {
    without F64;
    Float = 0, F32;
    Half = 1, F16;
    Int32 = 3, I32;
    /// TensorRT 9 and later have it.
    BFloat16 = 7, BF16;
    /// TensorRT 9 and later have it.
    Int64 = 8, I64;
}

impl DataType {
    /// The types of values that operators compute exponentials of.
    pub(crate) const FLOATS: &[Self] = &[Self::Float, Self::Half, Self::BFloat16];
    /// The types of an index, an indptr or a size.
    pub(crate) const INTEGERS: &[Self] = &[Self::Int32, Self::Int64];

    pub(crate) fn of(number: i32) -> Option<Self> {
        Self::VALUES.iter().copied().find(|&known| known as i32 == number)
    }

    /// The type of an index that the kernels read; None for a type that is no index.
    pub(crate) fn index(self) -> Option<IndexType> {
        IndexType::of(self.scalar())
    }

    /// TensorRT's name of a type.
    fn name(number: i32) -> String {
        const NAMES: [&str; 9] = ["FLOAT", "HALF", "INT8", "INT32", "BOOL", "UINT8", "FP8", "BF16", "INT64"];
        let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number));
        name.map_or_else(|| format!("DataType {number}"), |&name| name.to_owned())
    }
}

#[cfg(test)]
impl DataType {
    /// TensorRT's name.
    pub(crate) fn text_name(self) -> String {
        Self::name(self as i32)
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
    /// The type of the input at this position, or FLOAT beside one of 16 bits.
    WeightOf(usize),
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
            Types::SameAs(input) | Types::WeightOf(input) => {
                inputs.get(input).copied().unwrap_or(DataType::Float as i32)
            }
        }
    }

    /// Refuses a type that the port does not take.
    pub(crate) fn check_type(&self, given: i32, inputs: &[i32]) -> Result<(), Refusal> {
        let first = self.data_type(inputs);
        let (others, is_half) = match self.types {
            Types::OneOf(types) => (types, false),
            Types::Exactly(_) | Types::SameAs(_) => (&[][..], false),
            Types::WeightOf(_) => (&[][..], DataType::of(first).is_some_and(|of| of.scalar().is_half())),
        };
        let others = others.iter().copied().chain(is_half.then_some(DataType::Float)).map(|other| other as i32);
        let taken = std::iter::once(first).chain(others.filter(|&other| other != first));
        if taken.clone().any(|known| known == given) {
            return Ok(());
        }
        let expected = taken.map(DataType::name).collect::<Vec<_>>().join(" or ");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_in_the_lists_of_its_kind() {
        for data_type in DataType::VALUES {
            assert_eq!(DataType::FLOATS.contains(data_type), data_type.scalar().is_float(), "{data_type:?}");
            assert_eq!(DataType::INTEGERS.contains(data_type), data_type.index().is_some(), "{data_type:?}");
            let has_name = DataType::name(*data_type as i32).chars().all(|letter| letter != ' ');
            assert!(has_name, "{data_type:?} has no name for messages");
        }
    }
}
