//! Partial results of a segment, in registers: how they take elements, how they are joined, and what they become.

use core::ops::Add;

use kernel_params::SegmentParams;
use nvptx_arch::{
    hint,
    memory::Word,
    warp::{self, Shuffle, FULL_MASK, WARP_SIZE},
};

use super::columns::{LinePair, Load, Streamed};
use crate::{
    element::{Accumulator, Scalar},
    reduction::{Selection, Sum},
};

/// A position along the reduced axis, or a number of elements: relative to a piece of a segment (`u32`), or on the
/// whole axis (`u64`).
pub trait Position: Word + Ord + Shuffle + From<u32> + Into<u64> + Add<Output = Self> {
    /// Stands for no element.
    const NONE: Self;

    /// The position on the whole axis. A `u32` position is relative to `origin`.
    fn on_axis(self, origin: u64) -> u64;
}

impl Position for u32 {
    const NONE: Self = Self::MAX;

    #[inline(always)]
    fn on_axis(self, origin: u64) -> u64 {
        if self == Self::NONE {
            super::NONE
        } else {
            origin + self as u64
        }
    }
}

impl Position for u64 {
    const NONE: Self = super::NONE;

    #[inline(always)]
    fn on_axis(self, _: u64) -> u64 {
        self
    }
}

/// The partial result of some elements of a segment in one column.
#[derive(Clone, Copy)]
pub struct Partial<A, P> {
    /// The sum, or the best value.
    pub value: A,
    /// The position of the best value. [`Position::NONE`] if there are no elements, and for sums.
    pub position: P,
}

impl<A: Accumulator, P: Position> Partial<A, P> {
    /// The partial result of no elements.
    #[inline(always)]
    pub fn empty<R: Fold>() -> Self {
        Self { value: R::nothing(), position: P::NONE }
    }
}

/// The partial result of some elements of a segment in neighbouring columns.
#[derive(Clone, Copy)]
pub struct Folded<A, P, const COLUMNS: usize> {
    /// One partial result for each column.
    pub partials: [Partial<A, P>; COLUMNS],
    /// The number of elements.
    pub count: P,
}

impl<A: Accumulator, P: Position, const COLUMNS: usize> Folded<A, P, COLUMNS> {
    /// The partial result of no elements.
    #[inline(always)]
    pub fn empty<R: Fold>() -> Self {
        Self { partials: [Partial::empty::<R>(); COLUMNS], count: 0.into() }
    }

    /// Takes one more element if `is_there`. It lies behind all elements so far. It is not counted.
    #[inline(always)]
    pub fn take<T: Scalar<Accumulator = A>, R: Fold>(&mut self, values: &[T; COLUMNS], position: P, is_there: bool) {
        for (partial, value) in self.partials.iter_mut().zip(values) {
            R::take(partial, value.widen(), position, is_there);
        }
    }

    /// [`take`](Self::take) for values that are multiplied by a weight first.
    #[inline(always)]
    pub fn take_weighted<T: Scalar<Accumulator = A>, R: Fold>(
        &mut self,
        values: &[T; COLUMNS],
        weight: A,
        position: P,
        is_there: bool,
    ) {
        for (partial, value) in self.partials.iter_mut().zip(values) {
            R::take(partial, value.widen().mul(weight), position, is_there);
        }
    }

    /// Joins two partial results of one segment.
    #[inline(always)]
    pub fn join<R: Fold>(self, other: Self) -> Self {
        let mut both = self;
        both.count = both.count + other.count;
        for i in 0..COLUMNS {
            both.partials[i] = R::join(self.partials[i], other.partials[i]);
        }
        both
    }

    /// Joins the partial results of the lanes of a warp whose numbers differ only in the bits from `lanes_log2` up to,
    /// but not including, `end_log2`. Each of these lanes gets the result. All lanes of the warp call it.
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

/// A reduction of segments: it takes elements one by one, joins partial results, and makes elements of `out` and
/// `arg_out` of them.
pub trait Fold {
    /// Whether a partial result has a position: for `arg_out`.
    const HAS_POSITION: bool;
    /// Whether the result depends on the number of elements.
    const HAS_COUNT: bool;
    /// How the first kernel over a cut axis loads packs, if `src` is not larger than a few caches.
    type CutLoad: Load;

    /// The value of no elements.
    fn nothing<A: Accumulator>() -> A;

    /// Takes one more element if `is_there`. It lies behind all elements so far.
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, position: P, is_there: bool);

