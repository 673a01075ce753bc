//! Axes and shapes. A size of -1 is not known yet.

use tensorrt_scatter::Shape;

use super::{INDEX, SRC};
use crate::{
    abi::{DimSource, SizeOrigin},
    message::Refusal,
};

/// The axis of src that attribute `dim` names, counted from 0.
pub(super) fn axis_of_dim(dim: i32, src: &[i64]) -> Result<usize, Refusal> {
    let rank = src.len() as i64;
    let given = i64::from(dim);
    check_has_axis("src", src)?;
    if given < -rank || given >= rank {
        return Err(Refusal::new(format!(
            "attribute dim is {given}, but src has rank {rank}; expected {} to {}",
            -rank,
            rank - 1
        )));
    }
    Ok(given.rem_euclid(rank) as usize)
}

/// Refuses a tensor without an axis.
pub(super) fn check_has_axis(name: &str, sizes: &[i64]) -> Result<(), Refusal> {
    if !sizes.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{name} has rank 0: it is a single value; expected a tensor of rank 1 to {}",
        Shape::MAX_RANK
    )))
}

/// The axis of src that an index or indptr lies along: its last axis.
pub(super) fn axis_of_index(inputs: &[&[i64]], name: &str) -> Result<usize, Refusal> {
    check_index_rank(inputs, name)?;
    Ok(inputs[INDEX].len() - 1)
}

/// Refuses an index without an axis, or with more axes than src.
pub(super) fn check_index_rank(inputs: &[&[i64]], name: &str) -> Result<(), Refusal> {
    let (rank, src_rank) = (inputs[INDEX].len(), inputs[SRC].len());
    if (1..=src_rank).contains(&rank) {
        return Ok(());
    }
    check_has_axis("src", inputs[SRC])?;
    Err(Refusal::new(format!("{name} has rank {rank}, but src has rank {src_rank}; expected 1 to {src_rank}")))
}

/// Refuses an indptr, or destinations, that do not lie along the axis of the index.
pub(super) fn check_rank_of_index(name: &str, given: &[i64], index: &[i64]) -> Result<(), Refusal> {
    check_rank_as(name, given, "index", index)
}

/// Refuses a tensor that has not as many axes as another one.
pub(super) fn check_rank_as(name: &str, given: &[i64], other: &str, expected: &[i64]) -> Result<(), Refusal> {
    check_rank(name, given, expected.len(), &format!("{other}'s rank, {}", expected.len()))
}

/// Refuses a tensor that has not one axis.
pub(super) fn check_one_axis(name: &str, given: &[i64]) -> Result<(), Refusal> {
    check_rank(name, given, 1, "1")
}

/// Refuses a tensor of another rank than `rank`. `expected` is that rank in words.
fn check_rank(name: &str, given: &[i64], rank: usize, expected: &str) -> Result<(), Refusal> {
    if given.len() == rank {
        return Ok(());
    }
    Err(Refusal::new(format!("{name} has rank {}; expected {expected}", given.len())))
}

/// Refuses weights or scores, by their name, that have neither the axes of the index, nor one more.
pub(super) fn check_weight_rank(name: &str, weight: &[i64], index: &[i64]) -> Result<(), Refusal> {
    let rank = index.len();
    if (rank..=rank + 1).contains(&weight.len()) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{name} has rank {}; expected index's rank, {rank}, or {} with an axis of heads behind it",
        weight.len(),
        rank + 1
    )))
}

/// Refuses a base whose rank is not src's.
pub(super) fn check_base_rank(base: &[i64], src: &[i64]) -> Result<(), Refusal> {
    check_rank_as("base", base, "src", src)
}

/// Refuses a base whose shape is not the result's, for the operators that do not read its elements.
pub(super) fn check_base(base: Option<&Shape>, out: &Shape) -> Result<(), Refusal> {
    match base {
        Some(base) if base != out => {
            Err(Refusal::new(format!("base has shape {base}, but the result has shape {out}")))
        }
        _ => Ok(()),
    }
}

/// The sizes of src, with `size` in place of that at `axis`.
pub(super) fn src_sizes_with(src: &[i64], axis: usize, size: DimSource) -> Vec<DimSource> {
    (0..src.len()).map(|at| if at == axis { size } else { copied(SRC, at) }).collect()
}

/// The size of an input's axis.
pub(super) fn copied(input: usize, axis: usize) -> DimSource {
    // Both numbers are small: an operator has a few inputs, and a tensor at most eight axes.
    DimSource { origin: SizeOrigin::Axis, input: input as i32, axis: axis as i32, size: 0 }
}

/// The number of segments of an indptr: the size of the input's axis minus 1, or 0.
pub(super) fn segments_of(input: usize, axis: usize) -> DimSource {
    DimSource { origin: SizeOrigin::Segments, ..copied(input, axis) }
}

/// A size that is known.
pub(super) fn constant(size: i32) -> DimSource {
    DimSource { origin: SizeOrigin::Constant, input: -1, axis: -1, size }
}

/// The value of the layer's shape tensor.
pub(crate) fn shape_tensor() -> DimSource {
    DimSource { origin: SizeOrigin::ShapeTensor, input: -1, axis: -1, size: 0 }
}

/// The number of entries of an indptr that has as many segments as an attribute or a shape tensor says: one more. None
/// where TensorRT has no number for it.
pub(super) fn entries_of(segments: DimSource) -> Option<DimSource> {
    Some(DimSource { size: segments.size.checked_add(1)?, ..segments })
}

/// The first `rank` axes of src.
pub(super) fn leading(src: &Shape, rank: usize) -> Result<Shape, Refusal> {
    Ok(Shape::new(&src.dims()[..rank.min(src.rank())])?)
}

/// No address space has room for more elements. A plan's count of bytes does not overflow for so few.
const MAX_ELEMENTS: usize = 1 << 52;

/// Refuses shapes with more elements than any memory can hold. For the others, a plan's count of bytes does not
/// overflow.
pub(crate) fn check_countable(shapes: impl IntoIterator<Item = Shape>) -> Result<(), Refusal> {
    match shapes.into_iter().find(|shape| shape.element_count() > MAX_ELEMENTS) {
        Some(large) => {
            Err(Refusal::new(format!("a tensor of shape {large} has more elements than any memory can hold")))
        }
        None => Ok(()),
    }
}

/// Refuses a reduced axis that is longer than the type of arg_out can count. `input` has that axis.
pub(super) fn check_positions(
    positions: Option<crate::tensor::DataType>,
    input: &str,
    length: usize,
) -> Result<(), Refusal> {
    if positions == Some(crate::tensor::DataType::Int32) && i32::try_from(length).is_err() {
        return Err(Refusal::new(format!(
            "{input} has {length} elements along the reduced axis; arg_out, which is INT32, can count {}; attribute arg_type \
             \"int64\" makes it INT64 from TensorRT 10 on",
            i32::MAX
        )));
    }
    Ok(())
}
