//! The second step: the segments that runs left in their records.

use kernel_params::SegmentParams;
use nvptx_arch::{
    barrier,
    index::{block_dim_x, block_idx_x, grid_dim_x, lane_id, thread_idx_x},
    memory, shared_array, warp,
};
use warp::{FULL_MASK, WARP_SIZE};

use super::{
    fold::{Fold, Partial},
    store::{store, Finish, Whole},
    NONE,
};
use crate::element::{Accumulator, Scalar};

/// Threads of a block.
const THREADS: usize = 256;

/// How many runs a group of lanes follows a segment through before the whole block takes over. A block needs some ten
/// barriers for one segment: about as long as this many loads, one after the other, from the second-level cache.
const LONG_CHAIN: u64 = 32;

/// The records of one segment, joined so far.
#[derive(Clone, Copy)]
struct Chain<A> {
    segment: u64,
    count: u64,
    partial: Partial<A, u64>,
}

/// How a run goes on with a segment.
#[derive(Clone, Copy, PartialEq)]
enum Continues {
    /// Nothing of the segment is in the run, nor in any after it.
    No,
    /// The segment ends in the run.
    Ends,
    /// The run is wholly of the segment.
    Through,
    /// No element of the run belongs to any segment.
    Empty,
}

/// ```text
/// for each run, for each part of the columns: one group of lanes, one column each
///     if the run's first segment did not begin before the run:
///         if it ends in the run, finish it
///     the run's last segment, if it begins in the run: join the first record of the runs that follow, while they
///     go on with it
///         after LONG_CHAIN runs: leave it to the block
///     the whole block, for each such segment: find the run it ends in, 256 runs at a time; join the records, each
///     group of lanes every n-th; join what the groups have (a tree)
///     finish it
/// ```
#[inline(always)]
pub unsafe fn finish<T: Scalar, R: Finish>(p: &SegmentParams) {
    let lanes = 1u32 << p.finish_lanes_log2;
    let groups = block_dim_x() >> p.finish_lanes_log2;
    let group = thread_idx_x() >> p.finish_lanes_log2;
    let lane = thread_idx_x() - (group << p.finish_lanes_log2);
    let runs = p.b * p.runs_per_b;
    let parts = p.k.div_ceil(lanes as u64);
    let tasks = runs.div_ceil(groups as u64) * parts;
    // For each group the run its long chain goes on with; 0 for none, since a chain cannot go on with the first run.
    let long = shared_array![u64; THREADS];
    let segments = shared_array![u64; THREADS];
    let mut task = block_idx_x() as u64;
    while task < tasks {
        let block_of_runs = task / parts;
        let column = (task - block_of_runs * parts) * lanes as u64 + lane as u64;
        let run = block_of_runs * groups as u64 + group as u64;
        let records = Records { p, column: column.min(p.k - 1) };
        let mut chain = None;
        let mut goes_on = 0;
        if run < runs {
            let (first, last) = records.edges(run);
            let begins = first != NONE && !records.continues_from_before(run, first);
            if begins && first != last && column < p.k {
                let whole = records.chain::<T::Accumulator, R>(run, 0, first);
                records.store::<T, R>(run, whole);
            }
            if first != NONE && (begins || first != last) {
                let mut started = records.chain::<T::Accumulator, R>(run, (first != last) as u64, last);
                goes_on = records.follow::<T::Accumulator, R>(run, &mut started);
                chain = Some(started);
            }
        }
        if lane == 0 {
            memory::store(long.add(group as usize), goes_on);
            memory::store(segments.add(group as usize), chain.map_or(NONE, |chain| chain.segment));
        }
        if barrier::sync_threads_or((goes_on != 0) as u32) != 0 {
            for of in 0..groups {
                let from = memory::load(long.add(of as usize).cast_const());
                if from != 0 {
                    let segment = memory::load(segments.add(of as usize).cast_const());
                    let rest = records.join_by_block::<T::Accumulator, R>(segment, from, groups, group);
                    if of == group {
                        chain = chain.map(|chain| join::<T::Accumulator, R>(chain, rest));
                    }
                }
            }
        }
        barrier::sync_threads();
        if let Some(chain) = chain {
            if column < p.k {
                records.store::<T, R>(run, chain);
            }
        }
        task += grid_dim_x() as u64;
    }
}

