//! The first step: every run of elements, by one warp for each part of its columns.

use kernel_params::SegmentParams;
use nvptx_arch::{
    index::{block_dim_x, block_idx_x, grid_dim_x, lane_id, thread_idx_x},
    memory, warp,
};
use warp::{FULL_MASK, WARP_SIZE};

use super::{
    fold::{Fold, Partial, Position},
    heads::{Head, Heads},
    ids::{Indptr, Run, SegmentIds},
    store::{from_words, into_words, load_readonly_columns, store, store_args, Finish, Whole},
    NONE,
};
use crate::element::{Accumulator, Scalar};

/// Which of a run's two records.
#[derive(Clone, Copy, PartialEq)]
enum Record {
    First,
    Last,
}

/// A segment of which some elements have been taken, in some neighbouring columns.
#[derive(Clone, Copy)]
struct Open<A, const COLUMNS: usize> {
    /// [`NONE`] before the first element.
    id: u64,
    count: u32,
    partials: [Partial<A, u32>; COLUMNS],
}

impl<A: Accumulator, const COLUMNS: usize> Open<A, COLUMNS> {
    #[inline(always)]
    fn new(id: u64) -> Self {
        Self { id, count: 0, partials: [Partial::EMPTY; COLUMNS] }
    }

    #[inline(always)]
    fn take<T: Scalar<Accumulator = A>, R: Fold>(&mut self, values: [T; COLUMNS], position: u32) {
        self.count += 1;
        for (partial, value) in self.partials.iter_mut().zip(&values) {
            R::take(partial, value.widen(), position);
        }
    }

    /// Takes a batch. Written out, because a loop that is not unrolled would need the batch in memory.
    #[inline(always)]
    fn take_batch<T: Scalar<Accumulator = A>, R: Fold, const BATCH: usize>(
        &mut self,
        batch: &[[T; COLUMNS]; BATCH],
        at: u32,
    ) {
        macro_rules! take {
            ($($i:literal)+) => {$(
                if $i < BATCH {
                    self.take::<T, R>(batch[$i % BATCH], at + $i as u32);
                }
            )+};
        }
        const { assert!(BATCH <= 8) };
        take!(0 1 2 3 4 5 6 7);
    }

    /// What `earlier` and this have come to together; they are of one segment.
    #[inline(always)]
    fn after<R: Fold>(self, earlier: Self) -> Self {
        let mut both = self;
        both.count += earlier.count;
        for i in 0..COLUMNS {
            both.partials[i] = R::join(earlier.partials[i], self.partials[i]);
        }
        both
    }

    /// That of the lane `delta` below; every lane of the warp takes part.
    #[inline(always)]
    unsafe fn shuffle_up<R: Fold>(&self, delta: u32) -> Self {
        let mut below = *self;
        below.id = warp::shuffle_up(FULL_MASK, self.id, delta, WARP_SIZE);
        below.count = warp::shuffle_up(FULL_MASK, self.count, delta, WARP_SIZE);
        for i in 0..COLUMNS {
            below.partials[i] = R::shuffle_up(self.partials[i], delta);
        }
        below
    }
}

