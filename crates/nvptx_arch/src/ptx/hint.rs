//! Hints to the compiler.

use core::arch::asm;

#[inline(always)]
pub fn opaque(value: u32) -> u32 {
    let same;
    // SAFETY: copies a register. Not `pure`, so it is not taken out of a loop.
    unsafe { asm!("mov.b32 {}, {};", out(reg32) same, in(reg32) value, options(nomem, nostack, preserves_flags)) };
    same
}

#[inline(always)]
pub fn only_here() {
    // SAFETY: does nothing. Not `pure`, so it happens if and only if control comes here.
    unsafe { asm!("", options(nomem, nostack, preserves_flags)) };
}
