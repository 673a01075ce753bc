//! The sizes that decide in which order the sums of segments are taken. They depend on the sizes of the tensors only.
//! So they are the same on every device, and sums have the same bits everywhere.

use kernel_params::BATCH;

use super::{PACK_BYTES, WARP_SIZE, power_of_two};

/// The bytes of a line of the caches.
const LINE_BYTES: usize = 128;

/// The number of lanes of a group that share the columns of an element. A row has `loads` loads of `bytes` bytes each.
/// Segments have `length` elements on average.
///
/// If segments are long, the lanes that share columns read at most one cache line. The other lanes of the warp share
/// the elements, so each segment has more warps. That matters at the beginning, when a few segments are all the work.
/// (256 columns: 2 % faster for 4096 elements on average, 4 to 10 % if some segments are much longer, H100.) If
/// segments are short, the same takes more steps for each segment (segments of 16 elements: 16 % slower).
pub(in crate::gpu) fn segment_lanes(loads: usize, bytes: usize, length: usize) -> usize {
    let most = if length < LONG_SEGMENT { WARP_SIZE } else { (LINE_BYTES / bytes).min(WARP_SIZE) };
    loads.clamp(1, most).next_power_of_two()
}

/// The number of ways: how many lanes of a group share the elements of a segment of average length. `lanes` lanes share
/// the columns, `pack` columns each.
///
/// Each lane has at least `batches` batches of elements. The work for a segment besides its elements takes as long as
/// two batches. Each way that is joined adds to this work, and adds more if there are positions. If few lanes share the
/// columns, more ways let the lanes of a warp read neighbouring memory. (Segments of 16 elements on average, H100. 4
/// columns: sums in four ways are 5 % faster than in two, maxima 7 % slower. 16 columns: sums in two ways are 5 %
/// faster than in one, maxima 7 % slower. 64 columns: two ways are 3 to 9 % slower than one, except sums by an indptr,
/// which are 1 % faster. One column: four ways are 24 % slower than two.)
pub(in crate::gpu) fn segment_ways(length: usize, lanes: usize, pack: usize, has_positions: bool) -> usize {
    let batches = match (lanes, has_positions) {
        (1, false) if pack > 1 => 1,
        (1, _) | (2..=4, false) => 2,
        _ => 4,
    };
    power_of_two(length / (batches * BATCH)).min(WARP_SIZE / lanes)
}

/// [`segment_lanes`] for rows that are read through an index: at most two cache lines of a row. Wider rows have several
/// column parts, which are taken one after the other, so that the second-level cache holds a part of more rows. (256
/// columns, 262,144 rows: 6 % faster than four cache lines; one cache line is 2 % faster still, but 5 % slower if some
/// segments are much longer. H100.)
pub(in crate::gpu) fn gathered_lanes(loads: usize, bytes: usize, length: usize) -> usize {
    segment_lanes(loads, bytes, length).min((2 * LINE_BYTES / bytes).min(WARP_SIZE))
}

/// [`segment_ways`] for rows that are read through an index. Each way waits for its indices and then for its rows, so
/// fewer ways with more batches each are faster than for neighbouring rows. (Segments of 16 elements on average, H100.
/// 16 columns: sums in one way are 16 % faster than in two.) If few lanes share the columns, a long segment would then
/// have too few lanes (16 columns of float16: 5 % faster, but 37 % slower if some
/// segments are much longer).
pub(in crate::gpu) fn gathered_ways(length: usize, lanes: usize) -> usize {
    let batches = if lanes <= 2 { 2 } else { 4 };
    power_of_two(length / (batches * BATCH)).min(WARP_SIZE / lanes)
}

