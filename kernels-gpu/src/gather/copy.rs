//! Copies of words.

use core::ops::{Add, Mul, Sub};

use kernel_params::GatherParams;
use nvptx_arch::warp::Shuffle;

use crate::{
    batch::{each, BATCH},
    word::Word,
};

/// The position where row b of the index starts, for an index that advances evenly over the leading axes.
#[inline(always)]
pub fn index_row(p: &GatherParams, b: u64) -> u64 {
    b * p.leading.even_stride()
}

/// The position where row b of the index starts, for any index.
#[inline(always)]
pub fn index_row_of_runs(p: &GatherParams, b: u64) -> u64 {
    p.leading.offset_unrolled(b)
}

/// A position in `src` or `out`, counted in words: u32 if both have fewer than 2^31 words, otherwise u64. u32 needs
/// half the instructions.
pub trait Place: Copy + Ord + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Shuffle {
    /// No place.
    const NONE: Self;

    /// A position that is known to fit in this type.
    fn of(number: u64) -> Self;

    /// The position as an offset of a pointer.
    fn as_usize(self) -> usize;

    /// The row that the position lies in, and the word within that row.
    fn split_words(self, p: &GatherParams) -> (Self, Self);
}

macro_rules! places {
    ($($place:ident: $by_words:ident;)*) => {$(
        impl Place for $place {
            const NONE: Self = Self::MAX;

            #[inline(always)]
            fn of(number: u64) -> Self {
                number as Self
            }

            #[inline(always)]
            fn as_usize(self) -> usize {
                self as usize
            }

            #[inline(always)]
            fn split_words(self, p: &GatherParams) -> (Self, Self) {
                p.$by_words.divide(self)
            }
        }
    )*};
}

places! {
    u32: by_words_narrow;
    u64: by_words;
}

/// The word at a place in `src`. Zeros for [`Place::NONE`].
#[inline(always)]
pub unsafe fn load_or_zero<W: Word, P: Place>(p: &GatherParams, place: P) -> W {
    if place == P::NONE {
        return W::ZERO;
    }
    W::load_readonly((p.src as *const W).add(place.as_usize()))
}

/// Copies a batch of words from their places in `src` to their positions in `out`, if these are below `end`.
#[inline(always)]
pub unsafe fn copy_batch<W: Word, P: Place>(
    p: &GatherParams,
    sources: [P; BATCH],
    out: *mut W,
    positions: [P; BATCH],
    end: P,
) {
    let words = each(|i| load_or_zero::<W, P>(p, sources[i]));
    each(|i| {
        if positions[i] < end {
            W::store(out.add(positions[i].as_usize()), words[i]);
        }
    });
}
