//! What can go wrong, with the values that were given.
//!
//! The texts say what was given and what was expected, in words that hold for every caller: names of inputs, names of
//! types and reductions as NumPy and torch_scatter spell them. What to do differs between the APIs, so each API says it
//! itself. In Rust, the documentation of each variant does.

use std::fmt;

use crate::{Combine, Composite, Reduce, ReduceOperator, ScalarType, Shape};

/// The items of a list, the last one after `word`: "and" or "or".
fn listed(word: &str, items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.pop() {
        None => String::new(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} {word} {last}", items.join(", ")),
    }
}

/// [`listed`], each name between quotation marks.
fn quoted(word: &str, names: impl IntoIterator<Item = &'static str>) -> String {
    listed(word, names.into_iter().map(|name| format!("\"{name}\"")))
}

/// The names that a reduction can be given by.
fn reduce_names() -> impl Iterator<Item = &'static str> {
    Reduce::ALL.into_iter().map(Reduce::name).chain(Reduce::ALIASES.into_iter().map(|(alias, _)| alias))
}

/// The range [0, size) of good indices, in words.
fn index_range(size: usize) -> String {
    match size.checked_sub(1) {
        None => "but the axis that it indexes has size 0".to_owned(),
        Some(largest) => format!("outside 0 to {largest}"),
    }
}

/// What to do with an index that is not sorted, by the caller's name of it.
fn remedy_of_unsorted(input: &str) -> &'static str {
    match input {
        "destination" => "sort index, destination and weight together, or use gather_scatter",
        _ => "sort index and src together, or use scatter",
    }
}

