//! Where segments begin and end: reads an indptr, and makes an indptr of a sorted index.

use kernel_params::{SegmentParams, INDEX_TILE};
use nvptx_arch::{hint, index::lane_id, memory, warp};
use warp::{FULL_MASK, WARP_SIZE};

use super::NONE;
use crate::{
    batch::{each, BATCH},
    element::Index,
    items::Warps,
    layout::{index_offset, split_rows},
};

/// One row of indptr. Each entry is clamped to [0, E].
pub struct Indptr<'a> {
    p: &'a SegmentParams,
    /// The number of the row.
    pub row: u64,
}

impl<'a> Indptr<'a> {
    /// The row for a position `b` before the reduced axis.
    #[inline(always)]
    pub unsafe fn new(p: &'a SegmentParams, b: u64) -> Self {
        Self { p, row: if p.b == 1 { 0 } else { index_offset(&p.layout, b) } }
    }

    /// Entry m of N + 1.
    #[inline(always)]
    pub unsafe fn get(&self, m: u64) -> u64 {
        let at = self.row * (self.p.n + 1) + m;
        let entry = load(self.p.indptr, self.p.indptr_is_wide, at);
        (entry.max(0) as u64).min(self.p.e)
    }

    /// Entries m and m + 1, where E is below 2^32.
    #[inline(always)]
    pub unsafe fn get_narrow(&self, m: u32) -> (u32, u32) {
        let mut at = m as usize;
        if self.p.b != 1 {
            hint::only_here();
            at += (self.row * (self.p.n + 1)) as usize;
        }
        let e = self.p.e as u32;
        if self.p.indptr_is_wide != 0 {
            let from = (self.p.indptr as *const i64).add(at);
            let get = |i| {
                let entry: i64 = memory::load_readonly(from.add(i));
                // The usual case first: the entry is in [0, E], so it fits in 32 bits.
                if entry as u64 <= e as u64 {
                    entry as u32
                } else if entry < 0 {
                    0
                } else {
                    e
                }
            };
            (get(0), get(1))
        } else {
            let from = (self.p.indptr as *const i32).add(at);
            let get = |i| {
                let entry: i32 = memory::load_readonly(from.add(i));
                (entry.max(0) as u32).min(e)
            };
            (get(0), get(1))
        }
    }
}

/// Loads an element of an index or indptr: an int64 if `is_wide` is 1, an int32 if it is 0.
#[inline(always)]
pub unsafe fn load(address: u64, is_wide: u32, at: u64) -> i64 {
    if is_wide != 0 {
        memory::load_readonly((address as *const i64).add(at as usize))
    } else {
        memory::load_readonly((address as *const i32).add(at as usize)) as i64
    }
}

/// Prefetches the entry of indptr where segment `number` starts, for a warp that will load it later.
///
/// With several rows or column parts it does nothing: the divisions that this would take cost more than it gains.
#[inline(always)]
pub unsafe fn prefetch_entry(p: &SegmentParams, number: u64) {
    if p.b == 1 && p.column_parts.value == 1 && number < p.n {
        let bytes = if p.indptr_is_wide != 0 { size_of::<i64>() } else { size_of::<i32>() };
        memory::prefetch((p.indptr as *const u8).add(number as usize * bytes));
    }
}

/// Tests whether an element between the first and the last element of a segment belongs to the segment. It does, unless
/// it is a hole.
pub struct Membership {
    index: u64,
    is_wide: u32,
    stride: u64,
}

impl Membership {
    /// For the elements from `from` on, in a row of the index.
    #[inline(always)]
    pub unsafe fn new(p: &SegmentParams, row: u64, from: u64) -> Self {
        let width = if p.index_is_wide != 0 { size_of::<i64>() } else { size_of::<i32>() } as u64;
        let index = p.index + (row * p.index_row + from * p.index_stride) * width;
        Self { index, is_wide: p.index_is_wide, stride: p.index_stride }
    }

    /// Whether element `from` + `at` belongs to segment `id`.
    #[inline(always)]
    pub unsafe fn is_of(&self, at: u32, id: u64) -> bool {
        load(self.index, self.is_wide, at as u64 * self.stride) as u64 == id
    }
}

