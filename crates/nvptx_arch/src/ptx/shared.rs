//! Dynamic shared memory, and accesses by addresses of shared memory.

use core::arch::{asm, global_asm};

use super::memory::WordAccess;

/// An address in shared memory.
pub type Address = u32;

#[inline(always)]
pub fn dynamic_address() -> Address {
    let address;
    // SAFETY: computes the address of the symbol below; touches no memory.
    unsafe {
        asm!(
            "mov.u32 {0}, nvptx_arch_dynamic_shared;",
            out(reg32) address,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    address
}

#[inline(always)]
pub fn add(address: Address, bytes: u32) -> Address {
    address.wrapping_add(bytes)
}

/// # Safety
///
/// As [`crate::shared::SharedPointer::load`].
#[inline(always)]
pub unsafe fn load<T: WordAccess>(from: Address) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::load_shared(from) }
}

/// # Safety
///
/// As [`crate::shared::SharedPointer::store`].
#[inline(always)]
pub unsafe fn store<T: WordAccess>(to: Address, value: T) {
    // SAFETY: the caller's promise.
    unsafe { value.store_shared(to) }
}

/// # Safety
///
/// As [`crate::shared::SharedPointer::fetch_add`].
#[inline(always)]
pub unsafe fn fetch_add(to: Address, value: u32) -> u32 {
    let before;
    // SAFETY: the caller vouches for the address.
    unsafe {
        asm!(
            "atom.relaxed.cta.shared.add.u32 {}, [{}], {};",
            out(reg32) before,
            in(reg32) to,
            in(reg32) value,
            options(nostack, preserves_flags),
        );
    }
    before
}

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
