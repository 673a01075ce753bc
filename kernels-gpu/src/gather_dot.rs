//! gather_dot: a score for each pair of rows that two indices name. No row is stored.
//!
//! A group of lanes shares a score. Its lanes take the packs of the head in turn: lane l takes pack l, then pack l + L
//! of L lanes, and adds up their columns from left to right. Then the lanes join their sums, those of one half with
//! those of the other, until one is left. Neighbouring groups take neighbouring scores, so that a warp reads whole
//! rows.
//!
//! A lane takes the same columns whether it loads a pack at once or, where rows are not aligned, column by column. So
//! the bits of a score depend on the values, their type, and the number of columns of a head alone.

use kernel_params::{AxisRuns, GatherDotParams, PACK_BYTES};
use nvptx_arch::{
    hint::{self, opaque, opaque_bool},
    index::lane_id,
    memory,
    warp::{self, FULL_MASK, WARP_SIZE},
};

use crate::{
    composite::{Float, FloatAccumulator},
    element::{Accumulator, Index},
    items::Warps,
    segment::{load_readonly_columns, Kept},
};

/// What a column of a pair adds to its score.
pub trait Combine {
    /// Of the values of both rows.
    fn combine<A: FloatAccumulator>(a: A, b: A, negative_slope: A) -> A;
}

/// The product.
pub struct Product;

impl Combine for Product {
    #[inline(always)]
    fn combine<A: FloatAccumulator>(a: A, b: A, _negative_slope: A) -> A {
        a.mul(b)
    }
}

/// The leaky ReLU of the sum.
pub struct LeakySum;

impl Combine for LeakySum {
    #[inline(always)]
    fn combine<A: FloatAccumulator>(a: A, b: A, negative_slope: A) -> A {
        let sum = a.add(b);
        if sum > A::ZERO {
            sum
        } else {
            sum.mul(negative_slope)
        }
    }
}

/// ```text
/// for each row (b, e) of out, for each head: one group of lanes
///     from = src's row (b, index of (b, e)); to = other's row (b, other index of (b, e))
///     score = sum over the columns c of the head of weight[c] * combine(from[c], to[c])
///     out's element = score, or 0 if an index is bad
/// ```
#[inline(always)]
pub unsafe fn score<T: Float, I: Index, F: Combine, const COLUMNS: usize>(p: &GatherDotParams, warps: Warps) {
    const PACKED: usize = GatherDotParams::SCORES_OF_PACKS;
    const SINGLE: usize = GatherDotParams::SCORES_OF_COLUMNS;
    let start_of_row = |leading: &AxisRuns, b| b * leading.even_stride();
    if COLUMNS == 1 {
        score_tiles::<T, I, F, COLUMNS, SINGLE>(p, warps, start_of_row);
    } else {
        score_tiles::<T, I, F, COLUMNS, PACKED>(p, warps, start_of_row);
    }
}

/// [`score`] for indices that do not advance evenly over the leading axes. It is a kernel of its own, because it needs
/// more registers; a lane has one pair at a time, and loads it column by column.
#[inline(always)]
pub unsafe fn score_in_runs<T: Float, I: Index, F: Combine>(p: &GatherDotParams, warps: Warps) {
    score_tiles::<T, I, F, 1, { GatherDotParams::SCORES_OF_RUNS }>(p, warps, AxisRuns::offset_unrolled);
}

/// [`score`], of `SCORES` scores for each group of lanes at a time. `start_of_row` is where row b of an index starts.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "with iterators, the sums lie in local memory")]
unsafe fn score_tiles<T: Float, I: Index, F: Combine, const COLUMNS: usize, const SCORES: usize>(
    p: &GatherDotParams,
    warps: Warps,
    start_of_row: impl Fn(&AxisRuns, u64) -> u64,
) {
    let lanes = 1 << p.lanes_log2;
    let (group, lane) = (lane_id() >> p.lanes_log2, lane_id() & (lanes - 1));
    let groups = WARP_SIZE >> p.lanes_log2;
    let of_tile = groups * SCORES as u32;
    warps.for_each(p.tiles, |tile| {
        let first = tile * of_tile as u64;
        let count = (p.scores - first).min(of_tile as u64) as u32;
        let pairs = Pairs::<SCORES>::load::<T, I>(p, first, count, (group, groups), &start_of_row);
        let mut sums = pairs.sum_of_lane::<T, F, COLUMNS>(p, lane, lanes);
        let mut step = lanes / 2;
        while step > 0 {
            for i in 0..SCORES {
                sums[i] = sums[i].add(warp::shuffle_xor(FULL_MASK, sums[i], step, WARP_SIZE));
            }
            step /= 2;
        }
        if lane == 0 {
            for i in 0..SCORES {
                let score = group + i as u32 * groups;
                if score < count {
                    let value = if pairs.are_good[i] { T::narrow(sums[i]) } else { T::ZERO };
                    T::store((p.out as *mut T).add(first as usize + score as usize), value);
                }
            }
        }
    });
}

/// The pairs of rows of a group's scores, in the columns of a head.
struct Pairs<const SCORES: usize> {
    /// The addresses of the first column of the head in rows of `src`. Those of row 0 for a bad index.
    src: [u64; SCORES],
    /// Those in rows of `other`.
    other: [u64; SCORES],
    /// The heads.
    heads: [u32; SCORES],
    /// Whether both indices name a row.
    are_good: [bool; SCORES],
}