/// ```text
/// for each run of each b, for each part of its columns: one warp
///     look up the segment of each element of the run
///     each group of lanes walks its share of the run, element after element:
///         an element of another segment than the one before it closes that one:
///             the first one closed is kept as `head`; any other lies wholly in the share and is stored
///     join the open segments of neighbouring shares where they are one (a scan over the groups of lanes)
///     each group closes the segment that ended with the share before its own, and its head:
///         into the run's first record if it is the run's first segment, into out otherwise
///     the segment that is open at the end goes into the run's last record (the first, if it is the only one)
/// for each 32 segments of an indptr: one warp sets the empty ones
/// ```
/// A lane has `COLUMNS` neighbouring columns, which it loads in one instruction, and loads `BATCH` elements before it
/// takes the first of them; `CONSECUTIVE` elements of one column are one load.
#[inline(always)]
pub unsafe fn reduce<T, R, const COLUMNS: usize, const BATCH: usize, const CONSECUTIVE: bool>(p: &SegmentParams)
where
    T: Scalar,
    R: Finish,
{
    let warps_per_block = (block_dim_x() / WARP_SIZE) as u64;
    let warp_in_block = thread_idx_x() / WARP_SIZE;
    let warps = grid_dim_x() as u64 * warps_per_block;
    let share_log2 = p.run_length.trailing_zeros() + p.lanes_log2 - WARP_SIZE.trailing_zeros();
    let ids = SegmentIds::new(warp_in_block, share_log2);
    let run_tasks = p.b * p.runs_per_b * p.column_parts;
    let empty_tasks = if p.is_csr != 0 { (p.b * p.n).div_ceil(WARP_SIZE as u64) } else { 0 };
    let mut task = block_idx_x() as u64 * warps_per_block + warp_in_block as u64;
    while task < run_tasks + empty_tasks {
        if task < run_tasks {
            RunTask::<COLUMNS>::new(p, task, share_log2).reduce::<T, R, BATCH, CONSECUTIVE>(p, &ids);
        } else {
            set_empty_segments::<T>(p, task - run_tasks);
        }
        task += warps;
    }
}

/// A run and a part of its columns, as one lane sees them.
struct RunTask<const COLUMNS: usize> {
    /// Number of the run over all b.
    number: u64,
    run: Run,
    lane: u32,
    /// This lane's first column; behind the last one for a lane without work.
    column: u64,
    /// This lane's share of the run.
    begin: u32,
    end: u32,
    /// Whether this lane stores what is told once for a run and not for each column.
    speaks: bool,
}

impl<const COLUMNS: usize> RunTask<COLUMNS> {
    #[inline(always)]
    fn new(p: &SegmentParams, task: u64, share_log2: u32) -> Self {
        let lane = lane_id();
        let number = task / p.column_parts;
        let part = task - number * p.column_parts;
        let b = number / p.runs_per_b;
        let first = (number - b * p.runs_per_b) * p.run_length as u64;
        let length = (p.e - first).min(p.run_length as u64) as u32;
        let group = lane >> p.lanes_log2;
        let lane_in_group = lane - (group << p.lanes_log2);
        let column = ((part << p.lanes_log2) + lane_in_group as u64) * COLUMNS as u64;
        Self {
            number,
            run: Run { b, first, length },
            lane,
            column,
            begin: group << share_log2,
            end: ((group + 1) << share_log2).min(length),
            speaks: column == 0,
        }
    }

    #[inline(always)]
    unsafe fn reduce<T, R, const BATCH: usize, const CONSECUTIVE: bool>(&self, p: &SegmentParams, ids: &SegmentIds)
    where
        T: Scalar,
        R: Finish,
    {
        ids.fill(p, &self.run, self.lane);
        let heads = Heads::<T::Accumulator, R>::new();
        let (head, mut open) = if self.column < p.k {
            self.walk::<T, R, BATCH, CONSECUTIVE>(p, ids, &heads)
        } else {
            (Head { id: NONE, count: 0 }, Open::new(NONE))
        };
        let own_first = if head.id != NONE { head.id } else { open.id };

        let lanes = 1 << p.lanes_log2;
        // Whether all elements so far, from the lane that the scan has reached, are of the open segment.
        let mut reaches_back = head.id == NONE;
        let mut delta = lanes;
        while delta < WARP_SIZE {
            let earlier = open.shuffle_up::<R>(delta);
            let earlier_reaches_back = warp::shuffle_up(FULL_MASK, reaches_back as u32, delta, WARP_SIZE) != 0;
            if self.lane >= delta && reaches_back && earlier.id != NONE {
                if open.id == NONE {
                    open = earlier;
                    reaches_back = earlier_reaches_back;
                } else if open.id == earlier.id {
                    open = open.after::<R>(earlier);
                    reaches_back = earlier_reaches_back;
                } else {
                    reaches_back = false;
                }
            }
            delta *= 2;
        }

        let has_elements = warp::ballot(FULL_MASK, own_first != NONE);
        let run_first = warp::shuffle_idx(FULL_MASK, own_first, has_elements.trailing_zeros() % WARP_SIZE, WARP_SIZE);
        // The last group's lanes without columns have nothing; those of its first column know.
        let run_last = warp::shuffle_idx(FULL_MASK, open.id, WARP_SIZE - lanes, WARP_SIZE);
        // With one group there is none before it.
        let mut carried = open.shuffle_up::<R>(lanes % WARP_SIZE);
        if self.lane < lanes {
            carried.id = NONE;
        }

        let carried_goes_on = carried.id == own_first;
        if carried.id != NONE && own_first != NONE && !carried_goes_on {
            self.close::<T, R>(p, carried, run_first);
        }
        if head.id != NONE {
            let head = Open { id: head.id, count: head.count, partials: heads.load() };
            let whole = if carried_goes_on { head.after::<R>(carried) } else { head };
            self.close::<T, R>(p, whole, run_first);
        }
        // A run without elements leaves an empty record.
        if self.lane >= WARP_SIZE - lanes && self.column < p.k {
            let record = if open.id == run_first { Record::First } else { Record::Last };
            self.record::<T::Accumulator, R>(p, open, record);
        }
        if self.speaks && self.lane == 0 {
            let edges = (p.edges as *mut u64).add(self.number as usize * 2);
            memory::store(edges, run_first);
            memory::store(edges.add(1), run_last);
        }
    }

