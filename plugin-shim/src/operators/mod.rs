//! The operators as plugins: a row for each in [`OPERATORS`], and what a row must provide.
//!
//! One file for each operator; what several have in common is in `attribute` (attributes), `groups` (the number of
//! groups), `shape` (axes and shapes) and `composite` (softmax and its kin).

mod attribute;
mod composite;
mod gather_coo;
mod gather_csr;
mod groups;
mod scatter;
mod scatter_log_softmax;
mod scatter_logsumexp;
mod scatter_softmax;
mod scatter_std;
mod segment_coo;
mod segment_csr;
mod shape;
mod signature;

use std::ffi::CStr;

use tensorrt_scatter::{ScalarType, Shape};

pub(crate) use self::{shape::shape_tensor, signature::Signature};

use crate::{
    abi::DimSource,
    attributes::{Attribute, Attributes},
    backend::{KernelSet, Plan},
    message::Refusal,
    tensorrt::Generation,
};

/// An operator as the creators offer it.
pub(crate) struct Row {
    /// The plugin's name.
    pub(crate) name: &'static CStr,
    pub(crate) attributes: &'static [Attribute],
    /// Makes the operator for a generation of TensorRT.
    pub(crate) operator: fn(&Attributes, Generation) -> Made,
}

/// An operator with its attributes set, or which attribute's value is wrong.
pub(crate) type Made = Result<Box<dyn Operator>, Refusal>;

/// Every plugin of the library.
pub(crate) static OPERATORS: [Row; 9] = [
    scatter::ROW,
    segment_coo::ROW,
    segment_csr::ROW,
    gather_coo::ROW,
    gather_csr::ROW,
    scatter_softmax::ROW,
    scatter_log_softmax::ROW,
    scatter_logsumexp::ROW,
    scatter_std::ROW,
];

/// The version of every plugin.
pub(crate) const VERSION: &CStr = c"1";

/// Positions of the inputs that every operator has.
pub(crate) const SRC: usize = 0;
pub(crate) const INDEX: usize = 1;
/// Position of base, or of the number of groups.
pub(crate) const THIRD: usize = 2;

/// What an operator with its attributes set can say and do.
pub(crate) trait Operator: Send + Sync {
    /// Its inputs and outputs.
    fn signature(&self) -> &Signature;
    /// The sizes of out and arg_out, after what is known of the inputs' sizes: -1 stands for what is not.
    fn out_sizes(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal>;
    /// Checks the shapes and plans the work; None where they fit, but the number of groups is not known yet.
    fn plan(&self, shapes: &Shapes) -> Result<Option<Plan>, Refusal>;
    /// The bytes of workspace for these shapes and all that are no larger. The largest sizes of a profile may not fit
    /// each other.
    fn workspace_bytes(&self, shapes: &Shapes, values: ScalarType) -> Result<usize, Refusal>;
    /// The kernels that the work takes.
    fn kernels(&self) -> KernelSet;
}

/// The shapes of a layer's tensors.
#[derive(Clone, Debug)]
pub(crate) struct Shapes {
    pub(crate) src: Shape,
    /// That of the index or indptr.
    pub(crate) index: Shape,
    pub(crate) base: Option<Shape>,
    /// That of the result, where TensorRT has told it.
    pub(crate) out: Option<Shape>,
    /// The size of the output that is there for its size alone, where there is one and TensorRT has told it.
    pub(crate) groups: Option<usize>,
}
