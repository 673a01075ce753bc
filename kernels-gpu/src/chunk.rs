//! What a copy moves in one access: a number of bytes, whatever they mean.

use nvptx_arch::memory;

/// Some bytes, in one load or store.
pub trait Chunk: Copy {
    /// All bits 0.
    const ZERO: Self;
    /// Loads from memory that the kernel does not write; `from` is aligned to the chunk's size.
    unsafe fn load_readonly(from: *const Self) -> Self;
    /// Stores; `to` is aligned to the chunk's size.
    unsafe fn store(to: *mut Self, value: Self);

    /// Stores four neighbours; `to` is aligned to all of them, up to 16 bytes.
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

macro_rules! word {
    ($($word:ty)+) => {$(
        impl Chunk for $word {
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

word!(u16 u32 u64);

/// 16 bytes, of rows that are copied as a whole: what surrounds them is read next, and the copies are not read again.
pub type Quad = [u32; 4];

impl Chunk for Quad {
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
