//! Neighbouring columns of a row, in registers: one, or as many as one instruction loads, four at most.

use nvptx_arch::memory;

use crate::{element::Scalar, segment::Load};

/// Runs a block for each column, with the number of the column as a constant.
///
/// It is written without a loop: where the compiler does not unroll a loop, an array that the loop indexes lies in local
/// memory.
macro_rules! each_column {
    ($columns:ident, $i:ident => $body:block) => {{
        const $i: usize = 0;
        $body
    }
    if $columns > 1 {
        const $i: usize = 1;
        $body
    }
    if $columns > 2 {
        {
            const $i: usize = 2;
            $body
        }
        {
            const $i: usize = 3;
            $body
        }
    }};
}
pub(super) use each_column;

const WORDS_OF_HALVES: usize = 2 * size_of::<u32>();

/// Loads neighbouring values that the kernel does not write.
#[inline(always)]
pub unsafe fn load_columns<T: Scalar, L: Load, const COLUMNS: usize>(from: *const T) -> [T; COLUMNS] {
    if COLUMNS == 1 {
        [T::load_readonly(from); COLUMNS]
    } else if size_of::<[T; COLUMNS]>() == WORDS_OF_HALVES {
        let words: [u32; 2] = memory::load_readonly_x2(from.cast());
        core::mem::transmute_copy(&words)
    } else {
        const { assert!(COLUMNS == 1 || size_of::<[T; COLUMNS]>() == WORDS_OF_HALVES || size_of::<[T; COLUMNS]>() == 16) };
        core::mem::transmute_copy(&L::load(from.cast()))
    }
}

/// Stores neighbouring values.
#[inline(always)]
pub unsafe fn store_columns<T: Scalar, const COLUMNS: usize>(to: *mut T, values: [T; COLUMNS]) {
    if COLUMNS == 1 {
        T::store(to, values[0]);
    } else if size_of::<[T; COLUMNS]>() == WORDS_OF_HALVES {
        memory::store_x2::<u32>(to.cast(), core::mem::transmute_copy(&values));
    } else {
        memory::store_x4::<u32>(to.cast(), core::mem::transmute_copy(&values));
    }
}
