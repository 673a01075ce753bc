//! Where src and the index of a layer are, in the operators that have src. The declarations say where the others are.

/// The position of src.
pub(crate) const SRC: usize = 0;
/// The position of the index or indptr.
pub(crate) const INDEX: usize = 1;

/// The capacity for inputs; no operator has more.
pub(crate) const MAX_INPUTS: usize = 7;