/// Whether a sum of `elements` rows of `k` columns groups its index instead of adding by atomics. `has_packs`: whether
/// packs divide a row; if not, each column is loaded on its own.
///
/// A grouping takes 20 us and 40 us for each million elements; atomics take 2.6 to 3.3 us for each million values.
/// (Times by atomics relative to those with a grouping, H200, `cargo bench --bench grouping`. 4,194,304 rows: 32 columns
/// of float32 0.77, 48 columns 1.11, 64 columns 1.39, 256 columns 2.48; 33 columns 0.70, 127 columns 1.50. 1,048,576 rows:
/// 64 columns 0.85, 127 columns 1.36, 256 columns 1.79.)
pub(in crate::gpu) fn is_sum_grouped(elements: usize, k: usize, has_packs: bool) -> bool {
    elements.saturating_mul(k) >= 100 << 20 && k >= if has_packs { 48 } else { 96 }
}

/// [`is_sum_grouped`] for minima and maxima with their positions: by atomics, they take 8 us for each million values.
/// (4,194,304 rows: 8 columns 1.05, 16 columns 1.91, 256 columns 5.59; 33 columns 1.26, 127 columns 2.65. 1,048,576 rows:
/// 33 columns 1.01. 160,000 rows: 16 columns 0.70, 32 columns 1.17. 35,000 rows: 64 columns 0.84, 128 columns 1.22.)
pub(in crate::gpu) fn is_selection_grouped(elements: usize, k: usize, has_packs: bool) -> bool {
    elements.saturating_mul(k) >= 1 << 22 && k >= if has_packs { 16 } else { 32 }
}

/// [`segment_ways`] for composites, which read the elements of a short segment twice and store as many results: two batches
/// of elements for each lane, if segments are long enough. With less, the work for a segment besides its elements counts
/// more. If one lane takes all columns, it is one batch: with more, the lanes of a warp store to memory that lies further
/// apart. (Segments of 16 elements on average, H200, one batch, two and four: softmax of 16 columns 311, 244 and 239 us, of 3
/// columns 139, 101 and 98, of one column 47, 43 and 68; of one column of skewed segments 67, 79 and 143.)
pub(in crate::gpu) fn composite_ways(length: usize, lanes: usize) -> usize {
    let batches = if lanes == 1 { 1 } else { 2 };
    power_of_two(length / (batches * BATCH)).min(WARP_SIZE / lanes)
}

/// [`segment_chunk`] for composites. A lane has fewer elements of a segment that is not long, because it reads them
/// twice.
pub(in crate::gpu) fn composite_chunk(elements: usize, parts: usize, warp_ways: usize, ways: usize) -> usize {
    segment_chunk(elements, parts, warp_ways, ways / 4)
}

/// The most bytes of `src` for which one block takes each long segment, if lanes load packs. A multiprocessor then
/// reads about 80 GB/s, so one segment of all elements takes 0.1 ms. With narrower loads it reads less, in proportion
/// to their width.
const MOST_UNCUT_BYTES: usize = 10 << 20;

/// The average length from which long segments are the rule.
pub(in crate::gpu) const LONG_SEGMENT: usize = 256;

/// Whether the reduced axis is cut into chunks. `src` has `bytes` bytes, and one instruction of a lane loads
/// `load_bytes` of them. A cut axis takes two more launches, about 2 us.
pub(in crate::gpu) fn is_cut(length: usize, bytes: usize, load_bytes: usize) -> bool {
    length >= LONG_SEGMENT || bytes > MOST_UNCUT_BYTES / (PACK_BYTES / load_bytes)
}

/// Whether one lane takes one column of a segment, over a cut axis whose rows have `k` columns that fill no packs.
/// Segments have `length` elements on average.
///
/// For 3 columns or more, it takes 0.25 to 0.6 of the time of groups of lanes for 1 to 16 elements, and 0.6 to 0.8 for
/// more elements. From some length on it is slower, because the lanes read memory that is far apart: about 32 elements
/// for 1 column, 64 for 2, 128 for 3 to 7 (H100).
pub(in crate::gpu) fn are_short(length: usize, k: usize) -> bool {
    let longest = match k {
        1 => 24,
        2 => 32,
        _ => 64,
    };
    length < longest
}

