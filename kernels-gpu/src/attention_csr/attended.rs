//! What is known of some elements of a segment, in neighbouring columns of one head.

use kernel_params::{GatherSegmentParams, SegmentParams};
use nvptx_arch::warp::{self, FULL_MASK, WARP_SIZE};

use crate::{
    batch::{each, BATCH},
    composite::{shift_of, Float, FloatAccumulator},
    segment::{join_numbers_of_warps, store_columns, Batch, GatheredRows, Load, Piece},
};

/// The largest score, and the sums that belong to it.
#[derive(Clone, Copy)]
pub struct Attended<A, const COLUMNS: usize> {
    /// The largest score; -inf if there is no number.
    pub max: A,
    /// The sum of exp(score - max). -0 if there are no elements: a sum with elements is never -0, even if all of their
    /// exponentials are 0.
    pub sum: A,
    /// The sums of exp(score - max) * value, a column each.
    pub values: [A; COLUMNS],
}

impl<A: FloatAccumulator, const COLUMNS: usize> Attended<A, COLUMNS> {
    /// Of no elements.
    #[inline(always)]
    pub fn nothing() -> Self {
        Self { max: A::NEG_INFINITY, sum: A::NOTHING, values: [A::NOTHING; COLUMNS] }
    }

    /// Of every 2^`ways_log2`-th element of a piece, beginning with element `way`.
    ///
    /// ```text
    /// for each batch of elements:
    ///     load their indices
    ///     load the scores of those that are not left out
    ///     load the rows that the indices name; for an element that is left out, row 0 instead
    ///     take the elements that are not left out
    /// ```
    #[inline(always)]
    pub unsafe fn of_piece<T: Float<Accumulator = A>, L: Load>(
        p: &GatherSegmentParams,
        piece: &Piece,
        way: u32,
        ways_log2: u32,
    ) -> Self {
        let mut attended = Self::nothing();
        let rows = GatheredRows::new::<T>(p, piece);
        let mut at = way;
        // A round takes the batch that the round before it has loaded: see `ByIndex::fold`.
        let mut batch = Batch::nothing();
        loop {
            attended.take::<T>(&batch);
            if at >= rows.length {
                return attended;
            }
            batch = rows.load::<T, L, COLUMNS>(p, at, ways_log2);
            at += (BATCH as u32) << ways_log2;
        }
    }

    /// Takes the elements of a batch that are there. NaN is no largest score, but makes the sums NaN.
    #[expect(clippy::needless_range_loop, reason = "with iterators, the sums lie in local memory")]
    #[inline(always)]
    fn take<T: Float<Accumulator = A>>(&mut self, batch: &Batch<T, COLUMNS>) {
        let Batch { values, weights: scores, are_there } = batch;
        let mut max = self.max;
        each(|i| {
            // Not `&&`: a branch would make the load of an element wait for those before it.
            if are_there[i] & (scores[i] > max) {
                max = scores[i];
            }
        });
        self.scale(rescaling(self.max, max));
        self.max = max;
        let shift = shift_of(max);
        each(|i| {
            let exponential = scores[i].sub(shift).exp();
            if are_there[i] {
                self.sum = self.sum.add(exponential);
            }
            for c in 0..COLUMNS {
                let product = exponential.mul(values[i][c].widen());
                if are_there[i] {
                    self.values[c] = self.values[c].add(product);
                }
            }
        });
    }

    #[inline(always)]
    fn scale(&mut self, factor: A) {
        self.sum = self.sum.mul(factor);
        for c in 0..COLUMNS {
            self.values[c] = self.values[c].mul(factor);
        }
    }

    /// Joins what is known of different elements of one segment. Both orders give the same bits.
    #[inline(always)]
    pub fn join(self, other: Self) -> Self {
        let is_other_high = other.max > self.max;
        let (low, high) = if is_other_high { (self.max, other.max) } else { (other.max, self.max) };
        let factor = rescaling(low, high);
        // Sums are not swapped but scaled by 1: ptxas would put them into local memory.
        let (mut joined, mut scaled) = (self, other);
        joined.max = high;
        joined.scale(if is_other_high { factor } else { A::ONE });
        scaled.scale(if is_other_high { A::ONE } else { factor });
        joined.sum = joined.sum.add(scaled.sum);
        for c in 0..COLUMNS {
            joined.values[c] = joined.values[c].add(scaled.values[c]);
        }
        joined
    }

    /// Joins what the lanes of a warp know whose numbers differ only in the bits from `lanes_log2` up to, but not
    /// including, `end_log2`. Each of these lanes gets the result. All lanes of the warp call it.
    #[inline(always)]
    pub unsafe fn join_lanes(self, lanes_log2: u32, end_log2: u32) -> Self {
        let mut joined = self;
        for log2 in lanes_log2..end_log2 {
            let shuffle = |number| unsafe { warp::shuffle_xor(FULL_MASK, number, 1 << log2, WARP_SIZE) };
            let mut other = Self { max: shuffle(joined.max), sum: shuffle(joined.sum), ..joined };
            for c in 0..COLUMNS {
                other.values[c] = shuffle(joined.values[c]);
            }
            joined = joined.join(other);
        }
        joined
    }

    /// Stores the result of a segment, in the columns from `column` on. `number` is the segment's, counted over all b.
    #[expect(clippy::needless_range_loop, reason = "with iterators, the sums lie in local memory")]
    #[inline(always)]
    pub unsafe fn store_result<T: Float<Accumulator = A>>(&self, p: &SegmentParams, number: u64, column: u64) {
        let share = A::ONE.div(self.sum);
        // 1 / -0.
        let is_empty = share.is_negative_infinity();
        let mut results = [T::ZERO; COLUMNS];
        for c in 0..COLUMNS {
            results[c] = if is_empty { T::ZERO } else { T::narrow(self.values[c].mul(share)) };
        }
        store_columns((p.out as *mut T).add((number * p.k + column) as usize), results);
    }
}

impl<A: FloatAccumulator> Attended<A, 1> {
    /// Joins what the first 2^`lanes_log2` lanes of all warps of a block know. The first 2^`lanes_log2` threads get the
    /// result. All threads of the block call it.
    #[inline(always)]
    pub unsafe fn join_warps(self, lanes_log2: u32) -> Self {
        let join = |left: [A; 3], right: [A; 3]| Self::from_numbers(left).join(Self::from_numbers(right)).numbers();
        Self::from_numbers(join_numbers_of_warps(self.numbers(), lanes_log2, join))
    }

    #[inline(always)]
    fn numbers(self) -> [A; 3] {
        [self.max, self.sum, self.values[0]]
    }

    #[inline(always)]
    fn from_numbers([max, sum, value]: [A; 3]) -> Self {
        Self { max, sum, values: [value] }
    }
}

/// What sums are multiplied by when a score at least as large takes the place of their largest one.
#[inline(always)]
fn rescaling<A: FloatAccumulator>(from: A, to: A) -> A {
    // The difference of equal infinities is NaN.
    if from == to {
        A::ONE
    } else {
        from.sub(to).exp()
    }
}
