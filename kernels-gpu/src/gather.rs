//! The gathers: copies of whole rows, in chunks of up to 16 bytes.

use core::ops::{Add, Mul, Sub};

use cuda_std::prelude::*;
use kernel_params::GatherParams;
use nvptx_arch::{
    hint,
    index::lane_id,
    memory,
    warp::{self, Shuffle, FULL_MASK, WARP_SIZE},
};

use crate::{
    batch::{each, BATCH},
    chunk::Chunk,
    element::Index,
    layout::{for_each_position, for_each_task_of_warp, split_rows, WARPS_AHEAD},
};

/// ```text
/// for each chunk of out, in row (b, e):
///     s = index of (b, e)
///     chunk = the same one of src's row (b, s), or zeros if s is not in [0, S)
/// ```
#[inline(always)]
pub unsafe fn by_index<C: Chunk, I: Index, P: Place>(p: &GatherParams) {
    copy_rows_by_index::<C, I, P>(p, index_row);
}

/// [`by_index`] where b splits over several runs: a kernel of its own, so that the other keeps its registers.
#[inline(always)]
pub unsafe fn by_index_in_runs<C: Chunk, I: Index>(p: &GatherParams) {
    copy_rows_by_index::<C, I, u64>(p, index_row_of_runs);
}

/// [`by_index`] for rows of one chunk of 4 bytes, b being 1: a thread takes four neighbours, loads their index at once and
/// stores them at once. Index and `out` are aligned to 16 bytes.
#[inline(always)]
pub unsafe fn words_by_index<I: Index>(p: &GatherParams) {
    type C = u32;
    let row_of_src = |index: I| index.group(p.s).unwrap_or(NONE);
    for_each_position(p.e.div_ceil(BATCH as u64), |quad| {
        let first = quad * BATCH as u64;
        let index = (p.index as *const I).add(first as usize);
        let ahead = first + WARPS_AHEAD * (WARP_SIZE as usize * BATCH) as u64;
        if ahead < p.e {
            memory::prefetch((p.index as *const I).add(ahead as usize));
        }
        let out = (p.out as *mut C).add(first as usize);
        if first + BATCH as u64 <= p.e {
            let rows = I::load_streaming_x4(index).map(row_of_src);
            C::store_x4(out, each(|i| load_or_zero::<C, u64>(p, rows[i])));
        } else {
            for e in 0..(p.e - first) as usize {
                let row = row_of_src(memory::load_readonly(index.add(e)));
                C::store(out.add(e), load_or_zero::<C, u64>(p, row));
            }
        }
    });
}

/// Rows of `out` whose segments a warp finds at once.
const TILE: u64 = WARP_SIZE as u64;

/// ```text
/// for each TILE rows of out, for each part of its chunks: one warp
///     a lane for each row (b, e):
///         s = the last segment of indptr's row b that starts at or before e
///     for each chunk of the part, in row (b, e), a lane each:
///         chunk = the same one of src's row (b, s), or zeros if there is no such segment or it has ended
/// ```
/// The warp searches indptr once and goes on from there from tile to tile, in windows of its next 32 elements. Where a
/// tile needs more than one window, or has rows of several b, each lane searches for itself.
#[inline(always)]
pub unsafe fn by_segment<C: Chunk, I: Index, P: Place>(p: &GatherParams) {
    copy_rows_by_segment::<C, I, P>(p, index_row);
}

/// [`by_segment`] where b splits over several runs.
#[inline(always)]
pub unsafe fn by_segment_in_runs<C: Chunk, I: Index>(p: &GatherParams) {
    copy_rows_by_segment::<C, I, u64>(p, index_row_of_runs);
}

#[inline(always)]
unsafe fn copy_rows_by_segment<C: Chunk, I: Index, P: Place>(
    p: &GatherParams,
    start_of_row: impl Fn(&GatherParams, u64) -> u64,
) {
    let tiles = (p.b * p.e).div_ceil(TILE);
    for_each_task_of_warp(p.groups_of_tiles * p.parts.value, |task| {
        let (first, part) = p.parts.divide(task);
        let mut walk = Walk::<I> { indptr: core::ptr::null(), b: NONE, after: 0 };
        for tile in first * p.tiles..((first + 1) * p.tiles).min(tiles) {
            let rows = walk.rows_of_src(p, tile, &start_of_row);
            copy_tile::<C, P>(p, tile, part, rows);
        }
    });
}