/// Why a call was refused or failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A shape has more axes than the library handles.
    #[error("a tensor of rank {rank} was given; ranks up to {max} are supported")]
    RankTooLarge {
        /// The rank given.
        rank: usize,
        /// The largest rank there is.
        max: usize,
    },
    /// A shape's element count does not fit in memory's address range.
    #[error("shape {dims:?} has more elements than a 64-bit address can reach")]
    TooManyElements {
        /// The sizes given.
        dims: Vec<usize>,
    },
    /// There is no room in host memory for a result, or for the scratch space of a call.
    #[error("there is no room in memory for a tensor of shape {shape} ({element_bytes} bytes an element)")]
    OutOfMemory {
        /// The shape of the result, or of the scratch space.
        shape: Shape,
        /// Bytes of each element.
        element_bytes: usize,
    },
    /// The data handed over has another length than its shape says.
    #[error("shape {shape} has {} elements, but {given} were given", shape.element_count())]
    DataLength {
        /// The shape given.
        shape: Shape,
        /// The number of elements given.
        given: usize,
    },
    /// The operator needs at least one axis to reduce.
    #[error("`{input}` is a scalar; the operator needs at least one axis")]
    Scalar {
        /// The input: "src" or "index".
        input: &'static str,
    },
    /// `dim` names no axis of `src`.
    #[error(
        "dim {dim} is out of range for src of shape {src}: expected {} to {}",
        -(src.rank() as isize), src.rank() as isize - 1
    )]
    DimOutOfRange {
        /// The axis given.
        dim: isize,
        /// The shape of `src`.
        src: Shape,
    },
    /// The index does not broadcast to `src`.
    #[error(
        "index of shape {index} does not broadcast to src of shape {src} along dim {dim}: a 1-D index needs \
         src's length along dim; otherwise each axis of the index must be 1 or equal to src's, axes of size 1 \
         being added at the end"
    )]
    IndexShape {
        /// The shape of the index.
        index: Shape,
        /// The shape of `src`.
        src: Shape,
        /// The reduced axis, counted from 0.
        dim: usize,
    },
    /// The leading axes of an index or indptr do not expand to src's.
    #[error(
        "`{input}` of shape {given} does not fit src of shape {src}: it may have no more axes than src, and each \
         but its last must be 1 or equal to src's"
    )]
    LeadingAxes {
        /// The input: "index" or "indptr".
        input: &'static str,
        /// Its shape.
        given: Shape,
        /// The shape of `src`.
        src: Shape,
    },
    /// The number of segments of an indptr is not the number of src's rows.
    #[error(
        "indptr of shape {indptr} does not fit src of shape {src}: {} rows along axis {axis} need {} elements along \
         indptr's last axis",
        src.dims()[*axis], src.dims()[*axis] + 1
    )]
    IndptrLength {
        /// The shape of indptr.
        indptr: Shape,
        /// The shape of `src`.
        src: Shape,
        /// The axis of `src` that indptr runs along, counted from 0.
        axis: usize,
    },
    /// An input that delimits the segments has another number of axes than the index, so it lies along another axis.
    #[error(
        "`{input}` of shape {given} lies along axis {}, but index of shape {index} along axis {}: both need the same \
         number of axes",
        given.rank() - 1, index.rank() - 1
    )]
    OtherAxis {
        /// The input: "indptr".
        input: &'static str,
        /// Its shape.
        given: Shape,
        /// The shape of the index.
        index: Shape,
    },
    /// An input that has an element for each element of the index, such as destinations, does not fit the index.
    #[error(
        "{input} of shape {given} does not fit index of shape {index}: expected as many axes, and as many elements along \
         the last one; each leading axis may be 1"
    )]
    BesideIndexShape {
        /// The input: destination or other_index.
        input: &'static str,
        /// Its shape.
        given: Shape,
        /// The shape of the index.
        index: Shape,
    },
    /// The weights, or the scores of an attention, do not fit the index and `src`.
    #[error(
        "{input} of shape {given} does not fit index of shape {index} and src of shape {src}: expected the index's \
         shape, or one more axis of H heads behind it, where H divides the number of columns of src; each leading axis \
         may be 1"
    )]
    WeightShape {
        /// The input: weight or score.
        input: &'static str,
        /// Its shape.
        given: Shape,
        /// The shape of the index.
        index: Shape,
        /// The shape of `src`.
        src: Shape,
    },
    /// The weights, or the scores of an attention, have neither src's type, nor float32 where src has 16-bit floats.
    /// Those of src's type are [`Weight::Same`](crate::Weight::Same), float32 beside float32 too.
    #[error(
        "{input} was given as {given} beside src of type {src}; expected src's type, or float32 beside {}",
        listed("or", ScalarType::ALL.into_iter().filter(|scalar| scalar.is_half()))
    )]
    WeightType {
        /// The input: weight or score.
        input: &'static str,
        /// Its type.
        given: ScalarType,
        /// The type of `src`.
        src: ScalarType,
    },
    /// The rows of `other` are not as those of `src`.
    #[error(
        "other of shape {other} does not fit src of shape {src}: expected src's shape, with any number of rows along axis \
         {axis}"
    )]
    OtherShape {
        /// The shape of `other`.
        other: Shape,
        /// The shape of `src`.
        src: Shape,
        /// The axis that the rows lie along, counted from 0.
        axis: usize,
    },
    /// The heads do not divide the columns of a row.
    #[error(
        "heads is {given}, but a row of src has {columns} columns; expected a number that divides the columns, from 1 to \
         {most}"
    )]
    Heads {
        /// The number of heads given.
        given: usize,
        /// The number of columns of a row of `src`.
        columns: usize,
        /// The largest number of heads there may be.
        most: usize,
    },
    /// The weights of the columns do not fit `src`.
    #[error(
        "weight of shape {weight} does not fit src of shape {src}: expected one axis with a weight for each of the \
         {columns} columns of a row"
    )]
    ColumnWeightShape {
        /// The shape of the weights.
        weight: Shape,
        /// The shape of `src`.
        src: Shape,
        /// The number of columns of a row of `src`.
        columns: usize,
    },
    /// The name says no way to combine two values.
    #[error("unknown combine \"{given}\"; expected {}", quoted("or", Combine::ALL.map(Combine::name)))]
    UnknownCombine {
        /// The name given.
        given: String,
    },
    /// `base` (torch_scatter's `out`) has another shape than the result.
    #[error(
        "base (torch_scatter's `out`) has shape {base}, but the result has shape {expected} (src's shape {src} with \
         dim {dim} replaced)"
    )]
    BaseShape {
        /// The shape of `base`.
        base: Shape,
        /// The shape it should have.
        expected: Shape,
        /// The shape of `src`.
        src: Shape,
        /// The reduced axis, counted from 0.
        dim: usize,
    },
    /// An output buffer has another shape than the result.
    #[error("`{output}` has shape {given}, but the result has shape {expected}")]
    OutputShape {
        /// The output: "out" or "arg_out".
        output: &'static str,
        /// The shape of the buffer.
        given: Shape,
        /// The shape of the result.
        expected: Shape,
    },
    /// The number of groups is given neither by `dim_size` nor by `base`, and a plan does not read the index.
    #[error("the number of groups is unknown: give dim_size, or a base to start from")]
    UnknownDimSize,
    /// The operator does not have the reduction.
    #[error(
        "{operator} has no reduce \"{reduce}\"; expected {}",
        quoted("or", operator.reductions().map(Reduce::name))
    )]
    UnsupportedReduce {
        /// The operator.
        operator: ReduceOperator,
        /// The reduction given.
        reduce: Reduce,
    },
    /// `arg_out` was given to a reduction that has none.
    #[error(
        "reduce \"{reduce}\" has no arg_out; only {} do",
        quoted("and", Reduce::ALL.into_iter().filter(|reduce| reduce.has_arg()).map(Reduce::name))
    )]
    NoArgOut {
        /// The reduction given.
        reduce: Reduce,
    },
    /// The values of a composite, of an attention, or of gather_dot are not floating-point.
    #[error(
        "src has type {given}; {} need one of {}",
        listed("and", Composite::ALL.map(Composite::name).into_iter().chain(["attention", "gather_dot"])),
        listed("or", ScalarType::ALL.into_iter().filter(|scalar| scalar.is_float()))
    )]
    NotAFloat {
        /// The type given.
        given: ScalarType,
    },
    /// The name of the reduction is not one of torch_scatter's.
    #[error("unknown reduce \"{given}\"; expected {}", quoted("or", reduce_names()))]
    UnknownReduce {
        /// The name given.
        given: String,
    },
    /// An index lies outside [0, size). [`BadIndex::Skip`](crate::BadIndex::Skip) leaves such elements out instead.
    #[error("{input}[{position}] (row-major position in {input} of shape {shape}) is {value}, {}", index_range(*size))]
    IndexOutOfRange {
        /// The input: "index", "destination" or "other_index".
        input: &'static str,
        /// Row-major position of the first offender within the index tensor.
        position: u64,
        /// Its value.
        value: i64,
        /// The number of groups or, for a gather, of src's rows.
        size: usize,
        /// The shape of the index tensor.
        shape: Shape,
    },
    /// An index that must be sorted along its last axis is not.
    #[error(
        "{input}[{position}] (row-major position in {input} of shape {shape}) is {value}, less than the {previous} before \
         it; segments need it sorted along its last axis: {remedy}",
        remedy = remedy_of_unsorted(.input)
    )]
    UnsortedIndex {
        /// What the caller calls the index.
        input: &'static str,
        /// Row-major position of the first offender within the index tensor.
        position: u64,
        /// Its value.
        value: i64,
        /// The element before it.
        previous: i64,
        /// The shape of the index tensor.
        shape: Shape,
    },
    /// An element of an indptr lies below the one before it, or outside [0, size].
    #[error(
        "indptr[{position}] (row-major position in indptr of shape {shape}) is {value}, outside {at_least} to {size}; \
         an indptr never decreases, starts at 0 or above and ends at {size} or below"
    )]
    IndptrOutOfRange {
        /// Row-major position of the first offender within the indptr tensor.
        position: u64,
        /// Its value.
        value: i64,
        /// The element before it in its row of indptr; 0 at the start of a row.
        at_least: i64,
        /// The length of the axis that indptr cuts into segments.
        size: usize,
        /// The shape of the indptr tensor.
        shape: Shape,
    },
    /// A position along the reduced axis does not fit the type of `arg_out`.
    #[error(
        "there are {length} elements along the reduced axis, more than arg_out's type can count; use an index of type int64"
    )]
    ArgOutTooNarrow {
        /// The length of the reduced axis.
        length: usize,
    },
    /// A position does not fit the type of the index, which `perm` and `indptr` have too.
    #[error(
        "there are {length} elements along the index's last axis, more than its type can count; use an index of type int64"
    )]
    PermTooNarrow {
        /// The length of the index's last axis.
        length: usize,
    },
    /// The workspace is smaller than the plan needs.
    #[error("the workspace has {given} bytes, but the plan needs {needed}")]
    WorkspaceTooSmall {
        /// Bytes given.
        given: usize,
        /// Bytes needed.
        needed: usize,
    },
    /// There is no usable CUDA driver or device.
    #[error("no CUDA device can be used: {reason}")]
    NoDevice {
        /// Why not, and what would help.
        reason: String,
    },
    /// The device is older than the oldest architecture that the kernels are compiled for.
    #[error(
        "the device has compute capability {major}.{minor}; the kernels need {needed_major}.{needed_minor} or newer"
    )]
    UnsupportedDevice {
        /// The device's major version.
        major: u32,
        /// The device's minor version.
        minor: u32,
        /// The oldest supported major version.
        needed_major: u32,
        /// The oldest supported minor version.
        needed_minor: u32,
    },
    /// A change of [`gpu::Tuning`](crate::gpu::Tuning), from the caller or from the environment variable `TRTS_TUNING`,
    /// makes no sense.
    #[error("\"{given}\" in TRTS_TUNING: {reason}")]
    Tuning {
        /// The change as it was given.
        given: String,
        /// What was expected.
        reason: String,
    },
    /// The device has no room for an allocation.
    #[error("device {device} has no room for {bytes} bytes")]
    OutOfDeviceMemory {
        /// The device's number.
        device: u32,
        /// Bytes asked for.
        bytes: usize,
    },
    /// A tensor or workspace does not lie on the device of the stream that is to use it.
    #[error(
        "`{tensor}` lies on device {device}, but the stream belongs to device {stream_device}; copy it there, or give a \
         stream of device {device}"
    )]
    OtherDevice {
        /// The tensor: "src", "index", "out", "workspace" and so on.
        tensor: &'static str,
        /// The number of the device that it lies on.
        device: u32,
        /// The number of the stream's device.
        stream_device: u32,
    },
    /// The device was reset, which destroyed what was in its context: tensors, workspaces, streams and events.
    #[error(
        "device {device} was reset (cudaDeviceReset, or numba's cuda.close()) after this stream, tensor or workspace was \
         made; make it anew"
    )]
    ContextLost {
        /// The device's number.
        device: u32,
    },
    /// A call of the CUDA driver failed.
    #[error("{call} failed: {error}")]
    Cuda {
        /// What was being done.
        call: &'static str,
        /// The driver's answer, a `CUresult`: 719 for a kernel that failed, for instance.
        code: i32,
        /// What the driver says about it: its name, its number and its description.
        error: String,
    },
}