    /// Walks this lane's share: the segment that it closed first, and the one that is open at its end.
    #[inline(always)]
    unsafe fn walk<T, R, const BATCH: usize, const CONSECUTIVE: bool>(
        &self,
        p: &SegmentParams,
        ids: &SegmentIds,
        heads: &Heads<T::Accumulator, R>,
    ) -> (Head, Open<T::Accumulator, COLUMNS>)
    where
        T: Scalar,
        R: Finish,
    {
        let src = (p.src as *const T).add(((self.run.b * p.e + self.run.first) * p.k + self.column) as usize);
        let (mut head, mut open) = (Head { id: NONE, count: 0 }, Open::new(NONE));
        let mut at = self.begin;
        while at < self.end {
            let count = (self.end - at).min(BATCH as u32);
            let batch = load_batch::<T, COLUMNS, BATCH, CONSECUTIVE>(src, p.k, at, count);
            let ids = ids.from(at);
            let mut goes_on = open.id != NONE && count == BATCH as u32;
            if goes_on {
                for i in 0..BATCH {
                    // No short circuit: the loads do not wait for each other.
                    goes_on &= memory::load(ids.wrapping_add(i)) == open.id;
                }
            }
            if goes_on {
                open.take_batch::<T, R, BATCH>(&batch, at);
            } else {
                for i in 0..count {
                    let id = memory::load(ids.wrapping_add(i as usize));
                    if id == NONE {
                        continue;
                    }
                    if id != open.id {
                        if open.id != NONE && head.id == NONE {
                            head = Head { id: open.id, count: open.count };
                            heads.store(open.partials);
                        } else if open.id != NONE {
                            self.store::<T, R>(p, open);
                        }
                        open = Open::new(id);
                    }
                    open.take::<T, R>(pick::<T, COLUMNS, BATCH>(&batch, i), at + i);
                }
            }
            at += count;
        }
        (head, open)
    }

    /// A segment that has ended in the run: the run's first one goes into its record, for it may have begun before.
    #[inline(always)]
    unsafe fn close<T, R>(&self, p: &SegmentParams, segment: Open<T::Accumulator, COLUMNS>, run_first: u64)
    where
        T: Scalar,
        R: Finish,
    {
        if segment.id == run_first {
            self.record::<T::Accumulator, R>(p, segment, Record::First);
        } else {
            self.store::<T, R>(p, segment);
        }
    }

    /// Stores a segment that lies wholly in the run.
    #[inline(always)]
    unsafe fn store<T, R>(&self, p: &SegmentParams, segment: Open<T::Accumulator, COLUMNS>)
    where
        T: Scalar,
        R: Finish,
    {
        let whole = Whole {
            b: self.run.b,
            id: segment.id,
            column: self.column,
            partials: segment.partials,
            origin: self.run.first,
            count: segment.count as u64,
        };
        store::<T, R, u32, COLUMNS>(p, whole);
    }

