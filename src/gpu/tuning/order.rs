//! The sizes that decide in which order the sums of segments are taken. They depend on the sizes of the tensors alone and are
//! the same on every device, so that sums have the same bits everywhere.

use kernel_params::BATCH;

use super::{PACK_BYTES, WARP_SIZE, power_of_two};

/// The bytes of a line of the caches.
const LINE_BYTES: usize = 128;

/// How many lanes of a group share the columns of an element, which are so many loads of so many bytes, the segments having `length`
/// elements on average.
///
/// Where that is long, no more than read a line: the other lanes of the warp share the elements, and each segment has more
/// warps, which matters where a few segments are all there is to do at the beginning. (With 256 columns, 2 % faster than one
/// element a load for 4096 elements on average, 4 to 10 % where some are much longer, H100.) Where segments are short, that takes
/// more steps for each of them (uniform segments of 16 elements: 16 % slower).
pub(in crate::gpu) fn segment_lanes(loads: usize, bytes: usize, length: usize) -> usize {
    let most = if length < LONG_SEGMENT { WARP_SIZE } else { (LINE_BYTES / bytes).min(WARP_SIZE) };
    loads.clamp(1, most).next_power_of_two()
}

/// In how many ways a group of lanes shares the elements of a segment of average length; `lanes` of them share the columns,
/// `pack` neighbouring ones each.
///
/// Each lane has so many batches of elements or more: what there is to do for a segment apart from its elements takes as long
/// as two, and more for each way that is joined, the more so with positions. Where few lanes share the columns, more ways
/// have the lanes of a warp read what lies side by side. (Segments of 16 elements on average on an H100. With 4 columns,
/// sums in four ways are 5 % faster than in two, maxima 7 % slower; with 16, sums in two ways 5 % faster than in one, maxima 7 %
/// slower; with 64, two ways are 3 to 9 % slower than one, but for sums by an indptr, 1 % faster; with a single one, four ways are
/// 24 % slower than two.)
pub(in crate::gpu) fn segment_ways(length: usize, lanes: usize, pack: usize, has_positions: bool) -> usize {
    let batches = match (lanes, has_positions) {
        (1, false) if pack > 1 => 1,
        (1, _) | (2..=4, false) => 2,
        _ => 4,
    };
    power_of_two(length / (batches * BATCH)).min(WARP_SIZE / lanes)
}

/// The most bytes of `src` whose long segments are left to one block each, where it loads packs: a multiprocessor reads about
/// 80 GB/s then, so one segment of all elements takes 0.1 ms. Narrower loads read as much less.
const MOST_UNCUT_BYTES: usize = 10 << 20;

/// The average length from which long segments are the rule.
pub(in crate::gpu) const LONG_SEGMENT: usize = 256;

/// Whether the reduced axis is cut into chunks, for so many bytes of `src`, so many of which one instruction of a lane loads. That
/// takes a second launch, some 2 us.
pub(in crate::gpu) fn is_cut(length: usize, bytes: usize, load_bytes: usize) -> bool {
    length >= LONG_SEGMENT || bytes > MOST_UNCUT_BYTES / (PACK_BYTES / load_bytes)
}

/// Whether a lane takes a column of a segment by itself where the axis is cut, the segments having `length` elements on average, in
/// so many columns that fill no packs.
///
/// That takes 0.25 to 0.6 of the time that groups of lanes take for 1 to 16 elements in 3 columns or more, and 0.6 to 0.8 for
/// more. With 2 columns it is slower from about 64 elements on, with a single one from about 32 on, because lanes read far apart
/// then, and for 3 to 7 columns from about 128 on (H100).
pub(in crate::gpu) fn are_short(length: usize, k: usize) -> bool {
    let longest = match k {
        1 => 24,
        2 => 32,
        _ => 64,
    };
    length < longest
}

/// Elements of a chunk where segments are short: so few that a lane is soon done with one, and several times the average.
///
/// At least so many that a warp has a batch for each way in which it shares them, and that two records of `k` values are at most
/// an eighth of them.
pub(in crate::gpu) fn short_chunk(length: usize, k: usize) -> usize {
    let fewest = match k {
        2..=4 => 64,
        1 | 5..=8 => 128,
        _ => SHORTEST_LONG_CHUNK,
    };
    (4 * length).next_power_of_two().clamp(fewest, SHORTEST_LONG_CHUNK)
}

/// The most chunks that [`short_chunk`] makes of [b, e] elements and any smaller number, for up to so many columns; for more,
/// [`most_segment_chunks`] are enough.
pub(in crate::gpu) fn most_short_chunks(b: usize, e: usize) -> [(usize, usize); 2] {
    [(4, 64), (8, 128)].map(|(columns, chunk)| (columns, b.saturating_mul(e) / chunk + b))
}

