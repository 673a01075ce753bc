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

/// Keeps the code after it under the condition that this call stands under.
///
/// Otherwise the compiler may compute values without side effects before the condition, if it thinks that cheaper than
/// a branch.
#[inline(always)]
pub fn only_here() {
    target::only_here();
}
