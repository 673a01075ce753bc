//! The gathers: copies of whole rows, in chunks of up to 16 bytes.

use cuda_std::prelude::*;
use kernel_params::{GatherParams, GATHER_BATCH, MAX_LAYOUT_AXES};
use nvptx_arch::{memory, warp::WARP_SIZE};

use crate::{chunk::Chunk, element::Index};

/// ```text
/// for each chunk of out, in row (b, e):
///     s = index of (b, e)
///     chunk = the same one of src's row (b, s), or zeros if s is not in [0, S)
/// ```
#[inline(always)]
pub unsafe fn by_index<C: Chunk, I: Index>(p: &GatherParams) {
    let source = |start: fn(&GatherParams, u64) -> u64| {
        move |b: u64, e: u64| {
            let index = (p.index as *const I).add((start(p, b) + e) as usize);
            memory::load_readonly(index).group(p.s)
        }
    };
    // Splitting b over several runs takes divisions: in a body of its own, so that the other keeps its registers.
    if p.leading > 1 {
        copy_rows::<C, 1>(p, source(index_row_of_runs));
    } else {
        copy_rows::<C, GATHER_BATCH>(p, source(index_row));
    }
}

/// ```text
/// for each chunk of out, in row (b, e):
///     s = the last segment of indptr's row b that starts at or before e
///     chunk = the same one of src's row (b, s), or zeros if there is no such segment or it has ended
/// ```
/// A thread searches the whole of indptr once. Its rows only go up from there, so each next search goes on where
/// the last one ended, in steps that double: a thread takes its equal share of the chunks, and time that grows with
/// the logarithm of the segments that it passes over, however they are cut.
#[inline(always)]
pub unsafe fn by_segment<C: Chunk, I: Index>(p: &GatherParams) {
    let cursor = |start: fn(&GatherParams, u64) -> u64| {
        let mut cursor = Cursor::<I> { indptr: core::ptr::null(), b: u64::MAX, after: 0, end: 0 };
        move |b: u64, e: u64| {
            if p.s == 0 {
                // Then indptr may have no elements to look at.
                return None;
            }
            if b != cursor.b {
                cursor = Cursor { indptr: (p.index as *const I).add(start(p, b) as usize), b, after: 0, end: i64::MIN };
                cursor.search(p.s, 0, p.s + 1, e as i64);
            } else if e as i64 >= cursor.end {
                cursor.gallop(p.s, e as i64);
            }
            cursor.segment(p.s)
        }
    };
    // Rows repeat, so that most loads are of what a cache holds: one at a time is enough.
    if p.leading > 1 {
        copy_rows::<C, 1>(p, cursor(index_row_of_runs));
    } else {
        copy_rows::<C, 1>(p, cursor(index_row));
    }
}

/// A place in a row of indptr: elements below `after` are at most the position last asked for, `end` is the element
/// at `after` and exceeds it.
struct Cursor<I> {
    indptr: *const I,
    b: u64,
    after: u64,
    end: i64,
}

impl<I: Index> Cursor<I> {
    #[inline(always)]
    unsafe fn element(&self, at: u64) -> i64 {
        memory::load_readonly(self.indptr.add(at as usize)).to_i64()
    }

    /// The segment that the position lies in.
    #[inline(always)]
    fn segment(&self, segments: u64) -> Option<u64> {
        // Before the first element, 0 - 1 is no segment either.
        let segment = self.after.wrapping_sub(1);
        (segment < segments).then_some(segment)
    }

    /// Finds the first element in [low, high) above `position`; elements from `high` on exceed it, or there are none.
    #[inline(always)]
    unsafe fn search(&mut self, segments: u64, mut low: u64, mut high: u64, position: i64) {
        while low < high {
            let middle = low + (high - low) / 2;
            if self.element(middle) > position {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.after = low;
        self.end = if low <= segments { self.element(low) } else { i64::MAX };
    }

    /// [`search`](Self::search) from where the last one ended, for a position at or above `end`.
    #[inline(always)]
    unsafe fn gallop(&mut self, segments: u64, position: i64) {
        let mut low = self.after + 1;
        let mut step = 1;
        let mut high = low;
        while high <= segments && self.element(high) <= position {
            low = high + 1;
            high = low + step;
            step *= 2;
        }
        self.search(segments, low, high.min(segments + 1), position);
    }
}

/// Where row b of the index starts, if it advances evenly over the leading axes.
#[inline(always)]
fn index_row(p: &GatherParams, b: u64) -> u64 {
    b * p.runs[0].stride
}

/// Where row b of the index starts. The loop's bound is constant so that the parameter stays in registers: an array
/// indexed by a variable would be copied to local memory.
#[inline(always)]
fn index_row_of_runs(p: &GatherParams, b: u64) -> u64 {
    let mut offset = 0;
    let mut rest = b;
    for run in 0..MAX_LAYOUT_AXES {
        if run as u64 == p.leading {
            break;
        }
        let outer = rest / p.runs[run].size;
        offset += (rest - outer * p.runs[run].size) * p.runs[run].stride;
        rest = outer;
    }
    offset
}

/// Fills `out`: each chunk from the row of src that `source(b, e)` names, or with zeros. `source` is asked in
/// ascending order.
///
/// A warp's chunks are neighbours, so that each of its accesses is one run of memory, and so are its batches, so that
/// a thread's next row is near its last. The loads of a batch are all on the way before the first store waits for
/// one of them.
#[inline(always)]
unsafe fn copy_rows<C: Chunk, const BATCH: usize>(p: &GatherParams, mut source: impl FnMut(u64, u64) -> Option<u64>) {
    let count = p.b * p.e * p.words;
    let thread = thread::block_idx_x() as u64 * thread::block_dim_x() as u64 + thread::thread_idx_x() as u64;
    let threads = thread::grid_dim_x() as u64 * thread::block_dim_x() as u64;
    let (lanes, lane) = (WARP_SIZE as u64, thread % WARP_SIZE as u64);
    let share = BATCH as u64 * p.batches;
    let mut start = (thread - lane) * share + lane;
    while start < count {
        for batch in 0..p.batches {
            let first = start + batch * BATCH as u64 * lanes;
            let mut chunks = [C::ZERO; BATCH];
            for (i, chunk) in chunks.iter_mut().enumerate() {
                let position = first + i as u64 * lanes;
                if position < count {
                    let (row, word) = divide(position, p.words);
                    let (b, e) = if p.b == 1 { (0, row) } else { divide(row, p.e) };
                    if let Some(s) = source(b, e) {
                        let from = (b * p.s + s) * p.words + word;
                        *chunk = C::load_readonly((p.src as *const C).add(from as usize));
                    }
                }
            }
            for (i, chunk) in chunks.into_iter().enumerate() {
                let position = first + i as u64 * lanes;
                if position < count {
                    C::store((p.out as *mut C).add(position as usize), chunk);
                }
            }
        }
        start += threads * share;
    }
}

/// Quotient and remainder. Rows of a power of two of words are the common case, and a shift a tenth of a division.
#[inline(always)]
fn divide(dividend: u64, divisor: u64) -> (u64, u64) {
    if divisor & (divisor - 1) == 0 {
        return (dividend >> divisor.trailing_zeros(), dividend & (divisor - 1));
    }
    let quotient = dividend / divisor;
    (quotient, dividend - quotient * divisor)
}