/// [`by_segment`] for rows of one chunk, b being 1: each lane has [`BATCH`] rows of a tile, all of which the same windows
/// serve, and loads their chunks at once.
#[inline(always)]
pub unsafe fn chunks_by_segment<C: Chunk, I: Index>(p: &GatherParams) {
    let tiles = p.e.div_ceil(BATCH as u64 * TILE);
    for_each_task_of_warp(p.groups_of_tiles, |first| {
        let mut walk = Walk::<I> { indptr: p.index as *const I, b: NONE, after: 0 };
        for tile in first * p.tiles..((first + 1) * p.tiles).min(tiles) {
            let first = tile * BATCH as u64 * TILE;
            let sources = walk.segments_of_rows(p, first);
            let positions = each(|i| first + i as u64 * TILE + lane_id() as u64);
            copy_batch::<C, u64>(p, sources, p.out as *mut C, positions, p.e);
        }
    });
}

/// Stands for no row.
const NONE: u64 = u64::MAX;

/// Windows that rows of one chunk are looked for in before each lane searches for itself, which takes as long.
const MOST_WINDOWS: u32 = 8;

/// Where a warp is in a row of indptr: elements below `after` are at most the position last looked for.
struct Walk<I> {
    indptr: *const I,
    b: u64,
    after: u64,
}

impl<I: Index> Walk<I> {
    /// The row of `src` that this lane's row of a tile is a copy of; [`NONE`] for zeros. The tiles come in ascending order.
    #[inline(always)]
    unsafe fn rows_of_src(
        &mut self,
        p: &GatherParams,
        tile: u64,
        start_of_row: impl Fn(&GatherParams, u64) -> u64,
    ) -> u64 {
        if p.s == 0 {
            // Then indptr may have no elements to look at.
            return NONE;
        }
        let first = tile * TILE;
        let row = (first + lane_id() as u64).min(p.b * p.e - 1);
        let (b, e) = split_rows(row, &p.by_e, p.b);
        let start = start_of_row(p, b);
        let is_one = p.b == 1 || warp::all(FULL_MASK, b == warp::shuffle_idx(FULL_MASK, b, 0, WARP_SIZE));
        let after = if is_one {
            // The lanes' positions are neighbours.
            let lane = (row - first) as u32;
            self.search_together(p, (b, start), e as i64 - lane as i64, lane)
        } else {
            self.search_alone(p, start, e as i64)
        };
        // Before the first element, 0 - 1 is no segment either.
        let segment = after.wrapping_sub(1);
        if segment < p.s {
            b * p.s + segment
        } else {
            NONE
        }
    }

    /// The segments of this lane's rows, which are `first` + 32 i + its number for each i below [`BATCH`], b being 1; [`NONE`]
    /// for zeros. The rows come in ascending order.
    #[inline(always)]
    unsafe fn segments_of_rows(&mut self, p: &GatherParams, first: u64) -> [u64; BATCH] {
        const ROWS: u32 = BATCH as u32 * WARP_SIZE;
        if p.s == 0 {
            return [NONE; BATCH];
        }
        let first = first as i64;
        if self.b == NONE {
            self.b = 0;
            self.after = self.count_up_to(p.s + 1, first);
        }
        let rows = each(|i| i as u32 * WARP_SIZE + lane_id());
        let mut after = [self.after; BATCH];
        // Where the window starts. Rows whose segment is not found yet have passed all of it so far.
        let mut start = self.after;
        let mut is_found = false;
        while !is_found && start < self.after + (MOST_WINDOWS * WARP_SIZE) as u64 {
            let window = self.window(p, start, first, ROWS);
            let last = warp::shuffle_idx(FULL_MASK, window, WARP_SIZE - 1, WARP_SIZE);
            let counts = count_in_window(window, rows);
            after = each(|i| {
                // A row whose segment an earlier window had passes nothing in later ones, whose elements are no smaller.
                after[i] + (counts[i] + (last <= rows[i]) as u32) as u64
            });
            is_found = last >= ROWS;
            start += WARP_SIZE as u64;
        }
        if !is_found {
            after = each(|i| self.search(self.after, p.s + 1, first + rows[i] as i64));
        }
        self.after = warp::shuffle_idx(FULL_MASK, after[BATCH - 1], WARP_SIZE - 1, WARP_SIZE);
        // Before the first element, 0 - 1 is no segment either.
        after.map(|after| if after.wrapping_sub(1) < p.s { after - 1 } else { NONE })
    }

    /// The element of indptr that lies as far behind element `start` as this lane's number says, counted from `first`; what lies
    /// behind the next `rows` rows is as good as their end.
    #[inline(always)]
    unsafe fn window(&self, p: &GatherParams, start: u64, first: i64, rows: u32) -> u32 {
        let at = start + lane_id() as u64;
        if at <= p.s {
            self.element(at).saturating_sub(first).clamp(0, rows as i64) as u32
        } else {
            rows
        }
    }

