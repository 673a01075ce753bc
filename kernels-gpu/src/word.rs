//! Words: the bytes that a copy moves in one access, whatever type of values they hold.

use nvptx_arch::memory;

/// A word: loaded and stored by one instruction.
pub trait Word: Copy {
    /// The word with all bits 0.
    const ZERO: Self;
    /// Loads a word from memory that the kernel does not write. `from` is aligned to the word's size.
    unsafe fn load_readonly(from: *const Self) -> Self;
    /// Stores a word. `to` is aligned to the word's size.
    unsafe fn store(to: *mut Self, value: Self);

    /// Stores four neighbouring words. `to` is aligned to the size of all four, but to 16 bytes at most.
    #[inline(always)]
    unsafe fn store_x4(to: *mut Self, values: [Self; 4]) {
        if size_of::<Self>() == size_of::<u32>() {
            memory::store_x4(to.cast(), core::mem::transmute_copy::<_, [u32; 4]>(&values));
        } else {
            for (i, value) in values.into_iter().enumerate() {
                Self::store(to.add(i), value);
            }
        }
    }
}

macro_rules! words {
    ($($word:ty)+) => {$(
        impl Word for $word {
            const ZERO: Self = 0;

            #[inline(always)]
            unsafe fn load_readonly(from: *const Self) -> Self {
                memory::load_readonly(from)
            }

            #[inline(always)]
            unsafe fn store(to: *mut Self, value: Self) {
                memory::store(to, value)
            }
        }
    )+};
}

words!(u16 u32 u64);

/// A word of 16 bytes. Rows of such words are copied as a whole, so the load prefetches the bytes around it, and the
/// store streams: the kernel does not read its copies again.
pub type Quad = [u32; 4];

impl Word for Quad {
    const ZERO: Self = [0; 4];

    #[inline(always)]
    unsafe fn load_readonly(from: *const Self) -> Self {
        memory::load_prefetching_256_x4(from.cast())
    }

    #[inline(always)]
    unsafe fn store(to: *mut Self, value: Self) {
        memory::store_streaming_x4(to.cast(), value)
    }
}
