//! The operators as plugins: a row for each in [`OPERATORS`], and what a row must provide.

mod scatter;

use std::ffi::{CStr, c_void};

use tensorrt_scatter::Shape;

use crate::{
    attributes::{Attribute, Attributes},
    bridge::DimSource,
    message::Refusal,
    tensor::{DataType, Port},
};

/// An operator as the creators offer it.
pub(crate) struct Row {
    /// The plugin's name.
    pub(crate) name: &'static CStr,
    pub(crate) attributes: &'static [Attribute],
    /// Makes the operator, or says which attribute's value is wrong.
    pub(crate) operator: fn(&Attributes) -> Result<Box<dyn Operator>, Refusal>,
}

/// Every plugin of the library.
pub(crate) static OPERATORS: [Row; 1] = [scatter::ROW];

/// The version of every plugin.
pub(crate) const VERSION: &CStr = c"1";

/// What an operator with its attributes set can say and do.
pub(crate) trait Operator: Send + Sync {
    /// The inputs, in TensorRT's order.
    fn inputs(&self) -> &'static [Port];
    /// How many of the inputs must be there; the others, at the end, are optional.
    fn required_inputs(&self) -> usize;
    /// The outputs, in TensorRT's order.
    fn outputs(&self) -> &'static [Port];
    /// The shape of every output, after what is known of the inputs' sizes: -1 stands for what is not.
    fn output_shape(&self, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal>;
    /// Checks the inputs' shapes and plans the work.
    fn plan(&self, inputs: &[Shape]) -> Result<Box<dyn Plan>, Refusal>;
    /// The bytes of workspace for these shapes and all that are no larger.
    fn workspace_bytes(&self, inputs: &[Shape]) -> Result<usize, Refusal>;
    /// Loads the kernels for inputs of these types, or of the commonest ones where they are not known, into the
    /// current context.
    fn load_kernels(&self, input_types: &[DataType]) -> Result<(), Refusal>;
}

/// An operator on shapes that are known and fit.
pub(crate) trait Plan {
    /// The shape of every output.
    fn out_shape(&self) -> Shape;

    /// Gives the work to a stream of the current context.
    ///
    /// # Safety
    /// The addresses must be those of the operator's inputs and outputs in device memory, of the planned
    /// shapes and the given types; `workspace` that of as many bytes as the operator asked for; all valid
    /// until the stream has come so far. `stream` must be a stream of the current context.
    unsafe fn enqueue(&self, buffers: &Buffers<'_>) -> Result<(), Refusal>;
}

/// What a plan works on.
pub(crate) struct Buffers<'a> {
    pub(crate) inputs: &'a [u64],
    pub(crate) input_types: &'a [DataType],
    pub(crate) outputs: &'a [u64],
    pub(crate) workspace: u64,
    pub(crate) stream: *mut c_void,
}