#[inline(always)]
fn join<A: Accumulator, R: Fold>(left: Chain<A>, right: Chain<A>) -> Chain<A> {
    Chain { segment: left.segment, count: left.count + right.count, partial: R::join(left.partial, right.partial) }
}

/// The records of all runs, in one column.
struct Records<'a> {
    p: &'a SegmentParams,
    column: u64,
}

impl Records<'_> {
    /// The first and the last segment of a run.
    #[inline(always)]
    unsafe fn edges(&self, run: u64) -> (u64, u64) {
        let edges = (self.p.edges as *const u64).add(run as usize * 2);
        (memory::load_readonly(edges), memory::load_readonly(edges.add(1)))
    }

    /// One record of a run: 0 for its first segment, 1 for its last.
    #[inline(always)]
    unsafe fn chain<A: Accumulator, R: Fold>(&self, run: u64, record: u64, segment: u64) -> Chain<A> {
        let record = run * 2 + record;
        let at = (record * self.p.k + self.column) as usize;
        let position =
            if R::HAS_POSITION { memory::load_readonly((self.p.positions as *const u64).add(at)) } else { NONE };
        Chain {
            segment,
            count: memory::load_readonly((self.p.counts as *const u64).add(record as usize)),
            partial: Partial { value: memory::load_readonly((self.p.values as *const A).add(at)), position },
        }
    }

    /// Finishes and stores a segment of which there are elements in a run.
    #[inline(always)]
    unsafe fn store<T: Scalar, R: Finish>(&self, run: u64, chain: Chain<T::Accumulator>) {
        let whole = Whole {
            b: run / self.p.runs_per_b,
            id: chain.segment,
            column: self.column,
            partials: [chain.partial],
            origin: 0,
            count: chain.count,
        };
        store::<T, R, u64, 1>(self.p, whole);
    }

    /// The first run of the b after that of `run`.
    #[inline(always)]
    fn end_of_b(&self, run: u64) -> u64 {
        (run / self.p.runs_per_b + 1) * self.p.runs_per_b
    }

    /// Whether a run's first segment has elements in an earlier run.
    #[inline(always)]
    unsafe fn continues_from_before(&self, run: u64, first: u64) -> bool {
        let mut before = run;
        while !before.is_multiple_of(self.p.runs_per_b) {
            before -= 1;
            let (_, last) = self.edges(before);
            if last != NONE {
                return last == first;
            }
        }
        false
    }

    #[inline(always)]
    unsafe fn continues(&self, run: u64, end: u64, segment: u64) -> Continues {
        if run >= end {
            return Continues::No;
        }
        let (first, last) = self.edges(run);
        if first == NONE {
            Continues::Empty
        } else if first != segment {
            Continues::No
        } else if last != segment {
            Continues::Ends
        } else {
            Continues::Through
        }
    }

    /// Joins what the runs behind `run` have of its last segment. Returns the run to go on with after too many of
    /// them, 0 where the segment has ended.
    #[inline(always)]
    unsafe fn follow<A: Accumulator, R: Fold>(&self, run: u64, chain: &mut Chain<A>) -> u64 {
        let end = self.end_of_b(run);
        for next in run + 1..run + 1 + LONG_CHAIN {
            if next >= end {
                return 0;
            }
            // Joined before it is known to be of the segment, so that its loads do not wait for those of the edges.
            let joined = join::<A, R>(*chain, self.chain::<A, R>(next, 0, chain.segment));
            let continues = self.continues(next, end, chain.segment);
            if continues != Continues::No {
                *chain = joined;
            }
            if continues == Continues::No || continues == Continues::Ends {
                return 0;
            }
        }
        run + 1 + LONG_CHAIN
    }

    /// Joins what the runs from `from` on have of a segment; the whole block takes part, and every group of lanes has
    /// the result.
    #[inline(always)]
    unsafe fn join_by_block<A: Accumulator, R: Fold>(
        &self,
        segment: u64,
        from: u64,
        groups: u32,
        group: u32,
    ) -> Chain<A> {
        let end = self.end_of_b(from - 1);
        let past = self.find_end(segment, from, end);
        let mut chain = Chain { segment, count: 0, partial: Partial::EMPTY };
        let (mut run, stride) = (from + group as u64, groups as u64);
        // Four at a time: their loads are under way together.
        while run + 3 * stride < past {
            let records = [0, 1, 2, 3].map(|i| self.chain::<A, R>(run + i * stride, 0, segment));
            for record in records {
                chain = join::<A, R>(chain, record);
            }
            run += 4 * stride;
        }
        while run < past {
            chain = join::<A, R>(chain, self.chain::<A, R>(run, 0, segment));
            run += stride;
        }
        join_groups::<A, R>(chain, groups, group)
    }

    /// The run behind the last one that has elements of the segment. The whole block takes part.
    #[inline(always)]
    unsafe fn find_end(&self, segment: u64, from: u64, end: u64) -> u64 {
        let stops = shared_array![u32; THREADS / WARP_SIZE as usize];
        let mut start = from;
        loop {
            let run = start + thread_idx_x() as u64;
            let continues = self.continues(run, end, segment);
            let is_stop = continues == Continues::No || continues == Continues::Ends;
            let stop = warp::ballot(FULL_MASK, is_stop);
            if lane_id() == 0 {
                memory::store(stops.add((thread_idx_x() / WARP_SIZE) as usize), stop);
            }
            barrier::sync_threads();
            let mut found = NONE;
            for warp_in_block in (0..block_dim_x() / WARP_SIZE).rev() {
                let stop = memory::load(stops.add(warp_in_block as usize).cast_const());
                if stop != 0 {
                    found = start + (warp_in_block * WARP_SIZE + stop.trailing_zeros()) as u64;
                }
            }
            barrier::sync_threads();
            if found != NONE {
                let ends_here = self.continues(found, end, segment) == Continues::Ends;
                return found + ends_here as u64;
            }
            start += block_dim_x() as u64;
        }
    }
}

