//! Long segments: those longer than a chunk. The first kernel notes for each chunk which long segment goes on in it.
//! The second and third kernels read these notes.

use kernel_params::SegmentParams;
use nvptx_arch::{atomic, memory};

use super::{indptr::Indptr, piece::Piece, NONE};
use crate::layout::split_rows;

/// A segment longer than a chunk.
#[derive(Clone, Copy, Default)]
pub struct Long {
    /// The position before the reduced axis.
    pub b: u64,
    /// The number of the segment, below N.
    pub id: u64,
    /// Its first element, along the reduced axis.
    pub start: u64,
    /// The first element behind it.
    pub end: u64,
    /// The first of the chunks that it lies in, counted over all b. Each of these chunks has a record of it.
    pub first_record: u64,
}

impl Long {
    /// Whether a chunk has a note of a long segment. `number` counts chunks over all b; a number behind the last chunk
    /// has none.
    ///
    /// It may be called while the first kernel writes notes. The answer may then be wrong, but later loads are not:
    /// this load leaves nothing in the first-level cache.
    #[inline(always)]
    pub unsafe fn is_noted(p: &SegmentParams, number: u64) -> bool {
        number < p.b * p.chunks_per_b && atomic::load_relaxed((p.going_on as *const u64).add(number as usize)) < p.n
    }

    /// The long segment that goes on in a chunk, if there is one. `number` counts chunks over all b.
    #[inline(always)]
    pub unsafe fn in_chunk(p: &SegmentParams, number: u64) -> Option<Self> {
        if number >= p.b * p.chunks_per_b {
            return None;
        }
        let id = memory::load((p.going_on as *const u64).add(number as usize));
        if id >= p.n {
            return None;
        }
        let (b, chunk_of_b) = split_rows(number, &p.by_chunks_per_b, p.b);
        let chunk = chunk_of_b << p.chunk_log2;
        let indptr = Indptr::new(p, b);
        let (start, end) = (indptr.get(id), indptr.get(id + 1));
        // If indptr does not rise, a chunk may have no note, and its memory any value. So the note is checked.
        let goes_on = start < chunk && chunk < end && end - start > 1 << p.chunk_log2;
        let first_record = number - chunk_of_b + (start >> p.chunk_log2);
        goes_on.then_some(Self { b, id, start, end, first_record })
    }

    /// The number of chunks that it lies in. It is below 2^32, because a chunk has at least 32 elements.
    #[inline(always)]
    pub fn records(&self, p: &SegmentParams) -> u32 {
        (((self.end - 1) >> p.chunk_log2) - (self.start >> p.chunk_log2)) as u32 + 1
    }
}

/// Writes a note for each chunk that starts inside a segment: the segment's number if it is long, otherwise [`NONE`].
///
/// `lanes` lanes call it together for one segment; `lane` is this lane's number among them. The first segment also
/// writes the notes of the chunks before it, the last segment those behind it, so that every chunk has a note if indptr
/// rises.
#[inline(always)]
pub unsafe fn note_chunks(p: &SegmentParams, piece: &Piece, end: u64, chunk_log2: u32, lane: u32, lanes: u32) {
    let &Piece { b, id, from, .. } = piece;
    let is_long = end - from > 1 << chunk_log2;
    let first = if id == 0 { 0 } else { from };
    let behind = if id + 1 == p.n { p.e } else { end };
    let notes = (p.going_on as *mut u64).add((b * p.chunks_per_b) as usize);
    let mut chunk = ((first + (1 << chunk_log2) - 1) >> chunk_log2) + lane as u64;
    while chunk << chunk_log2 < behind {
        let start = chunk << chunk_log2;
        // A segment that starts where the chunk starts begins there. It does not go on there.
        let goes_on = is_long && start > from && start < end;
        memory::store(notes.add(chunk as usize), if goes_on { id } else { NONE });
        chunk += lanes as u64;
    }
}
