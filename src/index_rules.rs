//! What the elements of an index or indptr must satisfy: the same rules for every operator and backend.

use crate::{Error, Shape};

/// The rules of a plan for its index or indptr.
pub(crate) trait IndexRules {
    /// The shape of the index or indptr.
    fn index_shape(&self) -> &Shape;

    /// Every element lies in [0, limit).
    fn index_limit(&self) -> usize;

    /// Whether no element may lie below the one before it in its row, along the last axis.
    fn is_sorted(&self) -> bool;

    /// Whether the result depends on the elements, so that they are to be checked.
    fn uses_index(&self) -> bool;

    /// The error for the first element that breaks a rule: its row-major position, its value, and the element before
    /// it in its row, if there is one.
    fn bad_index(&self, position: u64, value: i64, previous: Option<i64>) -> Error;

    /// The number of elements along the last axis.
    fn index_row(&self) -> usize {
        self.index_shape().dims().last().copied().unwrap_or(1)
    }
}
