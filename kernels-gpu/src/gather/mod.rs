//! The gathers: copies of whole rows, in words of up to 16 bytes.

mod by_index;
mod by_segment;
mod copy;
mod walk;

pub use by_index::{by_index, by_index_in_runs, words_by_index};
pub use by_segment::{batches_by_segment, by_segment, by_segment_in_runs};

/// Stands for no row.
const NONE: u64 = u64::MAX;
