//! How a warp of gather_csr finds the segments of its rows.
//!
//! The warp searches indptr once. From then on it walks along indptr from tile to tile, in windows of its next 32
//! entries, one for each lane. If a tile needs more windows than that pays for, or has rows of several b, each lane
//! searches for itself.

use kernel_params::GatherParams;
use nvptx_arch::{
    index::lane_id,
    memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::NONE;
use crate::{
    batch::{each, BATCH},
    element::Index,
    layout::split_rows,
};

/// Rows of a row tile: a warp finds the segments of this many rows together.
pub const TILE: u64 = WARP_SIZE as u64;

/// The most windows for rows of one word. Eight windows take as long as a search by each lane.
const MOST_WINDOWS: u32 = 8;

/// The place of a warp in a row of indptr: all entries before `after` are at most the position that it searched for
/// last.
pub struct Walk<I> {
    indptr: *const I,
    b: u64,
    after: u64,
}

impl<I: Index> Walk<I> {
    /// Before the first tile; `indptr` is the row of indptr for [`segments_of_rows`](Self::segments_of_rows).
    #[inline(always)]
    pub fn new(indptr: *const I) -> Self {
        Self { indptr, b: NONE, after: 0 }
    }

    /// The row of `src` that this lane's row of a tile is a copy of. [`NONE`] for zeros. Tiles come in ascending order.
    #[inline(always)]
    pub unsafe fn rows_of_src(
        &mut self,
        p: &GatherParams,
        tile: u64,
        start_of_row: impl Fn(&GatherParams, u64) -> u64,
    ) -> u64 {
        if p.s == 0 {
            // indptr may have no entries.
            return NONE;
        }
        let first = tile * TILE;
        let row = (first + lane_id() as u64).min(p.b * p.e - 1);
        let (b, e) = split_rows(row, &p.by_e, p.b);
        let start = start_of_row(p, b);
        let is_one = p.b == 1 || warp::all(FULL_MASK, b == warp::shuffle_idx(FULL_MASK, b, 0, WARP_SIZE));
        let after = if is_one {
            // The lanes have neighbouring positions.
            let lane = (row - first) as u32;
            self.search_together(p, (b, start), e as i64 - lane as i64, lane)
        } else {
            self.search_alone(p, start, e as i64)
        };
        // Before the first entry, 0 - 1 is u64::MAX, which is no segment.
        let segment = after.wrapping_sub(1);
        if segment < p.s {
            b * p.s + segment
        } else {
            NONE
        }
    }

    /// The segments of this lane's rows, `first` + 32 i + lane for each i below [`BATCH`]. [`NONE`] for zeros. B is 1,
    /// and `first` rises from call to call.
    #[inline(always)]
    pub unsafe fn segments_of_rows(&mut self, p: &GatherParams, first: u64) -> [u64; BATCH] {
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
        // Where the next window starts. Rows whose segment is not found yet have passed every entry before it.
        let mut start = self.after;
        let mut is_found = false;
        while !is_found && start < self.after + (MOST_WINDOWS * WARP_SIZE) as u64 {
            let window = self.window(p, start, first, ROWS);
            let last = warp::shuffle_idx(FULL_MASK, window, WARP_SIZE - 1, WARP_SIZE);
            let counts = count_in_window(window, rows);
            after = each(|i| {
                // A row whose segment was found in an earlier window passes no entry of a later one: entries rise.
                after[i] + (counts[i] + (last <= rows[i]) as u32) as u64
            });
            is_found = last >= ROWS;
            start += WARP_SIZE as u64;
        }
        if !is_found {
            after = each(|i| self.search(self.after, p.s + 1, first + rows[i] as i64));
        }
        self.after = warp::shuffle_idx(FULL_MASK, after[BATCH - 1], WARP_SIZE - 1, WARP_SIZE);
        // Before the first entry, 0 - 1 is u64::MAX, which is no segment.
        after.map(|after| if after.wrapping_sub(1) < p.s { after - 1 } else { NONE })
    }

    /// indptr[start + lane] - first, clamped to [0, rows]. Entries behind the last one count as `rows`.
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

    /// The first entry above this lane's position, `first` + `lane`. All lanes are in one row of indptr.
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

    /// The first entry above this lane's position, where the lanes are in several rows of indptr.
    #[inline(always)]
    unsafe fn search_alone(&mut self, p: &GatherParams, start: u64, position: i64) -> u64 {
        self.enter(p, NONE, start);
        self.search(0, p.s + 1, position)
    }

    /// Goes to a row of indptr, which starts at element `start`.
    #[inline(always)]
    unsafe fn enter(&mut self, p: &GatherParams, b: u64, start: u64) {
        self.indptr = (p.index as *const I).add(start as usize);
        self.b = b;
    }

    /// Binary search: the first entry in [low, high) above `position`, or `high` if there is none.
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

    /// [`search`](Self::search) from entry 0 on, by the whole warp for one position: each step tests 32 entries.
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

/// For each of some positions: how many entries of a window, one in each lane, are at most that position. The entries
/// rise from lane to lane, and the last lane's entry is not counted.
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

#[cfg(test)]
mod tests {
    use kernel_params::Divisor;
    use nvptx_arch::emulate::{run, Launch, Memory, Options};

    use super::*;

    /// What a warp finds on its walk over `tiles` tiles. `indptr` has a row for each b.
    fn found<F>(indptr: &[Vec<i64>], e: u64, tiles: u64, find: F) -> Vec<u64>
    where
        F: Fn(&mut Walk<i64>, &GatherParams, u64) -> Vec<(u64, u64)>,
    {
        let (b, s) = (indptr.len() as u64, indptr[0].len() as u64 - 1);
        let flat = indptr.concat();
        let mut sources = vec![77u64; (b * e) as usize];
        let mut memory = Memory::new();
        memory.register(flat.as_ptr().cast(), size_of_val(&flat[..]), false);
        memory.register(sources.as_ptr().cast(), size_of_val(&sources[..]), true);
        let to = sources.as_mut_ptr();
        let mut p = GatherParams { index: flat.as_ptr() as u64, b, s, e, ..GatherParams::default() };
        p.by_e = Divisor::new(e);
        let launch = Launch { grid: [1; 3], block: [WARP_SIZE, 1, 1], dynamic_shared: 0 };
        let lane = || {
            let mut walk = Walk::new(p.index as *const i64);
            for tile in 0..tiles {
                for (row, source) in find(&mut walk, &p, tile) {
                    // A lane behind the last row finds what the last row's lane finds.
                    if row < b * e {
                        unsafe { memory::store(to.add(row as usize), source) };
                    }
                }
            }
        };
        run(&launch, &Options::with_seed(1), &memory, lane).unwrap();
        sources
    }

    /// The row of src for each row of out, as the definition reads.
    fn expected(indptr: &[Vec<i64>], e: u64) -> Vec<u64> {
        let segments = indptr[0].len() - 1;
        let of = |b: usize, e: i64| {
            let segment = (0..segments).rev().find(|&n| indptr[b][n] <= e);
            segment.filter(|&n| e < indptr[b][n + 1]).map_or(NONE, |n| (b * segments + n) as u64)
        };
        (0..indptr.len()).flat_map(|b| (0..e as i64).map(move |e| of(b, e))).collect()
    }

    fn by_tiles(indptr: &[Vec<i64>], e: u64) -> Vec<u64> {
        let start = |p: &GatherParams, b: u64| b * (p.s + 1);
        let tiles = (indptr.len() as u64 * e).div_ceil(TILE);
        found(indptr, e, tiles, |walk, p, tile| {
            vec![(tile * TILE + lane_id() as u64, unsafe { walk.rows_of_src(p, tile, start) })]
        })
    }

    fn by_batches(indptr: &[i64], e: u64) -> Vec<u64> {
        let rows = BATCH as u64 * TILE;
        found(&[indptr.to_vec()], e, e.div_ceil(rows), |walk, p, tile| {
            let segments = unsafe { walk.segments_of_rows(p, tile * rows) };
            let row = |i: usize| tile * rows + i as u64 * TILE + lane_id() as u64;
            segments.into_iter().enumerate().map(|(i, segment)| (row(i), segment)).collect()
        })
    }

    #[test]
    fn a_walk_finds_the_segments_of_all_rows() {
        let even: Vec<i64> = (0..=40).map(|n| n * 7).collect();
        // Rows before the first segment and behind the last one; more empty segments than a window has elements.
        let sparse: Vec<i64> = [vec![3; 5], vec![9], vec![40; 70], (41..60).collect(), vec![150, 200]].concat();
        let one = vec![0, 300];
        for indptr in [even, sparse, one] {
            for e in [1, 31, 32, 33, 300] {
                let expected = expected(std::slice::from_ref(&indptr), e);
                assert_eq!(by_tiles(std::slice::from_ref(&indptr), e), expected, "{indptr:?}, {e} rows");
                assert_eq!(by_batches(&indptr, e), expected, "{indptr:?}, {e} rows by batches");
            }
        }
    }

    #[test]
    fn a_tile_may_have_rows_of_several_indptrs() {
        let indptr: Vec<Vec<i64>> = (0..9).map(|b| (0..=4).map(|n| n * b).collect()).collect();
        for e in [1, 5, 20, 64] {
            assert_eq!(by_tiles(&indptr, e), expected(&indptr, e), "{e} rows");
        }
    }

    #[test]
    fn without_segments_no_row_is_found() {
        assert_eq!(by_tiles(&[vec![4]], 40), [NONE; 40]);
        assert_eq!(by_batches(&[4], 40), [NONE; 40]);
    }
}
