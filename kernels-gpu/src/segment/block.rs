//! Joining over a whole block.

use nvptx_arch::{
    barrier, hint,
    index::{lane_id, thread_idx_x},
    memory, shared_array,
    warp::WARP_SIZE,
};

use super::{
    fold::{Fold, Position},
    piece::Folded,
};
use crate::element::Accumulator;

/// Threads of a block.
pub const THREADS: usize = 256;

/// Warps of a block.
pub const WARPS: u32 = THREADS as u32 / WARP_SIZE;

/// 32 bytes for each thread: eight accumulators of 4 bytes, for 16-bit values, or fewer; likewise positions.
const WORDS: usize = 8 * THREADS;

/// Joins what the warps of a block have, the first 2^`lanes_log2` lanes of each. The first 2^`lanes_log2` threads have
/// the result. The whole block takes part. Without counts, that of the first warp is left.
#[inline(always)]
pub unsafe fn join_warps<A: Accumulator, R: Fold, P: Position, const COLUMNS: usize>(
    folded: Folded<A, P, COLUMNS>,
    lanes_log2: u32,
    counts: bool,
) -> Folded<A, P, COLUMNS> {
    let values = shared_array![u32; WORDS].cast::<A>();
    // A reduction without positions neither reads nor writes them.
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
    // The places may be written again.
    barrier::sync_threads();
    joined
}
