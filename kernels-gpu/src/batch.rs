//! Batches of loads. A thread that issues four loads before it waits for the first is nearly four times as fast as one
//! that waits after each load.

pub use kernel_params::BATCH;

// `BATCH` is not for tuning: `each`, the end of `segment::reduce_short`, the simple index tiles of
// `segment::from_index` and the stores of `gather::words_by_index` are written for four.
const _: () = assert!(BATCH == 4);

/// [f(0), f(1), ...] for the numbers below [`BATCH`].
///
/// It is written without a loop: where the compiler does not unroll a loop, an array that the loop fills lies in local
/// memory.
#[inline(always)]
pub fn each<T>(mut f: impl FnMut(usize) -> T) -> [T; BATCH] {
    [f(0), f(1), f(2), f(3)]
}