/// What kind of thing went wrong: what a caller of another language can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An argument of the call does not fit.
    Argument,
    /// An element of the index or indptr: its row-major position, and its value.
    BadIndex {
        /// The row-major position.
        position: u64,
        /// The value.
        value: i64,
    },
    /// Memory ran out, the host's or the device's.
    OutOfMemory,
    /// There is no driver or device to compute on.
    NoDevice,
    /// The driver refused, or a kernel failed.
    Cuda,
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match *self {
            Self::IndexOutOfRange { position, value, .. }
            | Self::UnsortedIndex { position, value, .. }
            | Self::IndptrOutOfRange { position, value, .. } => ErrorKind::BadIndex { position, value },
            Self::OutOfMemory { .. } | Self::OutOfDeviceMemory { .. } => ErrorKind::OutOfMemory,
            Self::Cuda { code, .. } if code == lazy_cuda_driver::sys::ERROR_OUT_OF_MEMORY => ErrorKind::OutOfMemory,
            Self::Cuda { .. } | Self::ContextLost { .. } => ErrorKind::Cuda,
            Self::NoDevice { .. } | Self::UnsupportedDevice { .. } => ErrorKind::NoDevice,
            Self::RankTooLarge { .. }
            | Self::TooManyElements { .. }
            | Self::DataLength { .. }
            | Self::Scalar { .. }
            | Self::DimOutOfRange { .. }
            | Self::IndexShape { .. }
            | Self::LeadingAxes { .. }
            | Self::IndptrLength { .. }
            | Self::OtherAxis { .. }
            | Self::BesideIndexShape { .. }
            | Self::OtherShape { .. }
            | Self::Heads { .. }
            | Self::ColumnWeightShape { .. }
            | Self::UnknownCombine { .. }
            | Self::WeightShape { .. }
            | Self::WeightType { .. }
            | Self::BaseShape { .. }
            | Self::OutputShape { .. }
            | Self::UnknownDimSize
            | Self::UnsupportedReduce { .. }
            | Self::NoArgOut { .. }
            | Self::NotAFloat { .. }
            | Self::UnknownReduce { .. }
            | Self::ArgOutTooNarrow { .. }
            | Self::PermTooNarrow { .. }
            | Self::WorkspaceTooSmall { .. }
            | Self::Tuning { .. }
            | Self::OtherDevice { .. } => ErrorKind::Argument,
        }
    }

    /// Whether memory ran out, the host's or the device's: the call may succeed when some has been freed.
    pub fn is_out_of_memory(&self) -> bool {
        self.kind() == ErrorKind::OutOfMemory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Callers of Rust, C and Python read the same texts. So a text has no name that only one of the languages has.
    #[test]
    fn texts_have_no_words_of_one_language() {
        let shape = Shape::new(&[4]).unwrap();
        let texts = [
            Error::IndexOutOfRange { input: "index", position: 1, value: 7, size: 3, shape }.to_string(),
            Error::IndexOutOfRange { input: "index", position: 1, value: 7, size: 0, shape }.to_string(),
            Error::IndptrOutOfRange { position: 1, value: 7, at_least: 2, size: 3, shape }.to_string(),
            Error::NotAFloat { given: ScalarType::I32 }.to_string(),
            Error::NoArgOut { reduce: Reduce::Sum }.to_string(),
            Error::WeightType { input: "weight", given: ScalarType::F32, src: ScalarType::F64 }.to_string(),
        ];
        assert_eq!(
            texts,
            [
                "index[1] (row-major position in index of shape [4]) is 7, outside 0 to 2",
                "index[1] (row-major position in index of shape [4]) is 7, but the axis that it indexes has size 0",
                "indptr[1] (row-major position in indptr of shape [4]) is 7, outside 2 to 3; an indptr never \
                 decreases, starts at 0 or above and ends at 3 or below",
                "src has type int32; softmax, log_softmax, logsumexp, std, attention and gather_dot need one of float32, \
                 float16, bfloat16 or float64",
                "reduce \"sum\" has no arg_out; only \"min\" and \"max\" do",
                "weight was given as float32 beside src of type float64; expected src's type, or float32 \
                 beside float16 or bfloat16",
            ]
        );
    }
}
