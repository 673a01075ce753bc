//! The reductions: how a value joins what is already there.

use nvptx_arch::atomic::AtomicAdd;

use crate::element::{Accumulator, Scalar};

/// A reduction that many threads apply to one place in global memory, in any order.
pub trait AtomicReduction {
    /// Joins `value` to what is at `to`, indivisibly.
    unsafe fn join<A: Accumulator>(to: *mut A, value: A);
    /// What a group starts from.
    fn identity<A: Accumulator>() -> A;
}

/// Addition.
pub struct Sum;

impl AtomicReduction for Sum {
    #[inline(always)]
    unsafe fn join<A: Accumulator>(to: *mut A, value: A) {
        AtomicAdd::reduce_add(to, value);
    }

    #[inline(always)]
    fn identity<A: Accumulator>() -> A {
        A::ZERO
    }
}

/// Multiplication.
pub struct Mul;

impl AtomicReduction for Mul {
    #[inline(always)]
    unsafe fn join<A: Accumulator>(to: *mut A, value: A) {
        A::join_product(to, value);
    }

    #[inline(always)]
    fn identity<A: Accumulator>() -> A {
        A::ONE
    }
}

/// Choosing the best element: what is better has the larger key, and the first among equals wins.
pub trait Selection {
    /// Turns ordered bits into a key; the low 32 bits of either stand for a narrow type's.
    fn key(ordered_bits: u64) -> u64;
    /// Whether `value` replaces `base`.
    fn beats<A: Accumulator>(value: A, base: A) -> bool;
    /// What beats no number, and stands for none: NaN for floats.
    fn nothing<A: Accumulator>() -> A;

    /// A candidate for types with narrow keys, as one word: the key above the complement of the position e,
    /// so that an integer maximum finds the best key and, among equal keys, the smallest position. None for a
    /// value that never wins. Never 0, which stands for "none": e is below 2^32 - 1.
    #[inline(always)]
    fn pack<T: Scalar>(value: T, e: u64) -> Option<u64> {
        let key = Self::key(value.ordered_bits()?);
        Some(key << 32 | !(e as u32) as u64)
    }

    /// The position in a packed candidate; None in the word 0.
    #[inline(always)]
    fn unpack(word: u64) -> Option<u64> {
        (word != 0).then_some(!(word as u32) as u64)
    }
}

/// The largest element.
pub struct Max;

impl Selection for Max {
    #[inline(always)]
    fn key(ordered_bits: u64) -> u64 {
        ordered_bits
    }

    #[inline(always)]
    fn beats<A: Accumulator>(value: A, base: A) -> bool {
        value > base
    }

    #[inline(always)]
    fn nothing<A: Accumulator>() -> A {
        A::BOTTOM
    }
}

/// The smallest element.
pub struct Min;

impl Selection for Min {
    #[inline(always)]
    fn key(ordered_bits: u64) -> u64 {
        !ordered_bits
    }

    #[inline(always)]
    fn beats<A: Accumulator>(value: A, base: A) -> bool {
        value < base
    }

    #[inline(always)]
    fn nothing<A: Accumulator>() -> A {
        A::TOP
    }
}