    #[inline(always)]
    unsafe fn element(&self, at: u64) -> i64 {
        memory::load_readonly(self.indptr.add(at as usize)).to_i64()
    }

    /// The first element above this lane's position, `lane` behind `first`, all lanes being in one row of indptr.
    #[inline(always)]
    unsafe fn search_together(&mut self, p: &GatherParams, (b, start): (u64, u64), first: i64, lane: u32) -> u64 {
        if b != self.b {
            self.enter(p, b, start);
            self.after = self.count_up_to(p.s + 1, first);
        }
        let window = self.window(p, self.after, first, TILE as u32);
        if warp::shuffle_idx(FULL_MASK, window, WARP_SIZE - 1, WARP_SIZE) < TILE as u32 {
            let after = self.search(self.after, p.s + 1, first + lane as i64);
            self.after = warp::shuffle_idx(FULL_MASK, after, WARP_SIZE - 1, WARP_SIZE);
            return after;
        }
        let [count] = count_in_window(window, [lane]);
        let after = self.after + count as u64;
        self.after += warp::shuffle_idx(FULL_MASK, count, WARP_SIZE - 1, WARP_SIZE) as u64;
        after
    }

    /// The same where the lanes are in several rows of indptr.
    #[inline(always)]
    unsafe fn search_alone(&mut self, p: &GatherParams, start: u64, position: i64) -> u64 {
        self.enter(p, NONE, start);
        self.search(0, p.s + 1, position)
    }

    /// Goes to a row of indptr.
    #[inline(always)]
    unsafe fn enter(&mut self, p: &GatherParams, b: u64, start: u64) {
        self.indptr = (p.index as *const I).add(start as usize);
        self.b = b;
    }