    /// Joins two partial results of one segment.
    fn join<A: Accumulator, P: Position>(left: Partial<A, P>, right: Partial<A, P>) -> Partial<A, P>;

    /// The values for `out`, and the positions for `arg_out`. A position is E where base wins or the segment is empty.
    ///
    /// `bases` are the values of base, or zeros without a base. `u32` positions in `folded` are relative to `origin`.
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        origin: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]);

    /// The partial result of the lane whose number is this lane's number xor `lanes`.
    ///
    /// # Safety
    /// All lanes of the warp call it.
    #[inline(always)]
    unsafe fn shuffle_xor<A: Accumulator, P: Position>(partial: Partial<A, P>, lanes: u32) -> Partial<A, P> {
        Partial {
            value: warp::shuffle_xor(FULL_MASK, partial.value, lanes, WARP_SIZE),
            position: if Self::HAS_POSITION {
                warp::shuffle_xor(FULL_MASK, partial.position, lanes, WARP_SIZE)
            } else {
                P::NONE
            },
        }
    }
}

impl Fold for Sum {
    const HAS_POSITION: bool = false;
    const HAS_COUNT: bool = true;
    type CutLoad = Streamed;

    #[inline(always)]
    fn nothing<A: Accumulator>() -> A {
        A::NOTHING
    }

    #[inline(always)]
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, _: P, is_there: bool) {
        if is_there {
            partial.value = partial.value.add(value);
        }
    }

    #[inline(always)]
    fn join<A: Accumulator, P: Position>(left: Partial<A, P>, right: Partial<A, P>) -> Partial<A, P> {
        Partial { value: left.value.add(right.value), position: P::NONE }
    }

    #[inline(always)]
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        _: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]) {
        let mut sums = [T::Accumulator::ZERO; COLUMNS];
        for i in 0..COLUMNS {
            sums[i] = bases[i].widen().add(folded.partials[i].value);
        }
        if p.is_mean != 0 {
            // A loop with one division, because a division is a hundred instructions to compile. Each round divides the
            // first sum and rotates the sums by one.
            let mut left = COLUMNS as u32;
            while left > 0 {
                let mean = sums[0].divide_by_count(folded.count.into().max(1));
                let mut rotated = [mean; COLUMNS];
                rotated[..COLUMNS - 1].copy_from_slice(&sums[1..]);
                sums = rotated;
                left = hint::opaque(left) - 1;
            }
        }
        let mut values = [T::ZERO; COLUMNS];
        for i in 0..COLUMNS {
            values[i] = T::narrow(sums[i]);
        }
        (values, [p.e; COLUMNS])
    }
}

/// The conditions use `&` and `|`, not `&&` and `||`. With branches, the compiler moves the load of an element under
/// its branch, where it waits for the elements before it.
impl<S: Selection> Fold for S {
    const HAS_POSITION: bool = true;
    const HAS_COUNT: bool = false;
    type CutLoad = LinePair;

    #[inline(always)]
    fn nothing<A: Accumulator>() -> A {
        S::nothing()
    }

    #[inline(always)]
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, position: P, is_there: bool) {
        let wins = if is_number(S::nothing::<A>()) {
            S::beats(value, partial.value) | (partial.position == P::NONE)
        } else {
            // No number is above, below or equal to NaN, so two comparisons are enough.
            let stays = S::beats(partial.value, value) | (partial.value == value);
            !stays & is_number(value)
        };
        if wins & is_there {
            *partial = Partial { value, position };
        }
    }

    #[inline(always)]
    fn join<A: Accumulator, P: Position>(left: Partial<A, P>, right: Partial<A, P>) -> Partial<A, P> {
        // Among equals the smaller position wins. Position::NONE is larger than every position.
        let is_first = (right.position < left.position) & !S::beats(left.value, right.value);
        if S::beats(right.value, left.value) | is_first {
            right
        } else {
            left
        }
    }

    #[inline(always)]
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        origin: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]) {
        let (mut values, mut positions) = (bases, [p.e; COLUMNS]);
        let has_base = p.base != 0;
        for i in 0..COLUMNS {
            let Partial { value, position } = folded.partials[i];
            let loses = has_base & !S::beats(value, bases[i].widen());
            if (position != P::NONE) & !loses {
                values[i] = T::narrow(value);
                positions[i] = position.on_axis(origin);
            }
        }
        (values, positions)
    }
}

/// Whether a value is not NaN.
#[inline(always)]
fn is_number<A: PartialOrd>(value: A) -> bool {
    value.partial_cmp(&value).is_some()
}
