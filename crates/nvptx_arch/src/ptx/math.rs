//! The functions for which PTX has an instruction.

use core::arch::asm;

/// A function of registers alone, as one instruction.
macro_rules! instruction {
    ($(#[$doc:meta])* $name:ident($($argument:ident),+) -> $type:ty, $class:ident, $template:literal) => {
        $(#[$doc])*
        #[inline(always)]
        pub fn $name($($argument: $type),+) -> $type {
            let result: $type;
            // SAFETY: the instruction reads and writes registers alone.
            unsafe {
                asm!(
                    $template,
                    out($class) result,
                    $(in($class) $argument,)+
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            result
        }
    };
}

instruction!(
    /// 2 to the power of `x`, with a relative error of at most 2^-22 (PTX ISA, "ex2").
    exp2_f32(x) -> f32, reg32, "ex2.approx.f32 {}, {};"
);
instruction!(sqrt_f32(x) -> f32, reg32, "sqrt.rn.f32 {}, {};");
instruction!(sqrt_f64(x) -> f64, reg64, "sqrt.rn.f64 {}, {};");
instruction!(fma_f32(a, b, c) -> f32, reg32, "fma.rn.f32 {}, {}, {}, {};");
instruction!(fma_f64(a, b, c) -> f64, reg64, "fma.rn.f64 {}, {}, {}, {};");
