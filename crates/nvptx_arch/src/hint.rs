//! Hints to the compiler.

use crate::target::hint as target;

/// The same value, of which the compiler does not know that it is: for a condition within a loop that does not change, so
/// that there is no second copy of the loop for it, which would take registers and time to compile.
#[inline(always)]
#[must_use]
pub fn opaque(value: u32) -> u32 {
    target::opaque(value)
}

/// [`opaque`] for what is true or not.
#[inline(always)]
#[must_use]
pub fn opaque_bool(value: bool) -> bool {
    opaque(value.into()) != 0
}

/// Stands under a condition, and keeps there what follows: without it, the compiler reckons what has no effect beforehand, where it
/// thinks that cheaper than a branch.
#[inline(always)]
pub fn only_here() {
    target::only_here();
}
