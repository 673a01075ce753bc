//! gather_coo: each row of `out` is the row of `src` that its index names.

use kernel_params::GatherParams;
use nvptx_arch::{hint, memory, warp::WARP_SIZE};

use super::{
    copy::{copy_batch, index_row, index_row_of_runs, load_or_zero, Place},
    NONE,
};
use crate::{
    batch::{each, BATCH},
    element::Index,
    items::Threads,
    word::Word,
};

/// ```text
/// for each word of out, in row (b, e):
///     s = index of (b, e)
///     out's word = the same word of src's row (b, s), or zeros if s is not in [0, S)
/// ```
#[inline(always)]
pub unsafe fn by_index<W: Word, I: Index, P: Place>(p: &GatherParams, threads: Threads) {
    copy_rows_by_index::<W, I, P>(p, threads, index_row);
}

/// [`by_index`] for an index that does not advance evenly over the leading axes. It is a kernel of its own, because it
/// needs more registers.
#[inline(always)]
pub unsafe fn by_index_in_runs<W: Word, I: Index>(p: &GatherParams, threads: Threads) {
    copy_rows_by_index::<W, I, u64>(p, threads, index_row_of_runs);
}

/// [`by_index`] for rows of one word of 4 bytes, and B = 1. A thread takes four neighbouring rows: it loads their
/// indices with one or two instructions and stores the words with one. The index and `out` are aligned to 16 bytes.
#[inline(always)]
pub unsafe fn words_by_index<I: Index>(p: &GatherParams, threads: Threads) {
    type W = u32;
    let row_of_src = |index: I| index.group(p.s).unwrap_or(NONE);
    threads.for_each(p.e.div_ceil(BATCH as u64), |quad| {
        let first = quad * BATCH as u64;
        let index = (p.index as *const I).add(first as usize);
        let ahead = first + p.prefetch_warps * (WARP_SIZE as usize * BATCH) as u64;
        if ahead < p.e {
            memory::prefetch((p.index as *const I).add(ahead as usize));
        }
        let out = (p.out as *mut W).add(first as usize);
        if first + BATCH as u64 <= p.e {
            let rows = I::load_streaming_x4(index).map(row_of_src);
            W::store_x4(out, each(|i| load_or_zero::<W, u64>(p, rows[i])));
        } else {
            for e in 0..(p.e - first) as usize {
                let row = row_of_src(memory::load_readonly(index.add(e)));
                W::store(out.add(e), load_or_zero::<W, u64>(p, row));
            }
        }
    });
}

/// Fills `out`: copies each word from the row of `src` that the index names, or stores zeros.
///
/// The lanes of a warp take neighbouring words, so that each access of the warp covers one range of memory. A thread
/// first issues the loads of its indices, then the loads from `src`, then the stores.
#[inline(always)]
unsafe fn copy_rows_by_index<W: Word, I: Index, P: Place>(
    p: &GatherParams,
    threads: Threads,
    start_of_row: impl Fn(&GatherParams, u64) -> u64,
) {
    let count = P::of(p.b * p.e * p.words);
    let thread = threads.number();
    let lane = thread % WARP_SIZE as u64;
    let mut start = P::of((thread - lane) * BATCH as u64 + lane);
    while start < count {
        let positions = each(|i| start + P::of((i as u32 * WARP_SIZE) as u64));
        let sources = each(|i| {
            let (row, word) = positions[i].min(count - P::of(1)).split_words(p);
            let (mut index, mut before) = (row.as_usize(), P::of(0));
            if p.b != 1 {
                // The compiler must not compute this outside the branch.
                hint::only_here();
                let (b, e) = p.by_e.divide(row.as_usize() as u64);
                (index, before) = ((start_of_row(p, b) + e) as usize, P::of(b * p.s));
            }
            let s = memory::load_readonly((p.index as *const I).add(index)).group(p.s);
            s.map_or(P::NONE, |s| (before + P::of(s)) * P::of(p.words) + word)
        });
        copy_batch(p, sources, p.out as *mut W, positions, count);
        start = start + P::of(threads.count() * BATCH as u64);
    }
}
