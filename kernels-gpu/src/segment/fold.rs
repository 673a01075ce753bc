//! How the elements of a segment become one, in registers.

use nvptx_arch::{
    memory::Word,
    warp::{self, Shuffle, FULL_MASK},
};

use crate::{
    element::Accumulator,
    reduction::{Selection, Sum},
};

/// A place along the reduced axis: within a piece of a segment (`u32`), or on the whole axis (`u64`).
pub trait Position: Word + Ord + Shuffle {
    /// No element yet.
    const NONE: Self;

    /// The place counted from the start of the axis, where this one is counted from `origin`.
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

/// What some elements of a segment have come to, in one column.
#[derive(Clone, Copy)]
pub struct Partial<A, P> {
    /// Their sum, or the best of them.
    pub value: A,
    /// Where the best one is; [`Position::NONE`] where there is none, and for sums.
    pub position: P,
}

impl<A: Accumulator, P: Position> Partial<A, P> {
    /// No elements.
    pub const EMPTY: Self = Self { value: A::NOTHING, position: P::NONE };
}

/// A reduction that takes elements one by one and joins partial results.
pub trait Fold {
    /// Whether a partial result has a position.
    const HAS_POSITION: bool;
    /// Whether the result depends on how many elements there were.
    const HAS_COUNT: bool;

    /// Takes one more element, which lies behind all so far.
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, position: P);

    /// Joins two partial results of the same segment, the second one's elements all lying behind the first one's.
    fn join_next<A: Accumulator, P: Position>(first: Partial<A, P>, next: Partial<A, P>) -> Partial<A, P>;

    /// Joins two partial results of the same segment.
    fn join<A: Accumulator, P: Position>(left: Partial<A, P>, right: Partial<A, P>) -> Partial<A, P>;

    /// The partial result of the lane whose number differs in the bits of `lanes`.
    ///
    /// # Safety
    /// Every lane of the warp takes part.
    #[inline(always)]
    unsafe fn shuffle_xor<A: Accumulator, P: Position>(partial: Partial<A, P>, lanes: u32) -> Partial<A, P> {
        Partial {
            value: warp::shuffle_xor(FULL_MASK, partial.value, lanes, warp::WARP_SIZE),
            position: if Self::HAS_POSITION {
                warp::shuffle_xor(FULL_MASK, partial.position, lanes, warp::WARP_SIZE)
            } else {
                P::NONE
            },
        }
    }
}

impl Fold for Sum {
    const HAS_POSITION: bool = false;
    const HAS_COUNT: bool = true;

    #[inline(always)]
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, _: P) {
        partial.value = partial.value.add(value);
    }

    #[inline(always)]
    fn join_next<A: Accumulator, P: Position>(first: Partial<A, P>, next: Partial<A, P>) -> Partial<A, P> {
        Self::join(first, next)
    }

    #[inline(always)]
    fn join<A: Accumulator, P: Position>(left: Partial<A, P>, right: Partial<A, P>) -> Partial<A, P> {
        Partial { value: left.value.add(right.value), position: P::NONE }
    }
}

impl<S: Selection> Fold for S {
    const HAS_POSITION: bool = true;
    const HAS_COUNT: bool = false;

    #[inline(always)]
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, position: P) {
        let is_first_number = partial.position == P::NONE && is_number(value);
        if is_first_number || S::beats(value, partial.value) {
            *partial = Partial { value, position };
        }
    }

    #[inline(always)]
    fn join_next<A: Accumulator, P: Position>(first: Partial<A, P>, next: Partial<A, P>) -> Partial<A, P> {
        let is_first_number = first.position == P::NONE;
        if next.position != P::NONE && (is_first_number || S::beats(next.value, first.value)) {
            next
        } else {
            first
        }
    }

    #[inline(always)]
    fn join<A: Accumulator, P: Position>(left: Partial<A, P>, right: Partial<A, P>) -> Partial<A, P> {
        if left.position == P::NONE {
            return right;
        }
        let is_tie = !S::beats(left.value, right.value) && right.position < left.position;
        if right.position != P::NONE && (S::beats(right.value, left.value) || is_tie) {
            right
        } else {
            left
        }
    }
}

/// Whether a value is ordered: anything but NaN.
#[inline(always)]
fn is_number<A: PartialOrd>(value: A) -> bool {
    value.partial_cmp(&value).is_some()
}
