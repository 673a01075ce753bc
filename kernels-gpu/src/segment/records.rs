//! What the chunks of long segments have come to, in the workspace until they are joined.

use kernel_params::SegmentParams;
use nvptx_arch::memory;

use super::{
    fold::{Fold, Partial, Position},
    piece::Folded,
    NONE,
};
use crate::element::Accumulator;

/// Which of a chunk's two records.
#[derive(Clone, Copy, PartialEq)]
pub enum Record {
    /// Of the long segment that began before the chunk.
    GoesOn = 0,
    /// Of the long segment that begins in the chunk.
    Begins = 1,
}

impl Record {
    /// How many a chunk has.
    pub const PER_CHUNK: u64 = 2;

    /// The number, over all records, of a chunk's, counted over all b.
    #[inline(always)]
    pub fn number(self, chunk: u64) -> u64 {
        chunk * Self::PER_CHUNK + self as u64
    }
}

/// Stores what a chunk has of a segment: the columns from `column` on; with the first ones also how many elements that is,
/// if the index may have holes. Positions are counted from `origin`.
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

/// One column, at a place in all records, of what a chunk has of a segment.
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