impl<const SCORES: usize> Pairs<SCORES> {
    /// Those of every `groups`-th score of a tile from `group` on. The tile has `count` scores from `first` on.
    #[inline(always)]
    unsafe fn load<T: Float, I: Index>(
        p: &GatherDotParams,
        first: u64,
        count: u32,
        (group, groups): (u32, u32),
        start_of_row: impl Fn(&AxisRuns, u64) -> u64,
    ) -> Self {
        let (first_row, first_head) = p.by_heads.divide(first);
        let (mut before, mut heads) = ([0; SCORES], [0; SCORES]);
        let (mut indices, mut other_indices) = ([0; SCORES], [0; SCORES]);
        for i in 0..SCORES {
            let score = group + i as u32 * groups;
            // Behind the end, the tile's first score again.
            let score = if score < count { score } else { 0 };
            let (rows, head) = p.by_heads_narrow.divide(first_head as u32 + score);
            let row = first_row + rows as u64;
            let (mut at, mut other_at) = (row, row);
            if p.b != 1 {
                // The compiler must not compute this outside the branch.
                hint::only_here();
                let (b, e) = p.by_e.divide(row);
                (at, other_at) = (start_of_row(&p.leading, b) + e, start_of_row(&p.other_leading, b) + e);
                before[i] = b;
            }
            heads[i] = head;
            indices[i] = memory::load_readonly((p.index as *const I).add(at as usize)).to_i64() as u64;
            other_indices[i] =
                memory::load_readonly((p.other_index as *const I).add(other_at as usize)).to_i64() as u64;
        }
        let mut pairs = Self { src: [0; SCORES], other: [0; SCORES], heads, are_good: [false; SCORES] };
        for i in 0..SCORES {
            // As an unsigned number, a negative index is above every row.
            let (has_row, has_other) = (indices[i] < p.rows, other_indices[i] < p.other_rows);
            let row = before[i] * p.rows + if has_row { indices[i] } else { 0 };
            let other_row = before[i] * p.other_rows + if has_other { other_indices[i] } else { 0 };
            let column = heads[i] as u64 * p.columns;
            pairs.src[i] = address::<T>(p.src, row * p.k + column);
            pairs.other[i] = address::<T>(p.other, other_row * p.k + column);
            pairs.are_good[i] = has_row & has_other;
        }
        pairs
    }

    /// What a lane adds to each score: the sum over its packs.
    #[inline(always)]
    unsafe fn sum_of_lane<T: Float, F: Combine, const COLUMNS: usize>(
        &self,
        p: &GatherDotParams,
        lane: u32,
        lanes: u32,
    ) -> [T::Accumulator; SCORES] {
        let pack_columns = (PACK_BYTES / size_of::<T>()) as u64;
        let mut sums = [T::Accumulator::ZERO; SCORES];
        let mut pack = lane as u64;
        while pack < p.packs {
            let first = pack * pack_columns;
            // A kernel of packs takes all columns of a pack at once.
            let count = if COLUMNS == 1 { (p.columns - first).min(pack_columns) as u32 } else { 1 };
            let mut next = 0;
            while next < count {
                // Otherwise the compiler keeps a second address of each row, which takes registers.
                self.add_columns::<T, F, COLUMNS>(p, first + opaque(next) as u64, &mut sums);
                next += 1;
            }
            pack += lanes as u64;
        }
        sums
    }

    /// Adds `COLUMNS` columns from `column` of the head on to the sums, from left to right.
    #[inline(always)]
    unsafe fn add_columns<T: Float, F: Combine, const COLUMNS: usize>(
        &self,
        p: &GatherDotParams,
        column: u64,
        sums: &mut [T::Accumulator; SCORES],
    ) {
        let negative_slope = T::Accumulator::from_f64(p.negative_slope);
        let (mut from, mut to) = ([[T::ZERO; COLUMNS]; SCORES], [[T::ZERO; COLUMNS]; SCORES]);
        for i in 0..SCORES {
            from[i] = load_readonly_columns::<T, Kept, COLUMNS>(address::<T>(self.src[i], column) as *const T);
            to[i] = load_readonly_columns::<T, Kept, COLUMNS>(address::<T>(self.other[i], column) as *const T);
        }
        for i in 0..SCORES {
            // Without `opaque`, the compiler keeps the first column of each head from the loop's start on.
            let weights = load_weights::<T, COLUMNS>(p, opaque(self.heads[i]) as u64 * p.columns + column);
            let mut sum = sums[i];
            for j in 0..COLUMNS {
                let combined = F::combine(from[i][j].widen(), to[i][j].widen(), negative_slope);
                sum = sum.add(combined.mul(weights[j]));
            }
            sums[i] = sum;
        }
    }
}

/// The weights of neighbouring columns of a row; 1 without weights.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "with iterators, the weights lie in local memory")]
unsafe fn load_weights<T: Float, const COLUMNS: usize>(p: &GatherDotParams, column: u64) -> [T::Accumulator; COLUMNS] {
    let mut weights = [T::Accumulator::ONE; COLUMNS];
    if opaque_bool(p.weight != 0) {
        if size_of::<T>() < size_of::<T::Accumulator>() && p.weights_are_float32 != 0 {
            // Of the types that are narrower than their sums, the sums are float32.
            let from = (p.weight as *const T::Accumulator).add(column as usize);
            for j in 0..COLUMNS {
                weights[j] = memory::load_readonly(from.add(j));
            }
        } else {
            let from = (p.weight as *const T).add(column as usize);
            let loaded = load_readonly_columns::<T, Kept, COLUMNS>(from);
            for j in 0..COLUMNS {
                weights[j] = loaded[j].widen();
            }
        }
    }
    weights
}

/// The address of an element.
#[inline(always)]
fn address<T>(first: u64, element: u64) -> u64 {
    first + element * size_of::<T>() as u64
}
