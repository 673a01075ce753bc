//! Records: the partial results that chunks have of long segments. They lie in the workspace until
//! [`combine`](super::combine()) joins them.

use kernel_params::{SegmentParams, RECORDS_PER_CHUNK};
use nvptx_arch::memory;

use super::{
    fold::{Fold, Folded, Partial, Position},
    NONE,
};
use crate::element::Accumulator;

/// Which of the two records of a chunk.
#[derive(Clone, Copy, PartialEq)]
pub enum Record {
    /// The record of the long segment that begins before the chunk and goes on in it.
    GoesOn = 0,
    /// The record of the long segment that begins in the chunk.
    Begins = 1,
}

impl Record {
    /// The number of records of a chunk.
    pub const PER_CHUNK: u64 = RECORDS_PER_CHUNK;

    /// The number of this record of a chunk. Chunks and records are counted over all b.
    #[inline(always)]
    pub fn number(self, chunk: u64) -> u64 {
        chunk * Self::PER_CHUNK + self as u64
    }
}

/// Stores a partial result in a record, in the columns from `column` on. `u32` positions are relative to `origin`.
///
/// If the result depends on the count and `counts` is true, the lane of column 0 also stores the number of elements.
#[inline(always)]
pub unsafe fn store<A: Accumulator, R: Fold, P: Position, const COLUMNS: usize>(
    p: &SegmentParams,
    record: u64,
    column: u64,
    folded: Folded<A, P, COLUMNS>,
    origin: u64,
    counts: bool,
) {
    for (i, partial) in folded.partials.into_iter().enumerate() {
        let at = (record * p.k + column) as usize + i;
        memory::store((p.values as *mut A).add(at), partial.value);
        if R::HAS_POSITION {
            memory::store((p.positions as *mut u64).add(at), partial.position.on_axis(origin));
        }
    }
    if counts && R::HAS_COUNT && column == 0 {
        memory::store((p.counts as *mut u64).add(record as usize), folded.count.into());
    }
}

/// Loads one column of a record. `place` is its position in the values of all records.
#[inline(always)]
pub unsafe fn load<A: Accumulator, R: Fold>(
    p: &SegmentParams,
    place: u64,
    record: u64,
    counts: bool,
) -> Folded<A, u64, 1> {
    let place = place as usize;
    let value = memory::load_readonly((p.values as *const A).add(place));
    let position = if R::HAS_POSITION { memory::load_readonly((p.positions as *const u64).add(place)) } else { NONE };
    let count =
        if counts && R::HAS_COUNT { memory::load_readonly((p.counts as *const u64).add(record as usize)) } else { 0 };
    Folded { partials: [Partial { value, position }], count }
}
