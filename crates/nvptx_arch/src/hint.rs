//! Hints to the compiler.

use crate::target::hint as target;

/// Returns `value`, but hides from the compiler that it does.
///
/// For a condition that stays the same within a loop: otherwise the compiler makes a second copy of the loop for it,
/// which takes registers, and time to compile.
#[inline(always)]
#[must_use]
pub fn opaque(value: u32) -> u32 {
    target::opaque(value)
}

/// [`opaque`] for a bool.
#[inline(always)]
#[must_use]
pub fn opaque_bool(value: bool) -> bool {
    opaque(value.into()) != 0
}

/// Returns `value`, in a way that the assembler (ptxas) cannot compute before all of `loaded` are there.
///
/// What depends on the answer stands behind the loads. Otherwise ptxas may order loads and their uses one after the other,
/// to save registers, and each load waits for the one before it.
#[inline(always)]
#[must_use]
pub fn after_loads<const N: usize>(value: bool, loaded: [u32; N]) -> bool {
    let mut word = 0;
    for next in loaded {
        word ^= next;
    }
    // Always even. Neither compiler sees that: LLVM does not know that both factors are the same.
    let product = word.wrapping_mul(opaque(word)).wrapping_add(word);
    value & (product & 1 == 0)
}

/// Keeps the code after it under the condition that this call stands under.
///
/// Otherwise the compiler may compute values without side effects before the condition, if it thinks that cheaper than
/// a branch.
#[inline(always)]
pub fn only_here() {
    target::only_here();
}
