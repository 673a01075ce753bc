//! Softmax, log_softmax, logsumexp and std over segments.
//!
//! The algorithm is that of [`segment`](crate::segment) over a cut axis, with another partial result: two numbers for
//! each column (`Statistic`). No atomics touch them, so the bits of a result depend on the sizes and the input alone.
//!
//! 1. [`reduce_cut`]: a group of lanes takes each segment. If the segment is no longer than a chunk, the group finishes
//!    it: for softmax it reads the elements once more, from a cache, and stores the results. Otherwise it leaves a
//!    record of the first chunk.
//! 2. [`reduce_chunks`] leaves records of the other chunks of long segments.
//! 3. [`combine`] joins the records of each long segment. For logsumexp and std it stores the result; for softmax it
//!    leaves in the segment's first record what the results are computed with.
//! 4. [`map_rest`], for softmax: computes the results of long segments, chunk by chunk, and stores zeros for the
//!    elements that are in no segment.
//!
//! Modules, from low to high: `columns`, `statistic` <- `known` <- `finish` <- `reduce`, `rest`.

mod columns;
mod finish;
mod known;
mod reduce;
mod rest;
mod statistic;

pub use reduce::{combine, reduce_chunks, reduce_cut};
pub use rest::map_rest;
pub use statistic::{Exponentials, Moments};