/// Whether there may be holes among the `length` elements from `from` on in a row of the index.
///
/// `threads` threads call it together, and each examines its share of the index tiles. The answer is true if any of
/// them returns true.
#[inline(always)]
pub unsafe fn sees_holes(p: &SegmentParams, row: u64, from: u64, length: u32, thread: u32, threads: u32) -> bool {
    if length == 0 {
        return false;
    }
    let holes = (p.holes as *const u32).add((row * p.by_index_tiles.value) as usize);
    let last = (from + length as u64 - 1) / INDEX_TILE;
    let mut tile = from / INDEX_TILE + thread as u64;
    let mut found = 0;
    while tile <= last {
        found |= memory::load_readonly(holes.add(tile as usize));
        tile += threads as u64;
    }
    found != 0
}

// In an index tile, each lane of a warp has a batch of elements.
const _: () = assert!(INDEX_TILE as usize == BATCH * WARP_SIZE as usize);

/// The most entries of indptr that a lane stores for one element. The warp stores more together.
const OWN_ENTRIES: u64 = 16;

/// ```text
/// for each row of the index, for each index tile of it: one warp
///     for each position, where the position behind the last element counts as an element N:
///         before = the last element in [0, N) before this one, or -1
///         if the element is in [0, N]: indptr[before + 1 ..= element] = position
///     holes[tile] = whether the tile has elements outside [0, N)
/// ```
/// The elements lead from -1 to N, so every entry of indptr is written at least once, and exactly once if the index is
/// sorted. `N` is the type of the entries.
#[inline(always)]
pub unsafe fn from_index<I: Index, N: Index>(p: &SegmentParams, warps: Warps) {
    let lane = lane_id();
    warps.for_each(p.index_rows * p.by_index_tiles.value, |task| {
        let (row, tile) = split_rows(task, &p.by_index_tiles, p.index_rows);
        let row = RowOfIndex {
            p,
            index: (p.index as *const I).add((row * p.index_row) as usize),
            entries: (p.indptr as *mut N).add((row * (p.n + 1)) as usize),
        };
        let has_hole = row.store_tile(tile * INDEX_TILE, lane);
        if lane == 0 {
            memory::store((p.holes as *mut u32).add(task as usize), has_hole as u32);
        }
    });
}

/// A row of the index, and the row of indptr that is made of it.
struct RowOfIndex<'a, I, N> {
    p: &'a SegmentParams,
    index: *const I,
    entries: *mut N,
}

