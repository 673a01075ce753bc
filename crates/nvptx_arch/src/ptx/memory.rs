//! Loads and stores.
//!
//! Plain accesses are ordinary reads and writes through pointers, because LLVM knows best how to place and widen them,
//! and which of them are global. The read-only loads are `asm!` with `readonly`, but not `pure`, so that each stays
//! where it is written. If a value is used under a condition only, LLVM would move its load behind the condition, where
//! it waits for the loads before it.

use core::arch::asm;
use core::simd::{Simd, SimdElement};

/// A word's own instructions.
pub trait WordAccess: Sized {
    /// # Safety
    ///
    /// As [`crate::memory::load_readonly`].
    unsafe fn load_readonly(from: *const Self) -> Self;

    /// # Safety
    ///
    /// As [`crate::memory::load_streaming`].
    unsafe fn load_streaming(from: *const Self) -> Self;

    /// # Safety
    ///
    /// As [`crate::memory::load_prefetching_256`].
    unsafe fn load_prefetching_256(from: *const Self) -> Self;

    /// # Safety
    ///
    /// As [`crate::shared::SharedPointer::load`].
    unsafe fn load_shared(from: u32) -> Self;

    /// # Safety
    ///
    /// As [`crate::shared::SharedPointer::store`].
    unsafe fn store_shared(self, to: u32);
}

macro_rules! words {
    ($($word:ty: $kind:literal, $register:ident in $class:ident, $bits:ty;)*) => {$(
        impl WordAccess for $word {
            words! { load_readonly, "ld.global.nc.", $word, $kind, $register, $class, $bits }
            words! { load_streaming, "ld.global.cs.nc.", $word, $kind, $register, $class, $bits }
            #[cfg(nvptx_sm_90)]
            words! { load_prefetching_256, "ld.global.nc.L2::256B.", $word, $kind, $register, $class, $bits }
            #[cfg(not(nvptx_sm_90))]
            words! { load_prefetching_256, "ld.global.nc.", $word, $kind, $register, $class, $bits }

            #[inline(always)]
            unsafe fn load_shared(from: u32) -> Self {
                let bits: $register;
                // SAFETY: the caller vouches for the address; the instruction writes nothing but its register.
                unsafe {
                    asm!(
                        concat!("ld.shared.", $kind, " {}, [{}];"),
                        out($class) bits,
                        in(reg32) from,
                        options(readonly, nostack, preserves_flags),
                    );
                }
                <$word>::from_ne_bytes((bits as $bits).to_ne_bytes())
            }

            #[inline(always)]
            unsafe fn store_shared(self, to: u32) {
                let bits = <$bits>::from_ne_bytes(self.to_ne_bytes()) as $register;
                // SAFETY: the caller vouches for the address.
                unsafe {
                    asm!(
                        concat!("st.shared.", $kind, " [{}], {};"),
                        in(reg32) to,
                        in($class) bits,
                        options(nostack, preserves_flags),
                    );
                }
            }
        }
    )*};
    ($load:ident, $instruction:literal, $word:ty, $kind:literal, $register:ident, $class:ident, $bits:ty) => {
        #[inline(always)]
        unsafe fn $load(from: *const Self) -> Self {
            let bits: $register;
            // SAFETY: the caller vouches for the address; the instruction writes nothing but its register.
            unsafe {
                asm!(
                    concat!($instruction, $kind, " {}, [{}];"),
                    out($class) bits,
                    in(reg64) from,
                    options(readonly, nostack, preserves_flags),
                );
            }
            <$word>::from_ne_bytes((bits as $bits).to_ne_bytes())
        }
    };
}

// A register is at least 32 bits; what is narrower comes zero-extended.
words! {
    u8: "u8", u32 in reg32, u8;
    u16: "u16", u32 in reg32, u16;
    u32: "b32", u32 in reg32, u32;
    i32: "b32", u32 in reg32, u32;
    f32: "b32", u32 in reg32, u32;
    u64: "b64", u64 in reg64, u64;
    i64: "b64", u64 in reg64, u64;
    f64: "b64", u64 in reg64, u64;
}

/// A word that vectors are made of.
pub trait LaneAccess: WordAccess + SimdElement {
    /// The value whose bits these are.
    fn from_bits(bits: u32) -> Self;

    /// Its bits.
    fn into_bits(self) -> u32;
}

macro_rules! lanes {
    ($($lane:ty)*) => {$(
        impl LaneAccess for $lane {
            #[inline(always)]
            fn from_bits(bits: u32) -> Self {
                <$lane>::from_ne_bytes(bits.to_ne_bytes())
            }

            #[inline(always)]
            fn into_bits(self) -> u32 {
                u32::from_ne_bytes(self.to_ne_bytes())
            }
        }
    )*};
}

lanes!(f32 u32 i32);

/// # Safety
///
/// As [`crate::memory::load`].
#[inline(always)]
pub unsafe fn load<T: Copy>(from: *const T) -> T {
    // SAFETY: the caller's promise.
    unsafe { from.read() }
}

/// # Safety
///
/// As [`crate::memory::store`].
#[inline(always)]
pub unsafe fn store<T: Copy>(to: *mut T, value: T) {
    // SAFETY: the caller's promise.
    unsafe { to.write(value) }
}

