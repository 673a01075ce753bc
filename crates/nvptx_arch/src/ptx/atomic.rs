//! Atomic read-modify-writes.
//!
//! None of these `asm!` is `nomem` or `readonly`: other threads see the change, and LLVM must keep each where it stands
//! between this thread's other accesses.

use core::arch::asm;

use crate::atomic::{AtomicAdd, AtomicCas, AtomicMinMax};

/// Keeps the traits to the types that have the instructions.
pub trait Sealed {}

macro_rules! sealed {
    ($($word:ty)*) => {$(impl Sealed for $word {})*};
}

sealed!(u32 i32 u64 i64 f32 f64);

/// `atom`: changes `$to` and returns the old value.
macro_rules! atom {
    ($operation:expr, $class:ident, $to:ident $(, $operand:expr)*) => {{
        let old;
        // SAFETY: the caller vouches for the address.
        unsafe {
            asm!(
                concat!("atom.relaxed.gpu.global.", $operation, " {}, [{}]", $(atom!(@ $operand),)* ";"),
                out($class) old,
                in(reg64) $to,
                $(in($class) $operand,)*
                options(nostack, preserves_flags),
            );
        }
        old
    }};
    (@ $operand:expr) => { ", {}" };
}

/// `red`: changes `$to` and returns nothing.
macro_rules! red {
    ($operation:literal, $class:ident, $to:ident, $operand:expr) => {
        // SAFETY: the caller vouches for the address.
        unsafe {
            asm!(
                concat!("red.relaxed.gpu.global.", $operation, " [{}], {};"),
                in(reg64) $to,
                in($class) $operand,
                options(nostack, preserves_flags),
            );
        }
    };
}

macro_rules! add {
    ($($word:ty: $operation:literal, $class:ident;)*) => {$(
        impl AtomicAdd for $word {
            #[inline(always)]
            unsafe fn fetch_add(to: *mut Self, value: Self) -> Self {
                atom!($operation, $class, to, value)
            }
            #[inline(always)]
            unsafe fn reduce_add(to: *mut Self, value: Self) {
                red!($operation, $class, to, value)
            }
        }
    )*};
}

// Two's complement adds signed and unsigned alike, and PTX has no `add.s64`.
add! {
    f32: "add.f32", reg32;
    f64: "add.f64", reg64;
    u32: "add.u32", reg32;
    i32: "add.u32", reg32;
    u64: "add.u64", reg64;
    i64: "add.u64", reg64;
}

macro_rules! min_max {
    ($($word:ty: $min:literal, $max:literal, $class:ident;)*) => {$(
        impl AtomicMinMax for $word {
            #[inline(always)]
            unsafe fn fetch_max(to: *mut Self, value: Self) -> Self {
                atom!($max, $class, to, value)
            }
            #[inline(always)]
            unsafe fn fetch_min(to: *mut Self, value: Self) -> Self {
                atom!($min, $class, to, value)
            }
            #[inline(always)]
            unsafe fn reduce_max(to: *mut Self, value: Self) {
                red!($max, $class, to, value)
            }
            #[inline(always)]
            unsafe fn reduce_min(to: *mut Self, value: Self) {
                red!($min, $class, to, value)
            }
        }
    )*};
}

min_max! {
    u32: "min.u32", "max.u32", reg32;
    i32: "min.s32", "max.s32", reg32;
    u64: "min.u64", "max.u64", reg64;
    i64: "min.s64", "max.s64", reg64;
}

macro_rules! cas {
    ($($word:ty: $bits:literal, $class:ident;)*) => {$(
        impl AtomicCas for $word {
            #[inline(always)]
            unsafe fn compare_exchange(to: *mut Self, current: Self, new: Self) -> Self {
                atom!(concat!("cas.", $bits), $class, to, current, new)
            }
            #[inline(always)]
            unsafe fn exchange(to: *mut Self, new: Self) -> Self {
                atom!(concat!("exch.", $bits), $class, to, new)
            }
            #[inline(always)]
            unsafe fn load_relaxed(from: *const Self) -> Self {
                let value;
                // SAFETY: the caller vouches for the address. Not `pure`: a loop that waits for another thread's change
                // must load every time.
                unsafe {
                    asm!(
                        concat!("ld.relaxed.gpu.global.", $bits, " {}, [{}];"),
                        out($class) value,
                        in(reg64) from,
                        options(readonly, nostack, preserves_flags),
                    );
                }
                value
            }
        }
    )*};
}

cas! {
    u32: "b32", reg32;
    u64: "b64", reg64;
}

/// # Safety
///
/// As [`crate::atomic::reduce_add_f32x4`].
#[cfg(nvptx_sm_90)]
#[inline(always)]
pub unsafe fn reduce_add_f32x4(to: *mut f32, [a, b, c, d]: [f32; 4]) {
    // SAFETY: the caller vouches for the address.
    unsafe {
        asm!(
            "red.relaxed.gpu.global.add.v4.f32 [{}], {{{}, {}, {}, {}}};",
            in(reg64) to,
            in(reg32) a,
            in(reg32) b,
            in(reg32) c,
            in(reg32) d,
            options(nostack, preserves_flags),
        );
    }
}

/// # Safety
///
/// As [`crate::atomic::reduce_add_f32x4`].
#[cfg(not(nvptx_sm_90))]
#[inline(always)]
pub unsafe fn reduce_add_f32x4(to: *mut f32, values: [f32; 4]) {
    for (lane, value) in values.into_iter().enumerate() {
        // SAFETY: the caller vouches for all four addresses.
        unsafe { f32::reduce_add(to.add(lane), value) }
    }
}

/// # Safety
///
/// As [`crate::atomic::shared_reduce_add_f32`].
#[inline(always)]
pub unsafe fn shared_reduce_add_f32(to: *mut f32, value: f32) {
    // SAFETY: the caller vouches for the address.
    unsafe {
        asm!(
            "{{ .reg .u64 shared; cvta.to.shared.u64 shared, {}; red.relaxed.cta.shared.add.f32 [shared], {}; }}",
            in(reg64) to,
            in(reg32) value,
            options(nostack, preserves_flags),
        );
    }
}

/// # Safety
///
/// As [`crate::atomic::shared_fetch_add_u32`].
#[inline(always)]
pub unsafe fn shared_fetch_add_u32(to: *mut u32, value: u32) -> u32 {
    let before;
    // SAFETY: the caller vouches for the address.
    unsafe {
        asm!(
            "{{ .reg .u64 shared; cvta.to.shared.u64 shared, {}; atom.relaxed.cta.shared.add.u32 {}, [shared], {}; }}",
            in(reg64) to,
            out(reg32) before,
            in(reg32) value,
            options(nostack, preserves_flags),
        );
    }
    before
}
