//! Tuning numbers, apart from the algorithms that use them, each with its reason.

use kernel_params::BATCH;
pub(super) use kernel_params::PACK_BYTES;

use super::THREADS_PER_BLOCK;

/// Lanes of a warp.
pub(super) const WARP_SIZE: usize = kernel_params::WARP_SIZE as usize;

/// The bytes of a line of the caches.
const LINE_BYTES: usize = 128;

/// How many lanes of a group share the columns of an element, which are so many loads of so many bytes, the segments having `length`
/// elements on average.
///
/// Where that is long, no more than read a line: the other lanes of the warp share the elements, and each segment has more
/// warps, which matters where a few segments are all there is to do at the beginning. (With 256 columns, 2 % faster than one
/// element a load for 4096 elements on average, 4 to 10 % where some are much longer, H100.) Where segments are short, that takes
/// more steps for each of them (uniform segments of 16 elements: 16 % slower).
pub(super) fn segment_lanes(loads: usize, bytes: usize, length: usize) -> usize {
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
pub(super) fn segment_ways(length: usize, lanes: usize, pack: usize, has_positions: bool) -> usize {
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
const LONG_SEGMENT: usize = 256;

/// Whether the reduced axis is cut into chunks, for so many bytes of `src`, so many of which one instruction of a lane loads. That
/// takes a second launch, some 2 us.
pub(super) fn is_cut(length: usize, bytes: usize, load_bytes: usize) -> bool {
    length >= LONG_SEGMENT || bytes > MOST_UNCUT_BYTES / (PACK_BYTES / load_bytes)
}

/// A few times what the second-level cache holds (50 MiB).
const FEW_CACHES_BYTES: usize = 256 << 20;

/// Whether `src` is so large that the caches hold none of it from one call to the next, nor of what lay beside it before; the steps
/// over a cut axis have kernels of their own for that.
///
/// Those load packs with the line of the cache they lie in. (With two lines, as elsewhere, segments of 64 and 256 values are 1 to
/// 3 % slower on an H200.)
///
/// The others stream: what the caches hold besides need not be written back or read again then. On an H100, that is up to 12 %
/// of the time for 64 MiB. First steps for minima and maxima do not, because their lanes come back to a line of the cache, which
/// would be gone: up to 40 % slower. They load two lines; with one, up to 4 % slower with 4 and 16 values.
pub(super) fn is_large_src(bytes: usize) -> bool {
    bytes > FEW_CACHES_BYTES
}

/// Whether a lane takes a column of a segment by itself where the axis is cut, the segments having `length` elements on average, in
/// so many columns that fill no packs.
///
/// That takes 0.25 to 0.6 of the time that groups of lanes take for 1 to 16 elements in 3 columns or more, and 0.6 to 0.8 for
/// more. With 2 columns it is slower from about 64 elements on, with a single one from about 32 on, because lanes read far apart
/// then, and for 3 to 7 columns from about 128 on (H100).
pub(super) fn are_short(length: usize, k: usize) -> bool {
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
pub(super) fn short_chunk(length: usize, k: usize) -> usize {
    let fewest = match k {
        2..=4 => 64,
        1 | 5..=8 => 128,
        _ => SHORTEST_LONG_CHUNK,
    };
    (4 * length).next_power_of_two().clamp(fewest, SHORTEST_LONG_CHUNK)
}

/// The most chunks that [`short_chunk`] makes of [b, e] elements and any smaller number, for up to so many columns; for more,
/// [`most_segment_chunks`] are enough.
pub(super) fn most_short_chunks(b: usize, e: usize) -> [(usize, usize); 2] {
    [(4, 64), (8, 128)].map(|(columns, chunk)| (columns, b.saturating_mul(e) / chunk + b))
}

/// The most elements of a segment that a group of lanes takes, where a block takes the longer ones: eight batches a
/// lane, as long as the block's barriers take.
pub(super) fn longest_segment(ways: usize) -> usize {
    8 * BATCH * ways
}

/// Warps that share the chunks where the input is large enough: as many as the largest device so far runs at once (132
/// multiprocessors of 64 warps).
const CHUNK_WARPS: usize = 8192;

/// The fewest elements of a chunk, whose two records then are at most a sixteenth of its elements. A batch for each way
/// in which a warp shares them is another limit.
pub(super) const SHORTEST_CHUNK: usize = 32;

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
pub(super) fn segment_chunk(elements: usize, parts: usize, warp_ways: usize, ways: usize) -> usize {
    let wanted = elements.saturating_mul(parts) / CHUNK_WARPS;
    let longest = (LONGEST_SHARE * ways).clamp(SHORTEST_LONG_CHUNK, LONGEST_CHUNK);
    power_of_two(wanted).clamp(SHORTEST_CHUNK.max(BATCH * warp_ways), longest)
}

/// Blocks that there should be where each looks at several chunks per warp: as many as the largest device so far runs at
/// once (132 multiprocessors of four).
const CHUNK_BLOCKS: usize = 528;

/// How many chunks, each of `parts` warps, a block looks at together, the segments having `length` elements on average: as many as
/// it has warps for, or more where there are blocks enough, so that those which find nothing are few. Long segments of many
/// columns leave none of them without work, and small blocks end together (1 to 2 % with 256 columns, H100).
pub(super) fn chunk_tile(chunks: usize, parts: usize, length: usize) -> usize {
    let fewest = power_of_two(THREADS_PER_BLOCK as usize / WARP_SIZE / parts.max(1));
    if length >= LONG_SEGMENT && parts > 1 {
        fewest
    } else {
        power_of_two(chunks / CHUNK_BLOCKS).clamp(fewest, WARP_SIZE)
    }
}

/// How many blocks look at so many tiles of chunks, the segments having `length` elements on average. One each where that is
/// long; else, since there may be nothing to find, no more than run at once, and all have equally many, from all over the axis.
pub(super) fn chunk_blocks(tiles: usize, length: usize) -> usize {
    let tiles_of_block = if length < LONG_SEGMENT { tiles.div_ceil(CHUNK_BLOCKS).max(1) } else { 1 };
    tiles.div_ceil(tiles_of_block)
}

/// Lanes that share the columns of a record in the kernel that joins them, one column each. With fewer, more records are loaded at
/// a time, but each in shorter pieces: for 64 columns, 16 lanes are 2 to 11 % faster where a segment has most of the elements,
/// 8 or less slower where there are a thousand of equal length; for 256 columns 32 are best there (H100).
pub(super) fn combine_lanes(k: usize) -> usize {
    k.clamp(1, if k > 64 { WARP_SIZE } else { WARP_SIZE / 2 }).next_power_of_two()
}

/// Blocks of the step that joins records which the largest device so far (132 multiprocessors) runs at once: three on each. (With
/// two, whose threads may have more registers, 2 to 7 % slower where groups are skewed and one or two columns wide, H100.)
const COMBINE_BLOCKS: usize = 396;

/// How many blocks join the records of the chunks, each looking at as many as a warp has lanes at a time. More than run at once
/// would find nothing, one after the other.
pub(super) fn combine_blocks(chunks: usize) -> usize {
    chunks.div_ceil(WARP_SIZE).min(COMBINE_BLOCKS)
}

/// The most chunks that [`segment_chunk`] makes of [b, e] elements and any smaller number, whatever else they have.
pub(super) fn most_segment_chunks(b: usize, e: usize) -> usize {
    let elements = b.saturating_mul(e);
    // A chunk has more than half as many elements as are wanted of it, and each b one chunk more.
    (elements / SHORTEST_CHUNK).min(2 * CHUNK_WARPS).max(elements / SHORTEST_LONG_CHUNK) + b
}

/// The largest power of two up to a number, 1 for 0.
fn power_of_two(up_to: usize) -> usize {
    1 << up_to.max(1).ilog2()
}

/// What a block adds up in its shared memory, for all of `out`.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockSums {
    /// The number of sums: elements of `out`.
    pub(super) values: usize,
    /// The number of counts, for a mean.
    pub(super) counts: usize,
    /// The columns of a row of `out`.
    pub(super) columns: usize,
}

impl BlockSums {
    /// The shared memory of a block, in bytes.
    pub(super) fn bytes(self) -> usize {
        self.values * size_of::<f32>() + self.counts * size_of::<u32>()
    }
}

/// The most bytes of sums that a block keeps: what every architecture gives a block without asking (CUDA C++ Programming
/// Guide, table of limits).
const PRIVATIZED_BYTES: usize = 48 << 10;

/// The most blocks that keep their own sums: two for each multiprocessor of the largest device so far, which has 132. Twice as
/// many are no faster: the atomics to shared memory, a loop of compare and swap each, take all the time by then.
const PRIVATIZED_BLOCKS: usize = 264;

/// How many blocks add up `src` values, each into sums of its own in shared memory, `loaded` columns at a time. None where
/// atomics to global memory, of `joined` columns each, are faster.
///
/// Each block has as many values as sums or more: clearing and joining those is cheap beside too few blocks. What is compared are
/// rates on an H200, in values for each nanosecond. A sector of 32 bytes of `out` takes an atomic every 11 ns, all together 32
/// sectors a nanosecond. That is for even groups, and differs by half with the place of `out`; where a few groups have most
/// of the rows it is 2 to 8 times slower, own sums 1.5. So those may be a fifth slower than that.
pub(super) fn privatized_blocks(src: usize, sums: BlockSums, loaded: usize, joined: usize) -> Option<usize> {
    let blocks =
        (src / sums.values.max(1)).min(src.div_ceil(loaded * THREADS_PER_BLOCK as usize)).min(PRIVATIZED_BLOCKS);
    let sectors_of = |values: usize| (values * size_of::<f32>()).div_ceil(32) as f64;
    let own = blocks as f64 * if loaded > 1 { 0.42 } else { 0.29 };
    let (all, row) = (sectors_of(sums.values), sectors_of(sums.columns));
    let joint = (all * 0.09 * joined as f64).min(32.0 * sums.columns as f64 / row);
    (sums.bytes() <= PRIVATIZED_BYTES && own * 1.2 > joint).then_some(blocks)
}

/// The most warps that add up rows: each has a part long enough to show which group is hot, and there are two for each that
/// the largest device so far runs at once (132 multiprocessors of 64 warps).
const ROWS_WARPS: usize = 16_896;

/// How many of `rows` rows a warp adds up that takes `at_once` at a time: a batch or more.
pub(super) fn rows_of_warp(rows: usize, at_once: usize) -> usize {
    rows.div_ceil(ROWS_WARPS).max(1).next_multiple_of(BATCH * at_once)
}

/// Warps that gather_csr should have before one takes more than a batch: as many as the largest device so far runs at once
/// (132 multiprocessors of 64 warps).
const GATHER_WARPS: usize = 8192;

/// The most batches a warp of gather_csr takes one after the other. A search through indptr, a load for each 32-fold of
/// its elements, is then spread over as many batches as it has loads; with more, the warps that run at once write in more
/// places (32 are 5 % slower for 64 and 256 values a row, H100 and H200).
const MAX_GATHER_BATCHES: usize = 6;

/// How many of so many batches a warp of gather_csr takes one after the other.
pub(super) fn gather_csr_batches(batches: usize) -> usize {
    (batches / GATHER_WARPS).clamp(1, MAX_GATHER_BATCHES)
}

/// The fewest batches of rows of one chunk that a warp of gather_csr takes whole: as many as the largest device so far runs warps
/// at half its occupancy. Fewer are spread over more warps, a row for each lane.
const FEWEST_ROW_BATCHES: usize = 4096;

/// Whether a warp of gather_csr takes a batch of rows at a time, where a row is one chunk, of so many batches.
pub(super) fn gather_csr_takes_batches(batches: usize) -> bool {
    batches >= FEWEST_ROW_BATCHES
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
    fn blocks_keep_their_own_sums_where_that_is_faster() {
        let sums = |groups: usize, columns| BlockSums { values: groups * columns, counts: 0, columns };
        let singles = |rows: usize, groups, k| privatized_blocks(rows * k, sums(groups, k), 1, 1);
        let quads = |rows: usize, groups, k| privatized_blocks(rows * k, sums(groups, k), 4, 4);
        assert_eq!(singles(1 << 22, 1 << 10, 1), Some(264));
        assert_eq!(quads(1 << 22, 1 << 10, 4), Some(264));
        assert_eq!(singles(35_000, 64, 1), Some(137));
        assert_eq!(singles(1 << 20, 4096, 1), Some(256));
        // One block for each sum of all values took up to 80 times as long as atomics to global memory.
        for k in 1..=3 {
            assert_eq!(singles(1 << 16, 1 << 12, k), None);
        }
        // A few vectors to each of many sectors.
        assert_eq!(quads(1 << 20, 512, 12), None);
        assert_eq!(quads(1 << 22, 1 << 18, 1), None, "more than shared memory holds");
        assert_eq!(singles(0, 0, 1), None);
        // The counts of a mean take shared memory too.
        let sums = |counts| BlockSums { values: 12 << 10, counts, columns: 1 };
        assert_eq!(privatized_blocks(1 << 22, sums(0), 1, 1), Some(264));
        assert_eq!(privatized_blocks(1 << 22, sums(1), 1, 1), None);
    }

    #[test]
    fn blocks_that_may_find_nothing_all_run_at_once() {
        assert_eq!(chunk_tile(16_384, 1, 16), 16);
        assert_eq!(chunk_tile(16_384, 2, LONG_SEGMENT), 4);
        assert_eq!(chunk_blocks(1024, 16), 512);
        assert_eq!(chunk_blocks(1024, LONG_SEGMENT), 1024);
        assert_eq!(chunk_blocks(528, 16), 528);
        assert_eq!(chunk_blocks(529, 16), 265);
        assert_eq!(chunk_blocks(1, 16), 1);
        assert!(chunk_blocks(1 << 30, 0) <= CHUNK_BLOCKS);
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