/// # Safety
///
/// As [`crate::memory::load_readonly`].
#[inline(always)]
pub unsafe fn load_readonly<T: WordAccess>(from: *const T) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::load_readonly(from) }
}

/// # Safety
///
/// As [`crate::memory::load_streaming`].
#[inline(always)]
pub unsafe fn load_streaming<T: WordAccess>(from: *const T) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::load_streaming(from) }
}

/// # Safety
///
/// As [`crate::memory::load_prefetching_256`].
#[inline(always)]
pub unsafe fn load_prefetching_256<T: WordAccess>(from: *const T) -> T {
    // SAFETY: the caller's promise.
    unsafe { T::load_prefetching_256(from) }
}

/// # Safety
///
/// As [`crate::memory::load_x2`].
#[inline(always)]
pub unsafe fn load_x2<T: LaneAccess>(from: *const T) -> [T; 2] {
    // SAFETY: the caller's promise; a vector is aligned to its size, as `from` is.
    unsafe { from.cast::<Simd<T, 2>>().read() }.to_array()
}

/// # Safety
///
/// As [`crate::memory::load_x4`].
#[inline(always)]
pub unsafe fn load_x4<T: LaneAccess>(from: *const T) -> [T; 4] {
    // SAFETY: the caller's promise; a vector is aligned to its size, as `from` is.
    unsafe { from.cast::<Simd<T, 4>>().read() }.to_array()
}

/// # Safety
///
/// As [`crate::memory::store_x2`].
#[inline(always)]
pub unsafe fn store_x2<T: LaneAccess>(to: *mut T, values: [T; 2]) {
    // SAFETY: the caller's promise; a vector is aligned to its size, as `to` is.
    unsafe { to.cast::<Simd<T, 2>>().write(Simd::from_array(values)) }
}

/// # Safety
///
/// As [`crate::memory::store_x4`].
#[inline(always)]
pub unsafe fn store_x4<T: LaneAccess>(to: *mut T, values: [T; 4]) {
    // SAFETY: the caller's promise; a vector is aligned to its size, as `to` is.
    unsafe { to.cast::<Simd<T, 4>>().write(Simd::from_array(values)) }
}

/// # Safety
///
/// As [`crate::memory::store_streaming_x4`].
#[inline(always)]
pub unsafe fn store_streaming_x4<T: LaneAccess>(to: *mut T, values: [T; 4]) {
    let [a, b, c, d] = values.map(T::into_bits);
    // SAFETY: the caller vouches for the address.
    unsafe {
        asm!(
            "st.global.cs.v4.b32 [{}], {{{}, {}, {}, {}}};",
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
/// As [`crate::memory::prefetch`].
#[inline(always)]
pub unsafe fn prefetch<T: Copy>(from: *const T) {
    // SAFETY: the caller vouches for the address; the instruction changes nothing that can be seen.
    unsafe {
        asm!("prefetch.global.L2 [{}];", in(reg64) from, options(readonly, nostack, preserves_flags));
    }
}

macro_rules! vector_loads {
    (x2 $($name:ident: $instruction:literal;)*) => {$(
        /// # Safety
        ///
        /// As its namesake in [`crate::memory`].
        #[inline(always)]
        pub unsafe fn $name<T: LaneAccess>(from: *const T) -> [T; 2] {
            let (a, b): (u32, u32);
            // SAFETY: the caller vouches for the address; the instruction writes nothing but its registers.
            unsafe {
                asm!(
                    concat!($instruction, ".v2.b32 {{{}, {}}}, [{}];"),
                    out(reg32) a,
                    out(reg32) b,
                    in(reg64) from,
                    options(readonly, nostack, preserves_flags),
                );
            }
            [a, b].map(T::from_bits)
        }
    )*};
    (x4 $($(#[$attribute:meta])* $name:ident: $instruction:literal;)*) => {$(
        /// # Safety
        ///
        /// As its namesake in [`crate::memory`].
        $(#[$attribute])*
        #[inline(always)]
        pub unsafe fn $name<T: LaneAccess>(from: *const T) -> [T; 4] {
            let (a, b, c, d): (u32, u32, u32, u32);
            // SAFETY: the caller vouches for the address; the instruction writes nothing but its registers.
            unsafe {
                asm!(
                    concat!($instruction, ".v4.b32 {{{}, {}, {}, {}}}, [{}];"),
                    out(reg32) a,
                    out(reg32) b,
                    out(reg32) c,
                    out(reg32) d,
                    in(reg64) from,
                    options(readonly, nostack, preserves_flags),
                );
            }
            [a, b, c, d].map(T::from_bits)
        }
    )*};
}

vector_loads! {
    x2
    load_readonly_x2: "ld.global.nc";
    load_streaming_x2: "ld.global.cs.nc";
}

vector_loads! {
    x4
    load_readonly_x4: "ld.global.nc";
    load_streaming_x4: "ld.global.cs.nc";
    #[cfg(nvptx_sm_90)]
    load_prefetching_128_x4: "ld.global.nc.L2::128B";
    #[cfg(not(nvptx_sm_90))]
    load_prefetching_128_x4: "ld.global.nc";
    #[cfg(nvptx_sm_90)]
    load_prefetching_256_x4: "ld.global.nc.L2::256B";
    #[cfg(not(nvptx_sm_90))]
    load_prefetching_256_x4: "ld.global.nc";
}
