//! Shared memory: one copy per block, seen by all its threads, uninitialised when the block starts.

use crate::target::shared as target;

pub use crate::shared_array;

/// The shared memory that the launch asked for, aligned to 16 bytes. Every call gives the same address.
///
/// The call itself reads and writes nothing. The caller must stay within the bytes that the launch gave.
#[inline(always)]
#[must_use]
#[track_caller]
pub fn dynamic_shared_mem<T>() -> *mut T {
    const {
        assert!(align_of::<T>() <= 16, "dynamic shared memory is aligned to 16 bytes, and this type needs more");
    }
    target::dynamic().cast()
}

/// `shared_array![T; N]`: shared memory for `N` values of `T`, as a `*mut T` aligned to 16 bytes. `N` is constant.
///
/// Each place in the source where it is written is one array, the same for every thread of a block and however often
/// the place is executed, inlined or instantiated. `T` and `N` can therefore not depend on the generic parameters of
/// the function around it.
///
/// The contents are uninitialised: write, [`sync_threads`](crate::barrier::sync_threads), then read.
///
/// On `nvptx64` the calling crate needs `#![feature(asm_experimental_arch)]`.
// PTX lets `asm!` declare an array. But LLVM may copy an `asm!` (it inlines, unrolls and instantiates), and each copy
// would be another array. LLVM never copies a function that is neither generic nor inlined, so the declaration is in
// such a function. The PTX assembler inlines the call; for it, the array stays one array.
#[macro_export]
macro_rules! shared_array {
    ($element:ty; $length:expr) => {{
        const BYTES: usize = $crate::shared::__array_bytes::<$element>($length);

        #[cfg(target_arch = "nvptx64")]
        #[inline(never)]
        fn shared_array() -> *mut $element {
            let generic: *mut $element;
            // SAFETY: declares an array and computes its address; touches no memory.
            unsafe {
                ::core::arch::asm!(
                    ".shared .align 16 .b8 array[{bytes}];",
                    "mov.u64 {address}, array;",
                    "cvta.shared.u64 {address}, {address};",
                    bytes = const BYTES,
                    address = out(reg64) generic,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            generic
        }

        #[cfg(not(target_arch = "nvptx64"))]
        fn shared_array() -> *mut $element {
            // Its address identifies this place in the source.
            static PLACE: u8 = 0;
            $crate::shared::__array((&raw const PLACE).addr(), BYTES).cast::<$element>()
        }

        shared_array()
    }};
}

/// The block's own array for the [`shared_array!`] at `place`.
#[cfg(not(target_arch = "nvptx64"))]
#[doc(hidden)]
#[must_use]
pub fn __array(place: usize, bytes: usize) -> *mut u8 {
    target::array(place, bytes)
}

/// The bytes of a [`shared_array!`].
#[doc(hidden)]
#[must_use]
pub const fn __array_bytes<T>(length: usize) -> usize {
    assert!(align_of::<T>() <= 16, "a shared array is aligned to 16 bytes, and this type needs more");
    assert!(length > 0 && size_of::<T>() > 0, "a shared array needs at least one byte");
    length * size_of::<T>()
}
