//! How the elements of a segment become one, in registers.

use core::ops::Add;

use nvptx_arch::{
    memory::Word,
    warp::{self, Shuffle, FULL_MASK},
};

use crate::{
    element::Accumulator,
    reduction::{Selection, Sum},
};

/// A place along the reduced axis, or a number of elements: within a piece of a segment (`u32`), or on the whole axis (`u64`).
pub trait Position: Word + Ord + Shuffle + From<u32> + Into<u64> + Add<Output = Self> {
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
    #[inline(always)]
    pub fn empty<R: Fold>() -> Self {
        Self { value: R::nothing(), position: P::NONE }
    }
}

/// A reduction that takes elements one by one and joins partial results.
pub trait Fold {
    /// Whether a partial result has a position.
    const HAS_POSITION: bool;
    /// Whether the result depends on how many elements there were.
    const HAS_COUNT: bool;

    /// The value of no elements.
    fn nothing<A: Accumulator>() -> A;

    /// Takes one more element, which lies behind all so far, if it is there.
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, position: P, is_there: bool);

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
}

/// `&` and `|` instead of `&&` and `||`, which would be branches: what an element needs is loaded under its branch then, after
/// the elements before it have been waited for. (4 to 17 % slower, H100.)
impl<S: Selection> Fold for S {
    const HAS_POSITION: bool = true;
    const HAS_COUNT: bool = false;

    #[inline(always)]
    fn nothing<A: Accumulator>() -> A {
        S::nothing()
    }

    #[inline(always)]
    fn take<A: Accumulator, P: Position>(partial: &mut Partial<A, P>, value: A, position: P, is_there: bool) {
        let wins = if is_number(S::nothing::<A>()) {
            S::beats(value, partial.value) | (partial.position == P::NONE)
        } else {
            // No number is above or below that, or equal to it: two comparisons are enough.
            let stays = S::beats(partial.value, value) | (partial.value == value);
            !stays & is_number(value)
        };
        if wins & is_there {
            *partial = Partial { value, position };
        }
    }

    #[inline(always)]
    fn join<A: Accumulator, P: Position>(left: Partial<A, P>, right: Partial<A, P>) -> Partial<A, P> {
        // Among equals the first one wins; what is there lies before what is not.
        let is_first = (right.position < left.position) & !S::beats(left.value, right.value);
        if S::beats(right.value, left.value) | is_first {
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
