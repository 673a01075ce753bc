//! Which segment each element of a run belongs to: looked up by a whole warp, kept in its shared memory.

use kernel_params::{SegmentParams, MAX_RUN_LENGTH};
use nvptx_arch::{barrier, memory, shared_array, warp};
use warp::{FULL_MASK, WARP_SIZE};

use super::NONE;
use crate::layout::index_offset;

/// Warps of a block.
const WARPS: usize = 8;

/// Places of a warp: a run, and one for each of at most 32 shares of it (see [`SegmentIds::place`]).
const PLACES: usize = MAX_RUN_LENGTH as usize + WARP_SIZE as usize;

/// The run whose segments are looked up.
pub struct Run {
    /// Position before the reduced axis.
    pub b: u64,
    /// The first element along the reduced axis.
    pub first: u64,
    /// How many elements: `run_length`, or what is left of the axis.
    pub length: u32,
}

/// The segment of each element of a run, [`NONE`] for one that belongs to none.
pub struct SegmentIds {
    places: *mut u64,
    share_log2: u32,
}

impl SegmentIds {
    /// This warp's, for runs whose lanes take 2^`share_log2` elements each.
    #[inline(always)]
    pub fn new(warp_in_block: u32, share_log2: u32) -> Self {
        let places = shared_array![u64; PLACES * WARPS];
        Self { places: places.wrapping_add(warp_in_block as usize * PLACES), share_log2 }
    }

    /// Where the entry of an element lies. Lanes walk shares of a power of two elements side by side: one place left
    /// free after each share puts them on different banks.
    #[inline(always)]
    fn place(&self, element: u32) -> *mut u64 {
        self.places.wrapping_add((element + (element >> self.share_log2)) as usize)
    }

    /// The segments from an element of the run on, up to the end of its share.
    #[inline(always)]
    pub fn from(&self, element: u32) -> *const u64 {
        self.place(element).cast_const()
    }

    /// Looks the run up. All lanes of the warp take part; afterwards each of them may read any element.
    #[inline(always)]
    pub unsafe fn fill(&self, p: &SegmentParams, run: &Run, lane: u32) {
        // What was there may still be being read.
        barrier::sync_warp(FULL_MASK);
        if p.is_csr == 0 {
            self.fill_from_index(p, run, lane);
        } else {
            self.fill_from_indptr(p, run, lane);
        }
        barrier::sync_warp(FULL_MASK);
    }

    #[inline(always)]
    unsafe fn fill_from_index(&self, p: &SegmentParams, run: &Run, lane: u32) {
        let offset = index_offset(&p.layout, run.b);
        let mut element = lane;
        while element < run.length {
            // A negative index is a huge unsigned one.
            let id = load_index(p, offset + (run.first + element as u64) * p.layout.stride_e) as u64;
            memory::store(self.place(element), if id < p.n { id } else { NONE });
            element += WARP_SIZE;
        }
    }

    /// ```text
    /// mark[..] = 0
    /// for each entry m of indptr that lies in the run and is smaller than entry m + 1 (the last one always counts):
    ///     mark[indptr[m] - first] = m + 1
    /// for each element: the last mark at or before it, or the number of entries up to the run's first element
    /// ```
    /// That number is the segment plus one; 0 is before all segments, N + 1 behind them.
    #[inline(always)]
    unsafe fn fill_from_indptr(&self, p: &SegmentParams, run: &Run, lane: u32) {
        let mut element = lane;
        while element < run.length {
            memory::store(self.place(element), 0);
            element += WARP_SIZE;
        }
        barrier::sync_warp(FULL_MASK);

        let indptr = Indptr::new(p, run.b);
        let opening = indptr.count_up_to(run.first, lane);
        self.mark(&indptr, run, opening, lane);
        barrier::sync_warp(FULL_MASK);

        let mut before = opening;
        let mut start = 0;
        while start < run.length {
            let element = start + lane;
            let mark = if element < run.length { memory::load(self.place(element).cast_const()) } else { 0 };
            let marked = warp::ballot(FULL_MASK, mark != 0);
            let up_to_here = marked & u32::MAX >> (WARP_SIZE - 1 - lane);
            // Without a mark the shuffles read any lane's; the result is not used.
            let nearest = warp::shuffle_idx(FULL_MASK, mark, last_bit(up_to_here), WARP_SIZE);
            let last = warp::shuffle_idx(FULL_MASK, mark, last_bit(marked), WARP_SIZE);
            let entries = if up_to_here != 0 { nearest } else { before };
            if element < run.length {
                let id = entries.wrapping_sub(1);
                memory::store(self.place(element), if id < p.n { id } else { NONE });
            }
            before = if marked != 0 { last } else { before };
            start += WARP_SIZE;
        }
    }

