//! What can go wrong, with the values that were given.

use crate::{Reduce, Shape};

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
    #[error("dim {dim} is out of range for src of shape {src}: expected {} to {}", -(src.rank() as isize), src.rank() as isize - 1)]
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
    /// `base` (torch_scatter's `out`) has another shape than the result.
    #[error("base has shape {base}, but the result has shape {expected} (src's shape {src} with dim {dim} replaced)")]
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
    /// Neither `dim_size` nor `base` says how many groups there are, and the index cannot be looked at.
    #[error("the number of groups is unknown: give dim_size, or a base to start from")]
    UnknownDimSize,
    /// `arg_out` was asked of a reduction that has none.
    #[error("reduce \"{reduce}\" has no arg_out; only \"min\" and \"max\" do")]
    NoArgOut {
        /// The reduction given.
        reduce: Reduce,
    },
    /// The name of the reduction is not one of torch_scatter's.
    #[error("unknown reduce \"{given}\": expected \"sum\", \"add\", \"mul\", \"mean\", \"min\" or \"max\"")]
    UnknownReduce {
        /// The name given.
        given: String,
    },
    /// An index lies outside [0, size).
    #[error(
        "index[{position}] (row-major position in index of shape {shape}) is {value}, outside 0..{size}; correct it, \
         or choose BadIndex::Skip to leave such elements out"
    )]
    IndexOutOfRange {
        /// Row-major position of the first offender within the index tensor.
        position: u64,
        /// Its value.
        value: i64,
        /// The number of groups.
        size: usize,
        /// The shape of the index tensor.
        shape: Shape,
    },
    /// The positions along the reduced axis do not fit the type of `arg_out`.
    #[error("src has {length} elements along dim, more than arg_out's type can count; use a 64-bit index")]
    ArgOutTooNarrow {
        /// The length of the reduced axis.
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
    /// A call of the CUDA driver failed.
    #[error("{call} failed: {error}")]
    Cuda {
        /// What was being done.
        call: &'static str,
        /// The driver's answer.
        error: String,
    },
}
