//! The first kernel for short segments whose columns fill no packs: a lane takes one column of a segment, and computes
//! in 32 bits.
//!
//! With short segments, most of the time goes into the work for a segment that is not for its elements. Here that is a
//! quarter of the instructions of [`reduce_cut`](super::reduce_cut). Neighbouring lanes take neighbouring columns and
//! segments. So no lane is idle, whatever the number of columns, and the accesses of a warp cover neighbouring memory.

use kernel_params::SegmentParams;
use nvptx_arch::{
    hint,
    index::{lane_id, thread_idx_x},
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    block::THREADS,
    columns::Line,
    fold::{Fold, Folded},
    indptr::{sees_holes, Indptr},
    long::note_chunks,
    piece::Piece,
    records::{self, Record},
    store::store,
};
use crate::{
    batch::{each, BATCH},
    element::Scalar,
    items::Threads,
    layout::split_rows,
};

/// The work of a lane: one column of a segment.
struct Share {
    /// The position in `out`.
    place: u32,
    /// The position before the reduced axis.
    b: u32,
    /// The row of the indptr for this `b`.
    row: u64,
    /// The number of the segment, below N.
    id: u32,
    /// The column.
    column: u32,
    /// The first element along the reduced axis, and the first one behind the segment.
    from: u32,
    end: u32,
}

impl Share {
    /// The share for a position in `out`.
    #[inline(always)]
    unsafe fn new(p: &SegmentParams, place: u32) -> Self {
        let (segment, column) = p.by_k.divide(place);
        let (b, id) = split_rows(segment as u64, &p.by_n, p.b);
        let indptr = Indptr::new(p, b);
        let (from, end) = indptr.get_narrow(id as u32);
        Self { place, b: b as u32, row: indptr.row, id: id as u32, column, from, end: end.max(from) }
    }

    #[inline(always)]
    fn length(&self) -> u32 {
        self.end - self.from
    }

    /// Its first `length` elements.
    #[inline(always)]
    fn piece(&self, length: u32) -> Piece {
        let &Self { b, row, id, from, column, .. } = self;
        Piece { b: b as u64, row, id: id as u64, from: from as u64, column: column as u64, length }
    }

    /// The partial result of its first `length` elements.
    #[inline(always)]
    unsafe fn fold<T: Scalar, R: Fold, const HAS_INDEX: bool>(
        &self,
        p: &SegmentParams,
        length: u32,
    ) -> Folded<T::Accumulator, u32, 1> {
        if HAS_INDEX && sees_holes(p, self.row, self.from as u64, length, 0, 1) {
            return self.piece(length).fold::<T, R, Line, 1>(p, 0, 0, true);
        }
        let (k, row) = (p.k as u32, p.e as u32 * self.b + self.from);
        let mut src = (p.src as *const T).wrapping_add((row as u64 * k as u64 + self.column as u64) as usize);
        let stride = k as usize;
        let mut folded = Folded::empty::<R>();
        // The lane issues all loads of a batch before it waits for the first.
        let mut at = 0;
        while at + BATCH as u32 <= length {
            let batch = each(|i| [T::load_prefetching(src.wrapping_add(i * stride))]);
            each(|i| folded.take::<T, R>(&batch[i], at + i as u32, true));
            at += BATCH as u32;
            src = src.wrapping_add(BATCH * stride);
        }
        let rest = length - at;
        let is_there = |i| (i as u32) < rest;
        let load = |i| if is_there(i) { [T::load_prefetching(src.wrapping_add(i * stride))] } else { [T::ZERO] };
        // The last elements, fewer than a batch.
        for (i, value) in [load(0), load(1), load(2)].into_iter().enumerate() {
            folded.take::<T, R>(&value, at + i as u32, is_there(i));
        }
        folded.count = length;
        folded
    }

    /// Finishes and stores the segment's column.
    #[inline(always)]
    unsafe fn store<T: Scalar, R: Fold>(&self, p: &SegmentParams, folded: Folded<T::Accumulator, u32, 1>) {
        store::<T, R, u32, 1>(p, self.place as usize, folded, self.from as u64, None);
    }
}

/// ```text
/// for each segment, for each column: one lane
///     write the notes of the chunks that start inside the segment
///     if the segment is longer than a chunk: fold its elements in its first chunk; leave a record
///     otherwise: fold its elements, finish and store it
/// ```
#[inline(always)]
pub unsafe fn reduce_short<T: Scalar, R: Fold, const HAS_INDEX: bool>(p: &SegmentParams, threads: Threads) {
    let blocks = threads.blocks();
    let mut first = blocks.number() as u32 * THREADS as u32;
    while first < p.places {
        let place = first + thread_idx_x();
        let share = Share::new(p, place.min(p.places - 1));
        note(p, &share, place);
        if place < p.places {
            let chunk = 1u32 << p.chunk_log2;
            let is_long = share.length() > chunk;
            // Up to the end of the chunk.
            let length = if is_long { chunk - (share.from & (chunk - 1)) } else { share.length() };
            let folded = share.fold::<T, R, HAS_INDEX>(p, length);
            if is_long {
                let chunk = share.b as u64 * p.chunks_per_b + (share.from >> p.chunk_log2) as u64;
                let (record, origin) = (Record::Begins.number(chunk), share.from as u64);
                records::store::<_, R, u32, 1>(p, record, share.column as u64, folded, origin, HAS_INDEX);
            } else {
                share.store::<T, R>(p, folded);
            }
        }
        first += blocks.count() as u32 * THREADS as u32;
    }
}

/// Runs [`note_chunks`] for each segment of the warp in which chunks start. The lane with the segment's first column
/// requests it, and all lanes do it together, because one segment may contain the starts of all chunks, and most
/// contain none.
#[inline(always)]
unsafe fn note(p: &SegmentParams, share: &Share, place: u32) {
    let is_edge = share.id == 0 || share.id + 1 == p.n as u32;
    // Whether a chunk starts in [from, end).
    let has_some = (share.end.wrapping_sub(1) ^ share.from.wrapping_sub(1)) >> p.chunk_log2 != 0;
    let asks = share.column == 0 && (is_edge || has_some) && place < p.places;
    let mut lanes = warp::ballot(FULL_MASK, asks);
    while lanes != 0 {
        let of_lane = |value| warp::shuffle_idx(FULL_MASK, value, lanes.trailing_zeros(), WARP_SIZE) as u64;
        let (b, id, from, end) = (of_lane(share.b), of_lane(share.id), of_lane(share.from), of_lane(share.end));
        // Opaque, so that the compiler does not compute this in advance: it is rarely needed.
        let chunk_log2 = hint::opaque(p.chunk_log2);
        let piece = Piece { b, row: 0, id, from, column: 0, length: 0 };
        note_chunks(p, &piece, end, chunk_log2, lane_id(), WARP_SIZE);
        lanes &= lanes - 1;
    }
}
