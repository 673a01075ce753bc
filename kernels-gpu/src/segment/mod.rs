//! Reductions over segments: neighbouring elements along the reduced axis, each segment a range of them that an indptr
//! delimits. A sorted index is turned into an indptr first ([`from_index`]). No atomics, and a result that depends on
//! the sizes and the input alone.
//!
//! A group of lanes takes a segment ([`reduce_cut`], [`reduce_whole`]), or a single lane one of its columns ([`reduce_short`]), so
//! a call whose segments are short needs no more than one launch. For long segments there are two ways, of which the host chooses
//! one: where the input is large, the axis is cut into chunks, which share the work whatever the segments are ([`reduce_chunks`]) and
//! leave records that a third kernel joins ([`combine()`]); where it is small, a whole block takes each long segment.

mod block;
mod chunks;
mod combine;
mod fold;
mod indptr;
mod long;
mod piece;
mod records;
mod reduce;
mod short;
mod store;
mod tile;
mod work;

pub use chunks::reduce_chunks;
pub use combine::combine;
pub use indptr::from_index;
pub use reduce::{reduce_cut, reduce_whole};
pub use short::reduce_short;
pub use store::{Line, LinePair, Streamed};

/// Stands for "no segment" and "no position".
const NONE: u64 = u64::MAX;
