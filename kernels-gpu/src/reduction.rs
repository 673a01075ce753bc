//! The reductions: how a value joins what is already there.

use nvptx_arch::atomic;

use crate::element::Scalar;

/// A reduction that many threads apply to one place in global memory, in any order.
pub trait AtomicReduction<T> {
    /// Joins `value` to what is at `to`, indivisibly.
    unsafe fn join(to: *mut T, value: T);
}

/// Addition.
pub struct Sum;

impl AtomicReduction<f32> for Sum {
    #[inline(always)]
    unsafe fn join(to: *mut f32, value: f32) {
        atomic::AtomicAdd::reduce_add(to, value);
    }
}

/// Multiplication: there is no instruction for it, so compare and exchange until nobody came between.
pub struct Mul;

impl AtomicReduction<f32> for Mul {
    #[inline(always)]
    unsafe fn join(to: *mut f32, value: f32) {
        let bits = to as *mut u32;
        let mut seen = atomic::load_relaxed(bits);
        loop {
            let product = (f32::from_bits(seen) * value).to_bits();
            let found = atomic::AtomicCas::compare_exchange(bits, seen, product);
            if found == seen {
                return;
            }
            seen = found;
        }
    }
}

/// Choosing the best element, where what is better has the larger key, and the first among equals.
///
/// A candidate is one 64-bit word, the key above the position's complement, so that an integer maximum
/// finds the best key and, among equal keys, the smallest position. The word 0 stands for "none".
pub trait Selection<T: Scalar> {
    /// The key; None for a value that never wins.
    fn key(value: T) -> Option<u32>;
    /// Whether `value` replaces `base`.
    fn beats(value: T, base: T) -> bool;

    /// The word for an element at position `e`, which is below 2^32.
    #[inline(always)]
    fn pack(value: T, e: u64) -> Option<u64> {
        let key = Self::key(value)?;
        Some((key as u64) << 32 | !(e as u32) as u64)
    }

    /// The position in a word; None in the word 0.
    #[inline(always)]
    fn unpack(word: u64) -> Option<u64> {
        (word != 0).then_some(!(word as u32) as u64)
    }
}

/// The largest element.
pub struct Max;

impl<T: Scalar> Selection<T> for Max {
    #[inline(always)]
    fn key(value: T) -> Option<u32> {
        value.ordered_bits()
    }

    #[inline(always)]
    fn beats(value: T, base: T) -> bool {
        value > base
    }
}

/// The smallest element.
pub struct Min;

impl<T: Scalar> Selection<T> for Min {
    #[inline(always)]
    fn key(value: T) -> Option<u32> {
        value.ordered_bits().map(|bits| !bits)
    }

    #[inline(always)]
    fn beats(value: T, base: T) -> bool {
        value < base
    }
}
