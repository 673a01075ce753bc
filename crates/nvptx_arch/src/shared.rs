//! Shared memory: one copy per block, seen by all its threads, uninitialised when the block starts.

use core::marker::PhantomData;

use crate::{memory::Word, target::shared as target};

pub use crate::shared_array;

/// A pointer to values in shared memory. It has 32 bits on the GPU, and its loads and stores are those of shared memory
/// (`ld.shared`, `st.shared`).
///
/// A `*mut T` to shared memory is a generic address: 64 bits to compute with, and the multiprocessor finds out at each
/// access which memory is meant.
#[derive(Debug)]
pub struct SharedPointer<T> {
    address: target::Address,
    values: PhantomData<*mut T>,
}

impl<T> Clone for SharedPointer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedPointer<T> {}

impl<T> SharedPointer<T> {
    /// The shared memory that the launch asked for, aligned to 16 bytes: [`dynamic_shared_mem`].
    #[inline(always)]
    #[must_use]
    #[track_caller]
    pub fn dynamic() -> Self {
        const {
            assert!(align_of::<T>() <= 16, "dynamic shared memory is aligned to 16 bytes, and this type needs more");
        }
        Self { address: target::dynamic_address(), values: PhantomData }
    }

    /// The address of the value `count` values behind this one. It may lie outside the block's shared memory.
    #[inline(always)]
    #[must_use]
    pub fn at(self, count: u32) -> Self {
        Self { address: target::add(self.address, count * size_of::<T>() as u32), values: PhantomData }
    }

    /// The same address, of values of another type.
    #[inline(always)]
    #[must_use]
    pub fn cast<U>(self) -> SharedPointer<U> {
        SharedPointer { address: self.address, values: PhantomData }
    }
}

impl<T: Word> SharedPointer<T> {
    /// Loads the value.
    ///
    /// # Safety
    ///
    /// The address is aligned and in the block's shared memory, and no other thread stores there meanwhile.
    #[inline(always)]
    #[must_use]
    #[track_caller]
    pub unsafe fn load(self) -> T {
        // SAFETY: the caller's promise is the target's.
        unsafe { target::load(self.address) }
    }

    /// Stores a value.
    ///
    /// # Safety
    ///
    /// The address is aligned and in the block's shared memory, and no other thread loads or stores there meanwhile.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn store(self, value: T) {
        // SAFETY: the caller's promise is the target's.
        unsafe { target::store(self.address, value) }
    }
}

impl SharedPointer<u32> {
    /// Adds to the number, atomically among the threads of the block, and returns what was there
    /// (`atom.shared.add.u32`).
    ///
    /// # Safety
    ///
    /// The address is aligned and in the block's shared memory.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn fetch_add(self, value: u32) -> u32 {
        // SAFETY: the caller's promise is the target's.
        unsafe { target::fetch_add(self.address, value) }
    }
}

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