    /// The first element in [low, high) above `position`; `high` where there is none.
    #[inline(always)]
    unsafe fn search(&self, mut low: u64, mut high: u64, position: i64) -> u64 {
        while low < high {
            let middle = low + (high - low) / 2;
            if self.element(middle) > position {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// The same from 0 on, for the whole warp: each step asks 32 elements.
    #[inline(always)]
    unsafe fn count_up_to(&self, mut high: u64, position: i64) -> u64 {
        let mut low = 0;
        while low < high {
            let step = (high - low) / WARP_SIZE as u64 + 1;
            let probe = low + lane_id() as u64 * step;
            let passed = warp::ballot(FULL_MASK, probe < high && self.element(probe) <= position).count_ones() as u64;
            if passed == 0 {
                return low;
            }
            high = high.min(low + passed * step);
            low += (passed - 1) * step + 1;
        }
        low
    }
}

/// How many of the lanes' elements, which rise and of which the last one is above, are up to each of some positions.
#[inline(always)]
unsafe fn count_in_window<const N: usize>(element: u32, positions: [u32; N]) -> [u32; N] {
    let mut counts = [0; N];
    let mut step = WARP_SIZE / 2;
    while step > 0 {
        for i in 0..N {
            if warp::shuffle_idx(FULL_MASK, element, counts[i] + step - 1, WARP_SIZE) <= positions[i] {
                counts[i] += step;
            }
        }
        step /= 2;
    }
    counts
}

/// Copies one of [`GatherParams::parts`] of the chunks of a tile, `row` being the row of `src` for this lane's row.
#[inline(always)]
unsafe fn copy_tile<C: Chunk, P: Place>(p: &GatherParams, tile: u64, part: u64, row: u64) {
    let first = tile * TILE;
    let rows = TILE.min(p.b * p.e - first);
    if p.words == 1 {
        let lane = lane_id() as u64;
        if lane < rows {
            C::store((p.out as *mut C).add((first + lane) as usize), load_or_zero::<C, u64>(p, row));
        }
        return;
    }
    let batch = (BATCH * WARP_SIZE as usize) as u64;
    let share = if p.parts.value == 1 {
        TILE * p.words
    } else {
        let (share, _) = p.parts.divide(TILE * p.words + p.parts.value - 1);
        share.next_multiple_of(batch)
    };
    let out = (p.out as *mut C).add((first * p.words) as usize);
    // Where this lane's row of src starts, which others ask for.
    let row = if row == NONE { P::NONE } else { P::of(row * p.words) };
    let end = P::of(((part + 1) * share).min(rows * p.words));
    let mut start = P::of(part * share);
    while start < end {
        let positions = each(|i| start + P::of((i as u32 * WARP_SIZE + lane_id()) as u64));
        let sources = each(|i| {
            let (row_of_tile, word) = positions[i].min(end - P::of(1)).split_words(p);
            let row = warp::shuffle_idx(FULL_MASK, row, row_of_tile.as_usize() as u32, WARP_SIZE);
            if row == P::NONE {
                P::NONE
            } else {
                row + word
            }
        });
        copy_batch(p, sources, out, positions, end);
        start = start + P::of(batch);
    }
}

/// Where row b of the index starts, if it advances evenly over the leading axes.
#[inline(always)]
fn index_row(p: &GatherParams, b: u64) -> u64 {
    b * p.leading.even_stride()
}

/// Where row b of the index starts.
#[inline(always)]
fn index_row_of_runs(p: &GatherParams, b: u64) -> u64 {
    p.leading.offset_unrolled(b)
}

/// Fills `out`: each chunk from the row of src that the index names, or with zeros. Row b of the index starts at `start`.
///
/// A warp's chunks are neighbours, so that each of its accesses is one run of memory. First all of the index is on the
/// way, then all of src, then the first store waits for one of them.
#[inline(always)]
unsafe fn copy_rows_by_index<C: Chunk, I: Index, P: Place>(
    p: &GatherParams,
    start_of_row: impl Fn(&GatherParams, u64) -> u64,
) {
    let count = P::of(p.b * p.e * p.words);
    let thread = thread::block_idx_x() as u64 * thread::block_dim_x() as u64 + thread::thread_idx_x() as u64;
    let threads = thread::grid_dim_x() as u64 * thread::block_dim_x() as u64;
    let lane = thread % WARP_SIZE as u64;
    let mut start = P::of((thread - lane) * BATCH as u64 + lane);
    while start < count {
        let positions = each(|i| start + P::of((i as u32 * WARP_SIZE) as u64));
        let sources = each(|i| {
            let (row, word) = positions[i].min(count - P::of(1)).split_words(p);
            let (mut index, mut before) = (row.as_usize(), P::of(0));
            if p.b != 1 {
                // Not reckoned beforehand.
                hint::only_here();
                let (b, e) = p.by_e.divide(row.as_usize() as u64);
                (index, before) = ((start_of_row(p, b) + e) as usize, P::of(b * p.s));
            }
            let s = memory::load_readonly((p.index as *const I).add(index)).group(p.s);
            s.map_or(P::NONE, |s| (before + P::of(s)) * P::of(p.words) + word)
        });
        copy_batch(p, sources, p.out as *mut C, positions, count);
        start = start + P::of(threads * BATCH as u64);
    }
}

/// A number of words: of 32 bits where `src` and `out` have fewer than 2^31 of them, which takes half the instructions.
pub trait Place: Copy + Ord + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Shuffle {
    /// No place.
    const NONE: Self;

    /// A number that is known to be one of these.
    fn of(number: u64) -> Self;

    /// The same to reckon addresses with.
    fn as_usize(self) -> usize;

    /// The row that a position lies in, counted over some rows, and the word of it.
    fn split_words(self, p: &GatherParams) -> (Self, Self);
}

macro_rules! places {
    ($($place:ident: $by_words:ident;)*) => {$(
        impl Place for $place {
            const NONE: Self = Self::MAX;

            #[inline(always)]
            fn of(number: u64) -> Self {
                number as Self
            }

            #[inline(always)]
            fn as_usize(self) -> usize {
                self as usize
            }

            #[inline(always)]
            fn split_words(self, p: &GatherParams) -> (Self, Self) {
                p.$by_words.divide(self)
            }
        }
    )*};
}

places! {
    u32: by_words_short;
    u64: by_words;
}

/// The chunk at a place in `src`, or zeros for none.
#[inline(always)]
unsafe fn load_or_zero<C: Chunk, P: Place>(p: &GatherParams, place: P) -> C {
    if place == P::NONE {
        return C::ZERO;
    }
    C::load_readonly((p.src as *const C).add(place.as_usize()))
}

/// Copies chunks from their places in `src` to those of their positions that are below `end`.
#[inline(always)]
unsafe fn copy_batch<C: Chunk, P: Place>(
    p: &GatherParams,
    sources: [P; BATCH],
    out: *mut C,
    positions: [P; BATCH],
    end: P,
) {
    let chunks = each(|i| load_or_zero::<C, P>(p, sources[i]));
    each(|i| {
        if positions[i] < end {
            C::store(out.add(positions[i].as_usize()), chunks[i]);
        }
    });
}
