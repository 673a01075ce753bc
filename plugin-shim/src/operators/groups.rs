//! The source of the number of groups N, or of another size of the result.

use tensorrt_scatter::Shape;

use super::{
    SRC, Shapes, Signature,
    attribute::{self, DIM_SIZE, DIM_SIZE_INPUT},
    shape,
};
use crate::{
    abi::DimSource,
    attributes::{Attribute, Attributes},
    message::Refusal,
    tensorrt::Generation,
};

/// The source of a size of the result. TensorRT needs the size before the index is computed, so the index cannot be it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// An attribute.
    Attribute(i32),
    /// The axis of base.
    Base,
    /// A shape tensor.
    ShapeTensor,
}

impl Size {
    /// Attribute `dim_size` if it is given, the shape tensor if `dim_size_input` is 1, and base otherwise.
    pub(super) fn of_groups(attributes: &Attributes, generation: Generation) -> Result<Self, Refusal> {
        let has_input = attribute::flag(attributes, &DIM_SIZE_INPUT, false)?;
        match (Self::of(attributes, &DIM_SIZE)?, has_input, generation) {
            (size, false, _) => Ok(size),
            (Self::Base, true, Generation::V3) => Ok(Self::ShapeTensor),
            (Self::Base, true, Generation::V2) => Err(Refusal::new(
                "attribute dim_size_input is 1, which needs TensorRT 10; give attribute dim_size, or input base",
            )),
            _ => Err(Refusal::new("attributes dim_size and dim_size_input were both given; leave one out")),
        }
    }

    /// The attribute if it is given, and base otherwise.
    pub(super) fn of(attributes: &Attributes, attribute: &Attribute) -> Result<Self, Refusal> {
        Ok(attribute::size(attributes, attribute)?.map_or(Self::Base, Self::Attribute))
    }

    /// Whether a shape tensor, an input of the layer, holds the size.
    pub(super) fn is_input(self) -> bool {
        self == Self::ShapeTensor
    }

    /// The size as an expression, while shapes are symbols. `name` is the attribute's name, `axis` the axis of the
    /// result.
    pub(super) fn source(
        self,
        signature: &Signature,
        inputs: &[&[i64]],
        name: &str,
        axis: usize,
    ) -> Result<DimSource, Refusal> {
        let given = signature.size_input().and_then(|input| Some((input, *inputs.get(input)?)));
        match (self, given) {
            (Self::ShapeTensor, None | Some((_, [] | [1 | -1]))) => Ok(shape::shape_tensor()),
            (Self::ShapeTensor, Some((_, sizes))) => {
                let of_base = match signature.may_have_base() {
                    true => " (a base says itself how many groups there are; leave dim_size_input out with it)",
                    false => "",
                };
                Err(Refusal::new(format!(
                    "the last input has shape {sizes:?}, but attribute dim_size_input is 1: expected dim_size, \
                     one value{of_base}"
                )))
            }
            (Self::Attribute(size), None) => Ok(shape::constant(size)),
            (Self::Attribute(size), Some((_, base))) => {
                shape::check_base_rank(base, inputs[SRC])?;
                if base[axis] != -1 && base[axis] != i64::from(size) {
                    return Err(Refusal::new(format!(
                        "attribute {name} is {size}, but base has {} on axis {axis}; give equal sizes, or leave one out",
                        base[axis]
                    )));
                }
                Ok(shape::constant(size))
            }
            (Self::Base, None) => Err(unknown(name)),
            (Self::Base, Some((input, base))) => {
                shape::check_base_rank(base, inputs[SRC])?;
                Ok(shape::copied(input, axis))
            }
        }
    }

    /// The size; None if it is not known yet. `name` is the attribute's name, `axis` the axis of the result.
    pub(super) fn known(self, shapes: &Shapes, name: &str, axis: usize) -> Result<Option<usize>, Refusal> {
        let along = |shape: &Shape| shape.dims().get(axis).copied();
        match self {
            // The attribute was checked: it is 0 or more.
            Self::Attribute(size) => Ok(Some(size as usize)),
            // Planning refuses a base of another rank.
            Self::Base => Ok(Some(shapes.base().ok_or_else(|| unknown(name))?).map(|base| along(base).unwrap_or(0))),
            Self::ShapeTensor => {
                shapes.output(0).map(|out| along(out).ok_or_else(|| wrong_rank(out, shapes))).transpose()
            }
        }
    }
}

/// The refusal of an operator that has no base, where nothing tells the number of groups.
pub(super) fn unknown_without_base() -> Refusal {
    Refusal::new(
        "the number of groups is unknown: give attribute dim_size, or from TensorRT 10 on a shape tensor and attribute \
         dim_size_input = 1",
    )
}

fn unknown(name: &str) -> Refusal {
    Refusal::new(format!("the size of the result is unknown: give attribute {name}, or input base"))
}

fn wrong_rank(out: &Shape, shapes: &Shapes) -> Refusal {
    Refusal::new(format!("out has shape {out}; expected src's rank, {}", shapes.src().rank()))
}