    /// The first two lines of [`Self::fill_from_indptr`], for the entries from `opening` on. The lanes look at 32
    /// entries at a time and mark 31: the last one only tells whether the one before it opens an empty segment.
    /// A stretch of empty segments is searched for its end instead of walked.
    #[inline(always)]
    unsafe fn mark(&self, indptr: &Indptr, run: &Run, opening: u64, lane: u32) {
        let end = run.first + run.length as u64;
        let mut next = opening;
        loop {
            let m = next + lane as u64;
            let begin = indptr.get(m);
            let following = warp::shuffle_down(FULL_MASK, begin, 1, WARP_SIZE);
            let is_marked = lane + 1 < WARP_SIZE && begin < following && begin >= run.first && begin < end;
            if is_marked {
                memory::store(self.place((begin - run.first) as u32), m + 1);
            }
            let first = warp::shuffle_idx(FULL_MASK, begin, 0, WARP_SIZE);
            let last = warp::shuffle_idx(FULL_MASK, begin, WARP_SIZE - 1, WARP_SIZE);
            if last >= end {
                return;
            }
            next += WARP_SIZE as u64 - 1;
            if first == last {
                next = next.max(indptr.count_up_to(last, lane) - 1);
            }
        }
    }
}

/// One row of indptr, each value brought into [0, E].
pub struct Indptr<'a> {
    p: &'a SegmentParams,
    offset: u64,
}

impl<'a> Indptr<'a> {
    /// The row for a position before the reduced axis.
    #[inline(always)]
    pub unsafe fn new(p: &'a SegmentParams, b: u64) -> Self {
        Self { p, offset: index_offset(&p.layout, b) }
    }

    /// Entry m of N + 1; all ones behind them.
    #[inline(always)]
    pub unsafe fn get(&self, m: u64) -> u64 {
        if m > self.p.n {
            return u64::MAX;
        }
        (load_index(self.p, self.offset + m).max(0) as u64).min(self.p.e)
    }

    /// How many entries are at most `position`, if they are sorted; some number from 0 to N + 1 otherwise.
    /// All lanes of the warp take part: each step asks 32 entries and leaves a 33rd of the range.
    #[inline(always)]
    unsafe fn count_up_to(&self, position: u64, lane: u32) -> u64 {
        let (mut low, mut high) = (0, self.p.n + 1);
        while low < high {
            let step = (high - low) / WARP_SIZE as u64 + 1;
            let probe = low + lane as u64 * step;
            let counts = probe < high && self.get(probe) <= position;
            let passed = warp::ballot(FULL_MASK, counts).count_ones() as u64;
            if passed == 0 {
                return low;
            }
            high = high.min(low + passed * step);
            low += (passed - 1) * step + 1;
        }
        low
    }
}

/// An element of the index, of either type.
#[inline(always)]
unsafe fn load_index(p: &SegmentParams, at: u64) -> i64 {
    if p.index_is_wide != 0 {
        memory::load_readonly((p.index as *const i64).add(at as usize))
    } else {
        memory::load_readonly((p.index as *const i32).add(at as usize)) as i64
    }
}

/// The number of the highest bit that is set; any lane's number for none.
#[inline(always)]
fn last_bit(bits: u32) -> u32 {
    (WARP_SIZE - 1).wrapping_sub(bits.leading_zeros()) % WARP_SIZE
}
