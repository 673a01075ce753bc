//! Partial results of a segment in neighbouring columns: in registers, in shared memory, and as records in the
//! workspace.

use kernel_params::{CompositeCsrParams, SegmentParams};
use nvptx_arch::{
    memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use super::{
    columns::{each_column, load_columns},
    statistic::{Counts, Pair, Statistic},
};
use crate::{
    batch::{each, BATCH},
    composite::{Float, FloatAccumulator},
    segment::{join_numbers_of_warps, Load, Piece},
};

/// What is known of some elements of a segment in neighbouring columns.
#[derive(Clone, Copy)]
pub struct Known<A, const COLUMNS: usize> {
    /// One partial result for each column.
    pub pairs: [Pair<A>; COLUMNS],
    /// The number of elements, if the statistic is counted.
    pub count: A,
}

impl<A: FloatAccumulator, const COLUMNS: usize> Known<A, COLUMNS> {
    /// Of no elements.
    #[inline(always)]
    pub fn nothing<S: Statistic>() -> Self {
        Self { pairs: [S::nothing(); COLUMNS], count: A::ZERO }
    }

    /// Of every 2^`ways_log2`-th element of a piece, beginning with element `way`.
    ///
    /// ```text
    /// for each batch of elements:
    ///     load them all; behind the end of the piece, load the batch's first element again
    ///     join the partial result of those before the end
    /// ```
    #[inline(always)]
    pub unsafe fn of_piece<T: Float<Accumulator = A>, S: Statistic, L: Load>(
        p: &CompositeCsrParams,
        piece: &Piece,
        way: u32,
        ways_log2: u32,
    ) -> Self {
        let k = p.segments.k;
        let mut known = Self::nothing::<S>();
        let stride = (k << ways_log2) as usize;
        let mut src = piece.src::<T>(&p.segments).wrapping_add(way as usize * k as usize);
        let mut at = way;
        while at < piece.length {
            let are_there = each(|i| at + ((i as u32) << ways_log2) < piece.length);
            let batch: [[T; COLUMNS]; BATCH] = each(|i| {
                let from = if are_there[i] { src.wrapping_add(i * stride) } else { src };
                load_columns::<T, L, COLUMNS>(from)
            });
            known = known.join::<S>(Self::of_batch::<T, S>(p, &batch, are_there));
            at += (BATCH as u32) << ways_log2;
            src = src.wrapping_add(BATCH * stride);
        }
        known
    }

    #[inline(always)]
    fn of_batch<T: Float<Accumulator = A>, S: Statistic>(
        p: &CompositeCsrParams,
        batch: &[[T; COLUMNS]; BATCH],
        are_there: [bool; BATCH],
    ) -> Self {
        let mut known = Self::nothing::<S>();
        let mut share = A::ONE;
        if S::IS_COUNTED {
            for is_there in are_there {
                known.count = known.count.add(if is_there { A::ONE } else { A::ZERO });
            }
            share = A::ONE.div(known.count);
        }
        each_column!(COLUMNS, I => {
            known.pairs[I] = S::of_batch(p, each(|element| batch[element][I].widen()), are_there, share);
        });
        known
    }

    /// Joins what is known of different elements of one segment.
    #[inline(always)]
    pub fn join<S: Statistic>(self, other: Self) -> Self {
        let counts = Counts::new::<S>(self.count, other.count);
        let mut both = self;
        if S::IS_COUNTED {
            both.count = self.count.add(other.count);
        }
        each_column!(COLUMNS, I => {
            both.pairs[I] = S::join(self.pairs[I], other.pairs[I], &counts);
        });
        both
    }

    /// Joins what the lanes of a warp know whose numbers differ only in the bits from `lanes_log2` up to, but not
    /// including, `end_log2`. Each of these lanes gets the result. All lanes of the warp call it.
    #[inline(always)]
    pub unsafe fn join_lanes<S: Statistic>(self, lanes_log2: u32, end_log2: u32) -> Self {
        let mut joined = self;
        for log2 in lanes_log2..end_log2 {
            let mut other = joined;
            let shuffle = |number| unsafe { warp::shuffle_xor(FULL_MASK, number, 1 << log2, WARP_SIZE) };
            each_column!(COLUMNS, I => {
                let [first, second] = joined.pairs[I];
                other.pairs[I] = [shuffle(first), shuffle(second)];
            });
            if S::IS_COUNTED {
                other.count = warp::shuffle_xor(FULL_MASK, joined.count, 1 << log2, WARP_SIZE);
            }
            joined = joined.join::<S>(other);
        }
        joined
    }

    /// Stores a record, in the columns from `column` on.
    #[inline(always)]
    pub unsafe fn store<S: Statistic>(self, p: &SegmentParams, record: u64, column: u64) {
        each_column!(COLUMNS, I => {
            store_pair(p, record, column + I as u64, self.pairs[I]);
        });
        if S::IS_COUNTED && column == 0 {
            memory::store((p.counts as *mut A).add(record as usize), self.count);
        }
    }
}

impl<A: FloatAccumulator> Known<A, 1> {
    /// Loads one column of a record.
    #[inline(always)]
    pub unsafe fn load<S: Statistic>(p: &SegmentParams, record: u64, column: u64) -> Self {
        let pairs = [load_pair(p, record, column)];
        let count =
            if S::IS_COUNTED { memory::load_readonly((p.counts as *const A).add(record as usize)) } else { A::ZERO };
        Self { pairs, count }
    }

    /// Joins what the first 2^`lanes_log2` lanes of all warps of a block know. The first 2^`lanes_log2` threads get the
    /// result. All threads of the block call it.
    #[inline(always)]
    pub unsafe fn join_warps<S: Statistic>(self, lanes_log2: u32) -> Self {
        let of = |[first, second, count]: [A; 3]| Self { pairs: [[first, second]], count };
        let numbers = |known: Self| [known.pairs[0][0], known.pairs[0][1], known.count];
        let join = |left, right| numbers(of(left).join::<S>(of(right)));
        of(join_numbers_of_warps(numbers(self), lanes_log2, join))
    }
}

/// The position of the first number of a column of a record. The second one is K behind it.
#[inline(always)]
fn place(p: &SegmentParams, record: u64, column: u64) -> usize {
    (2 * record * p.k + column) as usize
}

/// Stores the two numbers of a column of a record.
#[inline(always)]
pub unsafe fn store_pair<A: FloatAccumulator>(p: &SegmentParams, record: u64, column: u64, [first, second]: Pair<A>) {
    let to = (p.values as *mut A).add(place(p, record, column));
    memory::store(to, first);
    memory::store(to.add(p.k as usize), second);
}

/// Loads the two numbers of a column of a record. An earlier kernel has stored them, or this thread.
#[inline(always)]
pub unsafe fn load_pair<A: FloatAccumulator>(p: &SegmentParams, record: u64, column: u64) -> Pair<A> {
    let from = (p.values as *const A).add(place(p, record, column));
    [memory::load(from), memory::load(from.add(p.k as usize))]
}