/// The most elements of a segment that a group of lanes takes, where a block takes the longer ones: eight batches a
/// lane, as long as the block's barriers take.
pub(in crate::gpu) fn longest_segment(ways: usize) -> usize {
    8 * BATCH * ways
}

/// Warps that share the chunks where the input is large enough: as many as an H100 runs at once (132 multiprocessors of 64 warps).
/// On a smaller device they come one after the other.
const CHUNK_WARPS: usize = 8192;

/// The fewest elements of a chunk, whose two records then are at most a sixteenth of its elements. A batch for each way
/// in which a warp shares them is another limit.
pub(in crate::gpu) const SHORTEST_CHUNK: usize = 32;

/// The most elements of a chunk, so that no lane has more than 64 batches one after the other while others are done.
const LONGEST_CHUNK: usize = 1024;

/// The most elements for each way of a group of lanes, to which segments of up to a chunk are left.
const LONGEST_SHARE: usize = 128;

/// The chunks that this limit makes no shorter, so that their number stays in bounds.
const SHORTEST_LONG_CHUNK: usize = 256;

/// Elements of a chunk, a power of two, from sizes alone: the partition decides in which order sums are taken, and must
/// not change from device to device. `elements` are those of all b, each of `parts` warps that share it in `warp_ways`
/// ways; a group of lanes shares a segment in `ways` ways.
///
/// Long chunks leave fewer records (two of `k` values each); short ones occupy the device with a small input.
pub(in crate::gpu) fn segment_chunk(elements: usize, parts: usize, warp_ways: usize, ways: usize) -> usize {
    let wanted = elements.saturating_mul(parts) / CHUNK_WARPS;
    let longest = (LONGEST_SHARE * ways).clamp(SHORTEST_LONG_CHUNK, LONGEST_CHUNK);
    power_of_two(wanted).clamp(SHORTEST_CHUNK.max(BATCH * warp_ways), longest)
}

/// The most chunks that [`segment_chunk`] makes of [b, e] elements and any smaller number, whatever else they have.
pub(in crate::gpu) fn most_segment_chunks(b: usize, e: usize) -> usize {
    let elements = b.saturating_mul(e);
    // A chunk has more than half as many elements as are wanted of it, and each b one chunk more.
    (elements / SHORTEST_CHUNK).min(2 * CHUNK_WARPS).max(elements / SHORTEST_LONG_CHUNK) + b
}

/// Lanes that share the columns of a record in the kernel that joins them, one column each. With fewer, more records are loaded at
/// a time, but each in shorter pieces: for 64 columns, 16 lanes are 2 to 11 % faster where a segment has most of the elements,
/// 8 or less slower where there are a thousand of equal length; for 256 columns 32 are best there (H100).
pub(in crate::gpu) fn combine_lanes(k: usize) -> usize {
    k.clamp(1, if k > 64 { WARP_SIZE } else { WARP_SIZE / 2 }).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_grow_with_the_input_up_to_what_a_lane_takes() {
        assert_eq!(segment_chunk(0, 1, 1, 1), 32);
        assert_eq!(segment_chunk(35_000, 1, 32, 1), 128);
        assert_eq!(segment_chunk(1 << 20, 1, 2, 1), 128);
        assert_eq!(segment_chunk(1 << 20, 2, 1, 1), 256);
        assert_eq!(segment_chunk(1 << 33, 1, 1, 1), 256);
        assert_eq!(segment_chunk(1 << 33, 1, 32, 32), 1024);
    }

    #[test]
    fn no_input_has_more_chunks_than_a_larger_one_may() {
        for b in [1, 3, 1000] {
            for e in (0..30).flat_map(|log2| [1usize << log2, (1 << log2) + 1, (1 << log2) / 3]) {
                for (parts, ways) in [(1, 32), (1, 2), (1, 1), (2, 1), (100, 1)] {
                    let chunks = b * e.div_ceil(segment_chunk(b * e, parts, ways, 1));
                    for larger in [e, 2 * e, 5 * e] {
                        assert!(chunks <= most_segment_chunks(b, larger), "{b} x {e}, {parts} parts, {ways} ways");
                    }
                }
                for k in [1, 2, 3, 5, 8, 9, 1000] {
                    let chunks = b * e.div_ceil(short_chunk(1, k));
                    let allows = |&(columns, most): &(usize, usize)| k <= columns && chunks <= most;
                    for larger in [e, 2 * e, 5 * e] {
                        let is_short = most_short_chunks(b, larger).iter().any(allows);
                        assert!(is_short || chunks <= most_segment_chunks(b, larger), "{b} x {e} x {k}");
                    }
                }
            }
        }
    }
}
