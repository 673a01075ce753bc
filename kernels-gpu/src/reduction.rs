//! The reductions, as generic arguments of the kernels.
//!
//! A reduction is a type without values. [`AtomicReduction`] says how scatter joins elements, [`Selection`] how scatter
//! and segments choose one element, [`Fold`](crate::segment::Fold) how segments take elements one by one.

use nvptx_arch::atomic::AtomicAdd;

use crate::element::{Accumulator, Scalar};

/// A reduction that many threads apply to one place in global memory, in any order, by atomics.
pub trait AtomicReduction {
    /// Joins `value` to the value at `to`, atomically.
    unsafe fn join<A: Accumulator>(to: *mut A, value: A);
    /// The value that a group starts from.
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

/// A reduction that chooses the best element of a group: the one with the largest key. Among equal keys, the element
/// with the smallest position wins.
pub trait Selection {
    /// Turns a value's ordered bits into its key. For a type of up to 32 bits, only the low 32 bits of both count.
    fn key(ordered_bits: u64) -> u64;
    /// Whether `value` is better than `base`. False if one of them is NaN.
    fn beats<A: Accumulator>(value: A, base: A) -> bool;
    /// A value that beats no number, and that stands for "no element": NaN for floats, the worst integer for integers.
    fn nothing<A: Accumulator>() -> A;

    /// A key and a position e in one u64, for types whose key has 32 bits: the key in the high half, the complement of
    /// e in the low half. The integer maximum of such candidates has the best key and, among equal keys, the smallest
    /// position.
    ///
    /// None for NaN, which never wins. The result is never 0, which stands for "no candidate", because e is below 2^32
    /// - 1.
    #[inline(always)]
    fn pack<T: Scalar>(value: T, e: u64) -> Option<u64> {
        const { assert!(size_of::<T>() <= size_of::<u32>(), "the key of a wide type leaves no room for a position") };
        let key = Self::key(value.ordered_bits()?);
        Some(key << 32 | !(e as u32) as u64)
    }

    /// The position in a candidate of [`pack`](Self::pack). None for 0.
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