impl<I: Index, N: Index> RowOfIndex<'_, I, N> {
    /// Stores the entries of an index tile. Returns whether the tile has holes.
    #[inline(always)]
    unsafe fn store_tile(&self, first: u64, lane: u32) -> bool {
        let is_done = first + INDEX_TILE <= self.p.e && self.store_simple_tile(first, lane);
        !is_done && self.store_tile_with_holes(first, lane)
    }

    /// Stores the entries of a simple tile: a whole tile whose elements are good and rise, with few entries for each
    /// lane. Otherwise it stores nothing and returns false.
    #[inline(always)]
    unsafe fn store_simple_tile(&self, first: u64, lane: u32) -> bool {
        let start = first + (lane as usize * BATCH) as u64;
        let stride = self.p.index_stride as usize;
        let index = self.index.add(start as usize * stride);
        let ids = each(|i| memory::load_streaming(index.add(i * stride)).to_i64());
        let below = warp::shuffle_up(FULL_MASK, ids[BATCH - 1], 1, WARP_SIZE);
        let below = if lane == 0 && first == 0 {
            -1
        } else if lane == 0 {
            memory::load_readonly(index.sub(stride)).to_i64()
        } else {
            below
        };
        // If the elements rise, and the first and the last are good, all are good.
        let last = ids[BATCH - 1];
        let rises = below <= ids[0] && ids[0] <= ids[1] && ids[1] <= ids[2] && ids[2] <= last;
        let is_simple = rises && ids[0] >= 0 && (below >= 0 || first == 0) && last < self.p.n as i64;
        if !warp::all(FULL_MASK, is_simple && last - below <= OWN_ENTRIES as i64) {
            return false;
        }
        // Entry m is the position of the first element that is not below m.
        let mut entry = below + 1;
        while entry <= last {
            let position = start + (ids[0] < entry) as u64 + (ids[1] < entry) as u64 + (ids[2] < entry) as u64;
            self.store_entry(entry as u64, position);
            entry += 1;
        }
        true
    }

    #[inline(always)]
    unsafe fn store_entry(&self, at: u64, position: u64) {
        memory::store(self.entries.add(at as usize), N::from_position(position));
    }

    /// Stores the entries of any tile. Returns whether it has holes.
    #[inline(always)]
    unsafe fn store_tile_with_holes(&self, first: u64, lane: u32) -> bool {
        let mut before = self.last_before(first, lane);
        let mut has_hole = false;
        // Opaque, so that the compiler does not unroll this loop, which is rarely run.
        for step in 0..hint::opaque(BATCH as u32) as u64 {
            let position = first + step * WARP_SIZE as u64 + lane as u64;
            let id = self.get(position);
            let is_good = id != NONE;
            has_hole |= !is_good && position < self.p.e;
            let good = warp::ballot(FULL_MASK, is_good);
            let lower = good & ((1 << lane) - 1);
            // Without a good lane, the shuffles read any lane, and their result is not used.
            let nearest = warp::shuffle_idx(FULL_MASK, id, last_bit(lower), WARP_SIZE);
            let last = warp::shuffle_idx(FULL_MASK, id, last_bit(good), WARP_SIZE);
            let below = if lower != 0 { nearest } else { before };
            // A bad element has no entries.
            self.store_entries(below, if is_good { id } else { below }, position, lane);
            before = if good != 0 { last } else { before };
        }
        warp::any(FULL_MASK, has_hole)
    }

    /// Stores `position` in the entries `before` + 1 to `id`, with other values in each lane.
    #[inline(always)]
    unsafe fn store_entries(&self, before: u64, id: u64, position: u64, lane: u32) {
        // `before` may be NONE, which stands for -1: the sum wraps to 0.
        let start = before.wrapping_add(1);
        let entries = (id.wrapping_add(1)).saturating_sub(start);
        if entries <= OWN_ENTRIES {
            for i in 0..entries {
                self.store_entry(start + i, position);
            }
        }
        let mut long = warp::ballot(FULL_MASK, entries > OWN_ENTRIES);
        while long != 0 {
            let of = long.trailing_zeros();
            let start = warp::shuffle_idx(FULL_MASK, start, of, WARP_SIZE);
            let entries = warp::shuffle_idx(FULL_MASK, entries, of, WARP_SIZE);
            let position = warp::shuffle_idx(FULL_MASK, position, of, WARP_SIZE);
            let mut i = lane as u64;
            while i < entries {
                self.store_entry(start + i, position);
                i += WARP_SIZE as u64;
            }
            long &= long - 1;
        }
    }

    /// The segment of an element. N for the position behind the last element, [`NONE`] for a bad index.
    #[inline(always)]
    unsafe fn get(&self, position: u64) -> u64 {
        if position < self.p.e {
            let index = memory::load_readonly(self.index.add((position * self.p.index_stride) as usize));
            index.group(self.p.n).unwrap_or(NONE)
        } else if position == self.p.e {
            self.p.n
        } else {
            NONE
        }
    }

    /// The segment of the last good element before a position. [`NONE`], which stands for -1, if there is none. All
    /// lanes of the warp call it.
    #[inline(always)]
    unsafe fn last_before(&self, position: u64, lane: u32) -> u64 {
        if position == 0 {
            return NONE;
        }
        // The usual case: the element right before is good.
        let neighbour = self.get(position - 1);
        if neighbour != NONE {
            return neighbour;
        }
        let mut end = position;
        while end > 0 {
            let id = if (lane as u64) < end { self.get(end - 1 - lane as u64) } else { NONE };
            let good = warp::ballot(FULL_MASK, id != NONE);
            if good != 0 {
                return warp::shuffle_idx(FULL_MASK, id, good.trailing_zeros(), WARP_SIZE);
            }
            end = end.saturating_sub(WARP_SIZE as u64);
        }
        NONE
    }
}

/// The number of the highest set bit. Any number below 32 if no bit is set.
#[inline(always)]
fn last_bit(bits: u32) -> u32 {
    (WARP_SIZE - 1).wrapping_sub(bits.leading_zeros()) % WARP_SIZE
}
