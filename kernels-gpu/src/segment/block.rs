//! Joining the partial results of the warps of a block, in shared memory.

use kernel_params::THREADS_PER_BLOCK;
use nvptx_arch::{
    barrier, hint,
    index::{lane_id, thread_idx_x},
    memory, shared_array,
    warp::WARP_SIZE,
};

use super::fold::{Fold, Folded, Position};
use crate::element::Accumulator;

/// Threads of a block.
pub const THREADS: usize = THREADS_PER_BLOCK as usize;

/// Warps of a block.
pub const WARPS: u32 = THREADS as u32 / WARP_SIZE;

/// The most bytes of accumulators, and of positions, that a thread stores in shared memory: those of a pack of 16-bit
/// values, eight accumulators of 4 bytes.
const BYTES_OF_THREAD: usize = 32;

/// The most numbers of a thread in [`join_numbers_of_warps`].
const MOST_NUMBERS: usize = 3;

/// The elements (u32) of shared memory for the accumulators of a block, and for the positions.
const WORDS: usize = BYTES_OF_THREAD / size_of::<u32>() * THREADS;

/// Joins the numbers of the first 2^`lanes_log2` lanes of all warps of a block. The first 2^`lanes_log2` threads get the
/// result. All threads of the block call it.
#[inline(always)]
pub unsafe fn join_numbers_of_warps<A: Accumulator, const NUMBERS: usize>(
    numbers: [A; NUMBERS],
    lanes_log2: u32,
    join: impl Fn([A; NUMBERS], [A; NUMBERS]) -> [A; NUMBERS],
) -> [A; NUMBERS] {
    const { assert!(NUMBERS <= MOST_NUMBERS, "shared memory has no room for a thread's numbers") };
    let shared = shared_array![u64; MOST_NUMBERS * THREADS].cast::<A>();
    let lanes = 1 << lanes_log2;
    let (warp, lane) = (thread_idx_x() / WARP_SIZE, lane_id());
    let place = |warp: u32| ((warp << lanes_log2) + lane) as usize;
    if lane < lanes {
        for (i, number) in numbers.into_iter().enumerate() {
            memory::store(shared.add(i * THREADS + place(warp)), number);
        }
    }
    barrier::sync_threads();
    let mut joined = numbers;
    if thread_idx_x() < lanes {
        let mut warp = 1;
        while warp < WARPS {
            let mut other = numbers;
            for (i, number) in other.iter_mut().enumerate() {
                *number = memory::load(shared.add(i * THREADS + place(warp)).cast_const());
            }
            joined = join(joined, other);
            warp = hint::opaque(warp) + 1;
        }
    }
    // After this barrier, a next call may write the shared memory again.
    barrier::sync_threads();
    joined
}

/// Joins the partial results of the first 2^`lanes_log2` lanes of all warps of a block. The first 2^`lanes_log2`
/// threads get the result. All threads of the block call it. Without `counts`, the result has the first warp's count.
#[inline(always)]
pub unsafe fn join_warps<A: Accumulator, R: Fold, P: Position, const COLUMNS: usize>(
    folded: Folded<A, P, COLUMNS>,
    lanes_log2: u32,
    counts: bool,
) -> Folded<A, P, COLUMNS> {
    const {
        assert!(size_of::<[A; COLUMNS]>() <= BYTES_OF_THREAD, "shared memory has no room for a thread's accumulators");
        assert!(size_of::<[P; COLUMNS]>() <= BYTES_OF_THREAD, "shared memory has no room for a thread's positions");
    }
    let values = shared_array![u32; WORDS].cast::<A>();
    // A reduction without positions does not use this memory.
    let positions = shared_array![u32; WORDS].cast::<P>();
    let has_counts = counts && R::HAS_COUNT;
    let counts = shared_array![u64; THREADS].cast::<P>();
    let lanes = 1 << lanes_log2;
    let (warp, lane) = (thread_idx_x() / WARP_SIZE, lane_id());
    if lane < lanes {
        let place = ((warp << lanes_log2) + lane) as usize;
        if has_counts {
            memory::store(counts.add(place), folded.count);
        }
        for (i, partial) in folded.partials.into_iter().enumerate() {
            memory::store(values.add(i * THREADS + place), partial.value);
            if R::HAS_POSITION {
                memory::store(positions.add(i * THREADS + place), partial.position);
            }
        }
    }
    barrier::sync_threads();
    let mut joined = folded;
    if thread_idx_x() < lanes {
        let mut warp = 1;
        while warp < WARPS {
            let place = ((warp << lanes_log2) + lane) as usize;
            let mut other = folded;
            other.count = if has_counts { memory::load(counts.add(place).cast_const()) } else { 0.into() };
            for (i, partial) in other.partials.iter_mut().enumerate() {
                partial.value = memory::load(values.add(i * THREADS + place).cast_const());
                if R::HAS_POSITION {
                    partial.position = memory::load(positions.add(i * THREADS + place).cast_const());
                }
            }
            joined = joined.join::<R>(other);
            warp = hint::opaque(warp) + 1;
        }
    }
    // After this barrier, a next call may write the shared memory again.
    barrier::sync_threads();
    joined
}
