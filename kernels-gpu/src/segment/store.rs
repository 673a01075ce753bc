//! The end of a segment: base joined, the mean divided, value and position stored.

use kernel_params::SegmentParams;
use nvptx_arch::{hint, memory};

use super::{
    fold::{Fold, Partial, Position},
    piece::Folded,
};
use crate::element::{Accumulator, Scalar};

/// How a reduction becomes the elements of `out`.
pub trait Finish: Fold {
    /// The values for `out`, and the positions for `arg_out`: the length of the axis where `base`, or nothing, won. Without a
    /// base, zeros are given for it.
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        origin: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]);
}

impl Finish for crate::reduction::Sum {
    #[inline(always)]
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        _: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]) {
        let mut sums = [T::Accumulator::ZERO; COLUMNS];
        for i in 0..COLUMNS {
            sums[i] = bases[i].widen().add(folded.partials[i].value);
        }
        if p.is_mean != 0 {
            // A division is a dozen instructions, and a hundred more that seldom run. One for all columns, after one another,
            // takes a seventh less time to compile than one for each.
            let mut left = COLUMNS as u32;
            while left > 0 {
                let mean = sums[0].divide_by_count(folded.count.into().max(1));
                let mut rotated = [mean; COLUMNS];
                rotated[..COLUMNS - 1].copy_from_slice(&sums[1..]);
                sums = rotated;
                left = hint::opaque(left) - 1;
            }
        }
        let mut values = [T::ZERO; COLUMNS];
        for i in 0..COLUMNS {
            values[i] = T::narrow(sums[i]);
        }
        (values, [p.e; COLUMNS])
    }
}

impl<S: crate::reduction::Selection> Finish for S {
    #[inline(always)]
    fn finish<T: Scalar, P: Position, const COLUMNS: usize>(
        p: &SegmentParams,
        folded: Folded<T::Accumulator, P, COLUMNS>,
        origin: u64,
        bases: [T; COLUMNS],
    ) -> ([T; COLUMNS], [u64; COLUMNS]) {
        let (mut values, mut positions) = (bases, [p.e; COLUMNS]);
        let has_base = p.base != 0;
        for i in 0..COLUMNS {
            let Partial { value, position } = folded.partials[i];
            let loses = has_base & !S::beats(value, bases[i].widen());
            if (position != P::NONE) & !loses {
                values[i] = T::narrow(value);
                positions[i] = position.on_axis(origin);
            }
        }
        (values, positions)
    }
}

/// Finishes a segment and stores it at a place in `out`; position 0 of `folded` is `origin` on the axis.
#[inline(always)]
pub unsafe fn store<T: Scalar, R: Finish, P: Position, const COLUMNS: usize>(
    p: &SegmentParams,
    at: usize,
    folded: Folded<T::Accumulator, P, COLUMNS>,
    origin: u64,
) {
    let bases = if p.base != 0 { load_columns((p.base as *const T).add(at)) } else { [T::ZERO; COLUMNS] };
    let (values, positions) = R::finish(p, folded, origin, bases);
    store_columns((p.out as *mut T).add(at), values);
    if R::HAS_POSITION {
        store_args(p, at, positions);
    }
}

/// Stores positions, where they are wanted.
#[inline(always)]
unsafe fn store_args<const COLUMNS: usize>(p: &SegmentParams, at: usize, positions: [u64; COLUMNS]) {
    if p.arg_out == 0 {
        return;
    }
    if p.arg_is_wide != 0 {
        for (i, position) in positions.into_iter().enumerate() {
            memory::store((p.arg_out as *mut i64).add(at + i), position as i64);
        }
    } else {
        for (i, position) in positions.into_iter().enumerate() {
            memory::store((p.arg_out as *mut i32).add(at + i), position as i32);
        }
    }
}

/// How 16 bytes of `src` are loaded.
pub trait Load {
    /// Loads them from memory that the kernel does not write; `from` is aligned to 16 bytes.
    unsafe fn load(from: *const u32) -> [u32; 4];
}

/// Without displacing what else the caches hold.
pub struct Streamed;

impl Load for Streamed {
    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 4] {
        memory::load_streaming_x4(from)
    }
}

/// With the line of the cache that they lie in.
pub struct Line;

impl Load for Line {
    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 4] {
        memory::load_prefetching_128_x4(from)
    }
}

/// With two lines.
pub struct LinePair;

impl Load for LinePair {
    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 4] {
        memory::load_prefetching_256_x4(from)
    }
}

/// Loads neighbouring values that the kernel does not write: 16 bytes of them in one instruction, or one.
#[inline(always)]
pub unsafe fn load_readonly_columns<T: Scalar, L: Load, const COLUMNS: usize>(from: *const T) -> [T; COLUMNS] {
    if COLUMNS == 1 {
        [T::load_readonly(from); COLUMNS]
    } else {
        from_words(L::load(from.cast()))
    }
}

/// The same for values that this thread is about to overwrite.
#[inline(always)]
unsafe fn load_columns<T: Scalar, const COLUMNS: usize>(from: *const T) -> [T; COLUMNS] {
    if COLUMNS == 1 {
        [T::load(from); COLUMNS]
    } else {
        from_words(memory::load_x4(from.cast()))
    }
}

/// Stores neighbouring values as they are loaded.
#[inline(always)]
unsafe fn store_columns<T: Scalar, const COLUMNS: usize>(to: *mut T, values: [T; COLUMNS]) {
    if COLUMNS == 1 {
        T::store(to, values[0]);
    } else {
        memory::store_x4(to.cast(), into_words(values));
    }
}

/// The bytes of values, of which there are as many as 16 bytes hold.
#[inline(always)]
unsafe fn into_words<T: Scalar, const COLUMNS: usize>(values: [T; COLUMNS]) -> [u32; 4] {
    core::mem::transmute_copy(&values)
}

/// The values whose bytes these are; there are as many as 16 bytes hold.
#[inline(always)]
unsafe fn from_words<T: Scalar, const COLUMNS: usize>(words: [u32; 4]) -> [T; COLUMNS] {
    core::mem::transmute_copy(&words)
}
