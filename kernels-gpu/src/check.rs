//! Checks of an index before it is used. The host sets all bits of the result to 1 before the launch.

use kernel_params::{IndexParams, SortedIndexParams};
use nvptx_arch::{atomic::AtomicMinMax, memory};

use crate::{element::Index, items::Threads};

/// Finds the smallest position whose index lies outside [0, n), as a u64. Without such a position, the result keeps all
/// its bits.
#[inline(always)]
pub unsafe fn first_bad<I: Index>(p: &IndexParams, threads: Threads) {
    threads.for_each(p.count, |position| {
        let index = memory::load_readonly((p.index as *const I).add(position as usize));
        if index.group(p.n).is_none() {
            u64::reduce_min(p.result as *mut u64, position);
        }
    });
}

/// Finds the largest index, as an i64. Where none is above -1, the result stays -1.
#[inline(always)]
pub unsafe fn largest<I: Index>(p: &IndexParams, threads: Threads) {
    // A thread first finds its own largest index: one atomic for each thread instead of one for each element.
    let mut largest = -1;
    threads.for_each(p.count, |position| {
        let index = memory::load_readonly((p.index as *const I).add(position as usize)).to_i64();
        largest = largest.max(index);
    });
    i64::reduce_max(p.result as *mut i64, largest);
}

/// Finds the smallest position whose index lies outside [0, n), or below the index before it in its row, as a u64.
/// Without such a position, the result keeps all its bits.
#[inline(always)]
pub unsafe fn first_unsorted<I: Index>(p: &SortedIndexParams, threads: Threads) {
    threads.for_each(p.count, |position| {
        let at = (p.index as *const I).add(position as usize);
        let index = memory::load_readonly(at);
        let is_unsorted = p.row.divide(position).1 != 0 && index.to_i64() < memory::load_readonly(at.sub(1)).to_i64();
        if is_unsorted || index.group(p.n).is_none() {
            u64::reduce_min(p.result as *mut u64, position);
        }
    });
}