    /// Leaves a segment to the kernel that finishes.
    #[inline(always)]
    unsafe fn record<A, R>(&self, p: &SegmentParams, segment: Open<A, COLUMNS>, record: Record)
    where
        A: Accumulator,
        R: Fold,
    {
        let record = self.number * 2 + record as u64;
        for i in 0..COLUMNS {
            let at = (record * p.k + self.column) as usize + i;
            let Partial { value, position } = segment.partials[i];
            memory::store((p.values as *mut A).add(at), value);
            if R::HAS_POSITION {
                memory::store((p.positions as *mut u64).add(at), position.on_axis(self.run.first));
            }
        }
        if self.speaks {
            memory::store((p.counts as *mut u64).add(record as usize), segment.count as u64);
        }
    }
}

/// Loads `count` elements from element `at` on, of `COLUMNS` columns each; the rest of the batch is zeros.
#[inline(always)]
unsafe fn load_batch<T: Scalar, const COLUMNS: usize, const BATCH: usize, const CONSECUTIVE: bool>(
    src: *const T,
    k: u64,
    at: u32,
    count: u32,
) -> [[T; COLUMNS]; BATCH] {
    let mut batch = [[T::ZERO; COLUMNS]; BATCH];
    let element = |i: usize| src.wrapping_add(((at as u64 + i as u64) * k) as usize);
    if count < BATCH as u32 {
        for (i, values) in batch.iter_mut().enumerate() {
            if (i as u32) < count {
                *values = load_readonly_columns(element(i));
            }
        }
    } else if CONSECUTIVE {
        let values = load_readonly_columns::<T, BATCH>(element(0));
        for i in 0..BATCH {
            batch[i] = [values[i]; COLUMNS];
        }
    } else {
        for (i, values) in batch.iter_mut().enumerate() {
            *values = load_readonly_columns(element(i));
        }
    }
    batch
}

/// Element `i` of a batch, by selection: registers have no addresses. Several columns are selected as the words they
/// were loaded as, so that 16-bit values need no register each.
#[inline(always)]
unsafe fn pick<T: Scalar, const COLUMNS: usize, const BATCH: usize>(
    batch: &[[T; COLUMNS]; BATCH],
    i: u32,
) -> [T; COLUMNS] {
    if COLUMNS == 1 {
        let mut values = batch[0];
        for (j, &candidate) in batch.iter().enumerate() {
            values = if i == j as u32 { candidate } else { values };
        }
        return values;
    }
    let mut words = into_words(batch[0]);
    for (j, &candidate) in batch.iter().enumerate() {
        let candidate = into_words(candidate);
        for word in 0..words.len() {
            words[word] = if i == j as u32 { candidate[word] } else { words[word] };
        }
    }
    from_words(words)
}

/// Sets those of 32 neighbouring segments that have no elements.
#[inline(always)]
unsafe fn set_empty_segments<T: Scalar>(p: &SegmentParams, task: u64) {
    let lane = lane_id();
    let first = task * WARP_SIZE as u64;
    let row = first + lane as u64;
    let is_empty = row < p.b * p.n && {
        let b = row / p.n;
        let n = row - b * p.n;
        let indptr = Indptr::new(p, b);
        indptr.get(n) >= indptr.get(n + 1)
    };
    if p.k < WARP_SIZE as u64 {
        if is_empty {
            for column in 0..p.k {
                set_empty::<T>(p, row * p.k + column);
            }
        }
    } else {
        let mut empty = warp::ballot(FULL_MASK, is_empty);
        while empty != 0 {
            let row = first + empty.trailing_zeros() as u64;
            let mut column = lane as u64;
            while column < p.k {
                set_empty::<T>(p, row * p.k + column);
                column += WARP_SIZE as u64;
            }
            empty &= empty - 1;
        }
    }
}

#[inline(always)]
unsafe fn set_empty<T: Scalar>(p: &SegmentParams, at: u64) {
    T::store((p.out as *mut T).add(at as usize), T::ZERO);
    store_args(p, at as usize, [p.e]);
}
