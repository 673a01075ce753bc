//! What is known of some elements of a segment in one column: two numbers, how they are made of elements, how they are
//! joined, and what they become.

use kernel_params::CompositeCsrParams;

use crate::{
    batch::BATCH,
    composite::{shift_of, Float, FloatAccumulator},
    element::Accumulator,
};

/// A partial result: two numbers.
pub type Pair<A> = [A; 2];

/// The numbers of elements of two partial results that are joined. A statistic that is not counted does not use them.
#[derive(Clone, Copy)]
pub struct Counts<A> {
    left: A,
    /// The right number, divided by the sum of both.
    share_of_right: A,
    is_left_empty: bool,
    is_right_empty: bool,
}

impl<A: FloatAccumulator> Counts<A> {
    #[inline(always)]
    pub fn new<S: Statistic>(left: A, right: A) -> Self {
        if !S::IS_COUNTED {
            return Self { left, share_of_right: A::ZERO, is_left_empty: false, is_right_empty: false };
        }
        Self {
            left,
            share_of_right: right.div(left.add(right)),
            is_left_empty: left == A::ZERO,
            is_right_empty: right == A::ZERO,
        }
    }
}

/// What a composite computes of the elements of a segment.
pub trait Statistic {
    /// Whether joining depends on the numbers of elements.
    const IS_COUNTED: bool;
    /// Whether a result may have an element for each of src's.
    const MAY_KEEP_SHAPE: bool;

    /// The partial result of no elements.
    fn nothing<A: FloatAccumulator>() -> Pair<A>;

    /// The partial result of a batch of elements. The first one is there. `share` is 1 divided by the number of those
    /// that are there, if the statistic is counted.
    fn of_batch<A: FloatAccumulator>(
        p: &CompositeCsrParams,
        values: [A; BATCH],
        are_there: [bool; BATCH],
        share: A,
    ) -> Pair<A>;

    /// Joins the partial results of different elements of one segment.
    fn join<A: FloatAccumulator>(left: Pair<A>, right: Pair<A>, counts: &Counts<A>) -> Pair<A>;

    /// What the result is computed with, of the partial result of all `count` elements of a segment.
    fn settle<A: FloatAccumulator>(p: &CompositeCsrParams, whole: Pair<A>, count: u64) -> Pair<A>;

    /// The result of a segment, of what [`settle`](Self::settle) gave.
    fn result<T: Float>(settled: Pair<T::Accumulator>) -> T;
}

/// The maximum m of the elements, without NaNs, and the sum of exp(element - m). If there is no number, m is -inf, and 0
/// is subtracted in place of it.
pub struct Exponentials;

impl Statistic for Exponentials {
    const IS_COUNTED: bool = false;
    const MAY_KEEP_SHAPE: bool = true;

    #[inline(always)]
    fn nothing<A: FloatAccumulator>() -> Pair<A> {
        [A::NEG_INFINITY, A::ZERO]
    }

    #[inline(always)]
    fn of_batch<A: FloatAccumulator>(
        p: &CompositeCsrParams,
        values: [A; BATCH],
        are_there: [bool; BATCH],
        _: A,
    ) -> Pair<A> {
        let mut max = A::NEG_INFINITY;
        for i in 0..BATCH {
            // Not `&&`: a branch would make the load of an element wait for those before it.
            if are_there[i] & (values[i] > max) {
                max = values[i];
            }
        }
        let shift = shift_of(max);
        let skips_nan = p.operator == CompositeCsrParams::LOGSUMEXP;
        let mut sum = A::ZERO;
        for i in 0..BATCH {
            let shifted = values[i].sub(shift);
            let is_added = are_there[i] & !(skips_nan & shifted.is_nan());
            // The exponential of -inf is 0. A condition on the exponential would be a branch for each element.
            sum = sum.add(if is_added { shifted } else { A::NEG_INFINITY }.exp());
        }
        [max, sum]
    }

    /// Both orders give the same bits.
    #[inline(always)]
    fn join<A: FloatAccumulator>(left: Pair<A>, right: Pair<A>, _: &Counts<A>) -> Pair<A> {
        let [high, low] = if right[0] > left[0] { [right, left] } else { [left, right] };
        // The difference of equal infinities is NaN.
        let difference = if high[0] == low[0] { A::ZERO } else { low[0].sub(high[0]) };
        [high[0], high[1].add(low[1].mul(difference.exp()))]
    }

    /// The maximum, and what the exponentials are multiplied by for softmax, or the logarithm of the sum.
    #[inline(always)]
    fn settle<A: FloatAccumulator>(p: &CompositeCsrParams, [max, sum]: Pair<A>, _: u64) -> Pair<A> {
        if p.operator == CompositeCsrParams::SOFTMAX {
            [max, A::ONE.div(sum)]
        } else {
            [max, sum.add(A::from_f64(p.eps)).ln()]
        }
    }

    /// That of logsumexp. It is finite: NaN and -inf become 0, inf becomes the largest finite value.
    #[inline(always)]
    fn result<T: Float>([max, log]: Pair<T::Accumulator>) -> T {
        let value = T::narrow(log.add(max)).widen();
        T::narrow(if value.is_nan() || value.is_negative_infinity() {
            T::Accumulator::ZERO
        } else if value > T::LARGEST {
            T::LARGEST
        } else {
            value
        })
    }
}

/// The mean of the elements, and the sum of the squares of their differences to it. (T. F. Chan, G. H. Golub and R. J.
/// LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.)
pub struct Moments;

impl Statistic for Moments {
    const IS_COUNTED: bool = true;
    const MAY_KEEP_SHAPE: bool = false;

    #[inline(always)]
    fn nothing<A: FloatAccumulator>() -> Pair<A> {
        [A::ZERO; 2]
    }

    /// Differences to the first element come first: they are exactly 0 if all elements are equal.
    #[inline(always)]
    fn of_batch<A: FloatAccumulator>(
        _: &CompositeCsrParams,
        values: [A; BATCH],
        are_there: [bool; BATCH],
        share: A,
    ) -> Pair<A> {
        let mut sum = A::ZERO;
        for i in 1..BATCH {
            let difference = values[i].sub(values[0]);
            sum = sum.add(if are_there[i] { difference } else { A::ZERO });
        }
        let mean = values[0].add(sum.mul(share));
        let mut squares = A::ZERO;
        for i in 0..BATCH {
            let difference = values[i].sub(mean);
            squares = squares.add(if are_there[i] { difference.mul(difference) } else { A::ZERO });
        }
        [mean, squares]
    }

    #[inline(always)]
    fn join<A: FloatAccumulator>(left: Pair<A>, right: Pair<A>, counts: &Counts<A>) -> Pair<A> {
        let difference = right[0].sub(left[0]);
        let mean = left[0].add(difference.mul(counts.share_of_right));
        let between = difference.mul(difference).mul(counts.left.mul(counts.share_of_right));
        let squares = left[1].add(right[1]).add(between);
        // Without elements on one side, the square of the other mean may overflow.
        if counts.is_right_empty {
            left
        } else if counts.is_left_empty {
            right
        } else {
            [mean, squares]
        }
    }

    /// The result.
    #[inline(always)]
    fn settle<A: FloatAccumulator>(p: &CompositeCsrParams, [_, squares]: Pair<A>, count: u64) -> Pair<A> {
        let divisor = A::from_count((count.max(1) - p.lost as u64).max(1)).add(A::from_f64(p.eps));
        [squares.div(divisor).sqrt(), A::ZERO]
    }

    #[inline(always)]
    fn result<T: Float>([std, _]: Pair<T::Accumulator>) -> T {
        T::narrow(std)
    }
}
