//! Reductions over segments: neighbouring elements along the reduced axis, told apart by a sorted index or by an
//! indptr. No atomics, and a result that depends on the sizes and the input alone.
//!
//! The reduced axis is cut into runs of equal length, one warp each, whatever the segments are: a long segment is
//! shared by many warps. A run stores the segments that lie wholly inside it and leaves records of its first and its
//! last one ([`reduce`]); a second kernel puts the records of a segment together ([`finish`]).

mod finish;
mod fold;
mod heads;
mod ids;
mod reduce;
mod start;
mod store;

pub use finish::finish;
pub use reduce::reduce;
pub use start::start;

/// Stands for "no segment" and "no position".
const NONE: u64 = u64::MAX;
