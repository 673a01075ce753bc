//! Where the inputs of a layer are. The declarations of all operators have them in this order.

/// The position of src.
pub(crate) const SRC: usize = 0;
/// The position of the index or indptr.
pub(crate) const INDEX: usize = 1;
/// The position of base, for the operators that have one.
pub(crate) const BASE: usize = 2;

/// The capacity for inputs; no operator has more.
pub(crate) const MAX_INPUTS: usize = 7;
