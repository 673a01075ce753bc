//! Finding segments longer than a chunk again.

use kernel_params::SegmentParams;
use nvptx_arch::{atomic, memory};

use super::{indptr::Indptr, piece::Piece, NONE};
use crate::layout::split_rows;

/// A segment longer than a chunk.
#[derive(Clone, Copy, Default)]
pub struct Long {
    /// Position before the reduced axis.
    pub b: u64,
    /// The segment.
    pub id: u64,
    /// Its first element.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// The first of the chunks it lies in, each of which has a record of it; counted over all b.
    pub first_record: u64,
}

impl Long {
    /// Whether one is noted to go on in a chunk, counted over all b, if the chunk is there. Notes that are being written may be
    /// looked at: the load leaves nothing in a cache that later ones would find there.
    #[inline(always)]
    pub unsafe fn is_noted(p: &SegmentParams, number: u64) -> bool {
        number < p.b * p.chunks_per_b && atomic::load_relaxed((p.going_on as *const u64).add(number as usize)) < p.n
    }

    /// The one that is noted to go on in a chunk, counted over all b, if there is one.
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
        // Where indptr does not rise, a chunk may have no note, but anything.
        let goes_on = start < chunk && chunk < end && end - start > 1 << p.chunk_log2;
        let first_record = number - chunk_of_b + (start >> p.chunk_log2);
        goes_on.then_some(Self { b, id, start, end, first_record })
    }

    /// How many chunks it lies in: fewer than 2^32, of which the shortest has 32 elements.
    #[inline(always)]
    pub fn records(&self, p: &SegmentParams) -> u32 {
        (((self.end - 1) >> p.chunk_log2) - (self.start >> p.chunk_log2)) as u32 + 1
    }
}

/// Notes for each chunk, of 2^`chunk_log2` elements, that begins in a segment whether that is a long one, which goes on there; `lanes` lanes do, of which
/// this one is one. The first segment notes for what lies before it as well, the last one for what lies behind it, so that
/// every chunk has a note if indptr rises.
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
        // In the chunk that it begins with it does not go on.
        let goes_on = is_long && start > from && start < end;
        memory::store(notes.add(chunk as usize), if goes_on { id } else { NONE });
        chunk += lanes as u64;
    }
}
