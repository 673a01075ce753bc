//! Tuning numbers, apart from the algorithms that use them, each with its reason.

use kernel_params::MAX_RUN_LENGTH;

/// Lanes of a warp, on every architecture so far.
pub(super) const WARP_SIZE: usize = 32;

/// The bytes that one instruction of a lane loads at most.
pub(super) const PACK_BYTES: usize = 16;

/// Warps that a reduction over segments is cut into where the input is large enough: twice as many as the largest
/// device so far runs at once (132 multiprocessors of 64 warps), so that the last ones to end do not end alone.
const SEGMENT_WARPS: usize = 16_384;

/// Elements of a run of the segment family, a power of two, from sizes alone: the partition decides in which order
/// sums are taken, and must not change from device to device.
///
/// Long runs leave fewer records (two of `k` values each); short ones occupy the device with a small input.
/// `elements` are those of all b, each of `parts` warps; a lane's share of a run is a multiple of `share` elements.
pub(super) fn segment_run_length(elements: usize, parts: usize, share: usize) -> usize {
    // A warp's 32 lanes each have at least one element, or as many as one load brings.
    let shortest = WARP_SIZE * share;
    let wanted = elements.saturating_mul(parts) / SEGMENT_WARPS;
    let power_of_two = 1 << wanted.max(1).ilog2();
    power_of_two.clamp(shortest, MAX_RUN_LENGTH as usize)
}

/// Warps that gather_csr should have before a lane takes more than one chunk: as [`SEGMENT_WARPS`].
const GATHER_WARPS: usize = SEGMENT_WARPS;

/// The most chunks a lane of gather_csr takes one after the other. A search through the whole of indptr, a load for
/// each doubling of the segments, is then spread over at least as many chunks as it has loads.
const MAX_GATHER_BATCHES: usize = 32;

/// How many chunks a lane of gather_csr takes one after the other, for so many in all.
pub(super) fn gather_csr_batches(chunks: usize) -> usize {
    (chunks / (WARP_SIZE * GATHER_WARPS)).clamp(1, MAX_GATHER_BATCHES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_grow_with_the_input_up_to_what_a_warp_has_room_for() {
        assert_eq!(segment_run_length(0, 1, 1), 32);
        assert_eq!(segment_run_length(35_000, 1, 1), 32);
        assert_eq!(segment_run_length(35_000, 1, 8), 256);
        assert_eq!(segment_run_length(1 << 20, 1, 1), 64);
        assert_eq!(segment_run_length(1 << 33, 1, 1), 256);
    }
}
