//! The attributes of the operators. Their names are torch_scatter's.

use tensorrt_scatter::{Combine, Reduce, ReduceOperator};

use crate::{
    attributes::{Attribute, Attributes, Kind},
    message::Refusal,
    tensor::DataType,
    tensorrt::Generation,
};

pub(super) const DIM: Attribute = Attribute { name: c"dim", kind: Kind::Int };
pub(super) const DIM_SIZE: Attribute = Attribute { name: c"dim_size", kind: Kind::Int };
pub(super) const DIM_SIZE_INPUT: Attribute = Attribute { name: c"dim_size_input", kind: Kind::Int };
pub(super) const WEIGHT_INPUT: Attribute = Attribute { name: c"weight_input", kind: Kind::Int };
pub(super) const OUT_HEIGHT: Attribute = Attribute { name: c"out_height", kind: Kind::Int };
pub(super) const OUT_WIDTH: Attribute = Attribute { name: c"out_width", kind: Kind::Int };
pub(super) const SIZE: Attribute = Attribute { name: c"size", kind: Kind::Int };
pub(super) const REDUCE: Attribute = Attribute { name: c"reduce", kind: Kind::Text };
pub(super) const DETERMINISTIC: Attribute = Attribute { name: c"deterministic", kind: Kind::Int };
pub(super) const ARG_TYPE: Attribute = Attribute { name: c"arg_type", kind: Kind::Text };
pub(super) const EPS: Attribute = Attribute { name: c"eps", kind: Kind::Float };
pub(super) const UNBIASED: Attribute = Attribute { name: c"unbiased", kind: Kind::Int };
pub(super) const COMBINE: Attribute = Attribute { name: c"combine", kind: Kind::Text };
pub(super) const HEADS: Attribute = Attribute { name: c"heads", kind: Kind::Int };
pub(super) const NEGATIVE_SLOPE: Attribute = Attribute { name: c"negative_slope", kind: Kind::Float };

/// The axis to reduce; torch_scatter's default is the last.
pub(super) fn dim(attributes: &Attributes) -> i32 {
    attributes.int(DIM.name).unwrap_or(-1)
}

/// The reduction; torch_scatter's default is the sum. A reduction that the operator does not have is refused.
pub(super) fn reduce(operator: ReduceOperator, attributes: &Attributes) -> Result<Reduce, Refusal> {
    let given = attributes.text(REDUCE.name).unwrap_or(Reduce::Sum.name());
    let reduce = given.parse().and_then(|reduce| operator.check(reduce).map(|()| reduce));
    reduce.map_err(|error| Refusal::new(format!("attribute reduce: {error}")))
}

/// The type of arg_out; None if the reduction has no arg_out.
pub(super) fn positions(
    attributes: &Attributes,
    reduce: Reduce,
    generation: Generation,
) -> Result<Option<DataType>, Refusal> {
    let positions = match (attributes.text(ARG_TYPE.name).unwrap_or("int32"), generation) {
        ("int32", _) => DataType::Int32,
        ("int64", Generation::V3) => DataType::Int64,
        ("int64", Generation::V2) => {
            return Err(Refusal::new("attribute arg_type is \"int64\", which needs TensorRT 10; give \"int32\""));
        }
        (given, _) => {
            return Err(Refusal::new(format!("attribute arg_type is \"{given}\"; expected \"int32\" or \"int64\"")));
        }
    };
    Ok(reduce.has_arg().then_some(positions))
}

/// A flag: 1 or 0.
pub(super) fn flag(attributes: &Attributes, attribute: &Attribute, default: bool) -> Result<bool, Refusal> {
    match attributes.int(attribute.name) {
        None => Ok(default),
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(given) => {
            Err(Refusal::new(format!("attribute {} is {given}; expected 0 or 1", attribute.name.to_string_lossy())))
        }
    }
}

/// What is added to a sum before its logarithm; None if it is not given.
pub(super) fn eps(attributes: &Attributes) -> Result<Option<f64>, Refusal> {
    match attributes.float(EPS.name) {
        Some(eps) if !(eps >= 0.0 && eps.is_finite()) => {
            Err(Refusal::new(format!("attribute eps is {eps}; expected a finite number, 0 or more")))
        }
        given => Ok(given),
    }
}

/// How two values are combined; the default is the product.
pub(super) fn combine(attributes: &Attributes) -> Result<Combine, Refusal> {
    let given = attributes.text(COMBINE.name).unwrap_or(Combine::Mul.name());
    given.parse().map_err(|error| Refusal::new(format!("attribute combine: {error}")))
}

/// The number of heads; the default is 1.
pub(super) fn heads(attributes: &Attributes) -> Result<i32, Refusal> {
    match attributes.int(HEADS.name).unwrap_or(1) {
        given if given < 1 => Err(Refusal::new(format!("attribute heads is {given}; expected 1 or more"))),
        given => Ok(given),
    }
}

/// The slope of a leaky ReLU; None if it is not given.
pub(super) fn negative_slope(attributes: &Attributes) -> Result<Option<f64>, Refusal> {
    match attributes.float(NEGATIVE_SLOPE.name) {
        Some(slope) if !slope.is_finite() => {
            Err(Refusal::new(format!("attribute negative_slope is {slope}; expected a finite number")))
        }
        given => Ok(given),
    }
}

/// A number of elements; None if it is not given, or is -1.
pub(super) fn size(attributes: &Attributes, attribute: &Attribute) -> Result<Option<i32>, Refusal> {
    match attributes.int(attribute.name) {
        None | Some(-1) => Ok(None),
        Some(given) if given >= 0 => Ok(Some(given)),
        Some(given) => Err(Refusal::new(format!(
            "attribute {} is {given}; expected 0 or more, or -1 to leave it open",
            attribute.name.to_string_lossy()
        ))),
    }
}
