//! A piece of a segment, folded by lanes that share its elements and columns.

use kernel_params::SegmentParams;
use nvptx_arch::warp::{self, FULL_MASK, WARP_SIZE};

use super::{
    fold::{Fold, Partial, Position},
    indptr::Membership,
    store::load_readonly_columns,
};
use crate::element::{Accumulator, Scalar};

/// Elements whose loads are under way at once: with 16 bytes each, 1,024 threads on a multiprocessor keep 64 KiB
/// under way, more than the memory of any device so far has latency for.
const BATCH: usize = 4;

/// Neighbouring elements of one segment.
pub struct Piece {
    /// Position before the reduced axis.
    pub b: u64,
    /// The row of the index or indptr for it.
    pub row: u64,
    /// The segment.
    pub id: u64,
    /// The first element along the reduced axis.
    pub from: u64,
    /// How many elements.
    pub length: u32,
}

/// What some elements of a segment have come to, in some neighbouring columns.
#[derive(Clone, Copy)]
pub struct Folded<A, P, const COLUMNS: usize> {
    /// For each column.
    pub partials: [Partial<A, P>; COLUMNS],
    /// How many elements there were.
    pub count: u64,
}

impl<A: Accumulator, P: Position, const COLUMNS: usize> Folded<A, P, COLUMNS> {
    /// No elements.
    pub const EMPTY: Self = Self { partials: [Partial::EMPTY; COLUMNS], count: 0 };

    /// What both have come to together; they are of one segment.
    #[inline(always)]
    pub fn join<R: Fold>(self, other: Self) -> Self {
        let mut both = self;
        both.count += other.count;
        for i in 0..COLUMNS {
            both.partials[i] = R::join(self.partials[i], other.partials[i]);
        }
        both
    }

    /// Joins what the lanes of a warp have whose numbers differ in multiples of 2^`lanes_log2`, below 2^`end_log2`; each
    /// of them has the result. All lanes of the warp take part.
    #[inline(always)]
    pub unsafe fn join_lanes<R: Fold>(self, lanes_log2: u32, end_log2: u32, counts: bool) -> Self {
        let mut joined = self;
        for log2 in lanes_log2..end_log2 {
            let mut other = joined;
            for i in 0..COLUMNS {
                other.partials[i] = R::shuffle_xor(joined.partials[i], 1 << log2);
            }
            if counts {
                other.count = warp::shuffle_xor(FULL_MASK, joined.count, 1 << log2, WARP_SIZE);
            }
            joined = joined.join::<R>(other);
        }
        joined
    }
}

impl Piece {
    /// Folds every `ways`-th element from `way` on, in the columns from `column` on. Where there may be holes, elements
    /// whose index is another's are left out.
    ///
    /// ```text
    /// for each BATCH of those elements:
    ///     load them all, the first of them in place of those behind the end
    ///     take them one by one
    /// ```
    #[inline(always)]
    pub unsafe fn fold<T: Scalar, R: Fold, const COLUMNS: usize>(
        &self,
        p: &SegmentParams,
        column: u64,
        way: u32,
        ways: u32,
        has_holes: bool,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        let mut folded = Folded::EMPTY;
        let mut count = 0;
        let stride = ways as usize * p.k as usize;
        let mut src =
            (p.src as *const T).wrapping_add(((p.e * self.b + self.from + way as u64) * p.k + column) as usize);
        let membership = Membership::new(p, self.row, self.from);
        let mut at = way;
        while at < self.length {
            let mut batch = [[T::ZERO; COLUMNS]; BATCH];
            let mut from = src;
            for (i, values) in batch.iter_mut().enumerate() {
                *values = load_readonly_columns(if at + i as u32 * ways < self.length { from } else { src });
                from = from.wrapping_add(stride);
            }
            // Written out, because a loop that is not unrolled would need the batch in memory.
            macro_rules! take {
                ($($i:literal)+) => {$(
                    let element = at + $i * ways;
                    let is_taken = element < self.length && (!has_holes || membership.is_of(element, self.id));
                    if is_taken {
                        count += 1;
                        for (partial, value) in folded.partials.iter_mut().zip(&batch[$i]) {
                            R::take(partial, value.widen(), element);
                        }
                    }
                )+};
            }
            const { assert!(BATCH == 4) };
            take!(0 1 2 3);
            at += BATCH as u32 * ways;
            src = from;
        }
        folded.count = count as u64;
        folded
    }
}