/// The elements of a chunk, if segments are short: several times the average length, and few enough that a lane is soon
/// done with a chunk.
///
/// A chunk has enough elements for a batch of each way of a warp, and two records of `k` values are at most an eighth
/// of it.
pub(in crate::gpu) fn short_chunk(length: usize, k: usize) -> usize {
    let fewest = match k {
        2..=4 => 64,
        1 | 5..=8 => 128,
        _ => SHORTEST_LONG_CHUNK,
    };
    (4 * length).next_power_of_two().clamp(fewest, SHORTEST_LONG_CHUNK)
}

/// The most chunks that [`short_chunk`] makes of [b, e] elements or fewer: pairs of the most columns and the number of
/// chunks. For more columns, [`most_segment_chunks`] is enough.
pub(in crate::gpu) fn most_short_chunks(b: usize, e: usize) -> [(usize, usize); 2] {
    [(4, 64), (8, 128)].map(|(columns, chunk)| (columns, b.saturating_mul(e) / chunk + b))
}

/// The most elements of a segment that a group of lanes takes; a block takes the longer segments. Eight batches of a
/// lane take as long as the barriers of a block.
pub(in crate::gpu) fn longest_segment(ways: usize) -> usize {
    8 * BATCH * ways
}

/// The number of warps that share the chunks, if the input is large enough: as many as an H100 runs at once (132
/// multiprocessors of 64 warps). A smaller device runs them one after the other.
const CHUNK_WARPS: usize = 8192;

/// The fewest elements of a chunk. Its two records are then at most a sixteenth of its elements. [`segment_chunk`] has
/// another limit: a batch for each way of a warp.
pub(in crate::gpu) const SHORTEST_CHUNK: usize = 32;

/// The most elements of a chunk. So no lane has more than 64 batches to load, one after the other, while other lanes
/// are done.
const LONGEST_CHUNK: usize = 1024;

/// The most elements for each way of a group of lanes. A group takes segments of up to a chunk.
const LONGEST_SHARE: usize = 128;

/// [`LONGEST_SHARE`] makes no chunk shorter than this, so that the number of chunks has a bound.
const SHORTEST_LONG_CHUNK: usize = 256;

/// The elements of a chunk, a power of two. It depends on sizes only: chunks decide the order of sums, which must not
/// change from device to device. `elements` are those of all b. `parts` warps, one for each column part, take an
/// element; a warp has `warp_ways` ways, and a group of lanes has `ways` ways.
///
/// Long chunks leave fewer records (two of `k` values each). Short chunks keep the device busy with a small input.
pub(in crate::gpu) fn segment_chunk(elements: usize, parts: usize, warp_ways: usize, ways: usize) -> usize {
    let wanted = elements.saturating_mul(parts) / CHUNK_WARPS;
    let longest = (LONGEST_SHARE * ways).clamp(SHORTEST_LONG_CHUNK, LONGEST_CHUNK);
    power_of_two(wanted).clamp(SHORTEST_CHUNK.max(BATCH * warp_ways), longest)
}

/// The most chunks that [`segment_chunk`] makes of [b, e] elements or fewer, for any other arguments.
pub(in crate::gpu) fn most_segment_chunks(b: usize, e: usize) -> usize {
    let elements = b.saturating_mul(e);
    // A chunk has more than half of the wanted elements, and each b has one more chunk.
    (elements / SHORTEST_CHUNK).min(2 * CHUNK_WARPS).max(elements / SHORTEST_LONG_CHUNK) + b
}

/// The number of lanes that share the columns of a record in the kernel that joins records, one column each. With fewer
/// lanes, a warp loads more records at a time, each in shorter pieces. (64 columns: 16 lanes are 2 to 11 % faster if
/// one segment has most of the elements; 8 lanes or fewer are slower for a thousand segments of equal length. 256
/// columns: 32 lanes are best for the latter. H100.)
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