/// Joins what the groups of lanes of a block have, column by column; every group has the result. The order depends on
/// the number of groups alone.
#[inline(always)]
unsafe fn join_groups<A: Accumulator, R: Fold>(chain: Chain<A>, groups: u32, group: u32) -> Chain<A> {
    // Room for the widest accumulator.
    let values = shared_array![u64; THREADS].cast::<A>();
    let positions = shared_array![u64; THREADS];
    let counts = shared_array![u64; THREADS];
    let thread = thread_idx_x() as usize;
    let lanes = (block_dim_x() / groups) as usize;
    let load = |thread: usize| Chain {
        segment: chain.segment,
        count: memory::load(counts.add(thread).cast_const()),
        partial: Partial {
            value: memory::load(values.add(thread).cast_const()),
            position: memory::load(positions.add(thread).cast_const()),
        },
    };
    let keep = |chain: Chain<A>| {
        memory::store(counts.add(thread), chain.count);
        memory::store(values.add(thread), chain.partial.value);
        memory::store(positions.add(thread), chain.partial.position);
    };
    let mut chain = chain;
    keep(chain);
    barrier::sync_threads();
    let mut half = groups / 2;
    while half > 0 {
        if group < half {
            chain = join::<A, R>(chain, load(thread + half as usize * lanes));
            keep(chain);
        }
        barrier::sync_threads();
        half /= 2;
    }
    let result = load(thread % lanes);
    barrier::sync_threads();
    result
}
