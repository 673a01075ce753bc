//! Dynamic shared memory.

use core::arch::{asm, global_asm};

// One symbol for the whole program, which is how PTX gives the launch's bytes a name.
global_asm!(".extern .shared .align 16 .b8 nvptx_arch_dynamic_shared[];");

#[inline(always)]
pub fn dynamic() -> *mut u8 {
    let generic;
    // SAFETY: computes the generic address of the symbol above; touches no memory.
    unsafe {
        asm!(
            "mov.u64 {0}, nvptx_arch_dynamic_shared;",
            "cvta.shared.u64 {0}, {0};",
            out(reg64) generic,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    generic
}
