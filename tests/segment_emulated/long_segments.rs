//! Long segments: left to a block, or cut into chunks.

use tensorrt_scatter::{Reduce, ReduceOperator};

use crate::{
    check,
    support::{
        assert_same, emulator,
        segments::{self, Lengths, SegmentCase},
    },
};

#[test]
fn a_segment_of_many_chunks_is_put_together_by_blocks() {
    // With 65 columns a warp has one way, so chunks have 32 elements, and a segment has more records than a lane joins.
    // There are three column parts for two blocks.
    for is_csr in [false, true] {
        for reduce in segments::reductions(is_csr) {
            check(&segments::large::<f32>((1, 32 * 40 + 5, 65, 2), Lengths::One, reduce, is_csr), 2, u32::MAX, 0);
            check(&segments::large::<i32>((2, 32 * 50, 65, 3), Lengths::Skewed, reduce, is_csr), 2, 2, 0);
        }
    }
    // More blocks than column parts; then several column parts for each block, with segments that begin anywhere in a
    // chunk tile.
    check(&segments::large::<i32>((1, 32 * 200, 65, 1), Lengths::One, Reduce::Sum, true), 1, u32::MAX, 0);
    for before in [0, 1, 32 * 30 + 7, 32 * 31, 32 * 31 + 1, 32 * 32, 32 * 56] {
        // The last segment lies in three chunks, of one tile or two. A warp takes it.
        let indptr = vec![0, before, before + 32 * 70, before + 32 * 72 + 16];
        let src = (0..indptr[3] * 260).map(|i| (i * 37 % 101) as i32).collect();
        check(&SegmentCase::csr(260, src, indptr, Reduce::Max), 1, u32::MAX, 0);
    }
}

/// Blocks skip chunk tiles without long segments. Short segments, long ones, short ones again; for one block and for
/// two.
#[test]
fn long_segments_behind_many_short_ones_are_found() {
    let lengths = [vec![100; 100], vec![3_000; 4], vec![100; 130], vec![3_000; 2]].concat();
    let ends = lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end as i64)
    });
    let indptr: Vec<i64> = [0].into_iter().chain(ends).collect();
    // One more segment with all elements that are left, so that segments are long enough on average for the axis to be
    // cut.
    let e = 256 * (indptr.len() + 1);
    let indptr = [indptr, vec![e as i64]].concat();
    for reduce in [Reduce::Sum, Reduce::Max] {
        let src: Vec<i32> = (0..e).map(|i| (i * 37 % 101) as i32).collect();
        let case = SegmentCase::csr(1, src, indptr.clone(), reduce);
        for blocks in [1, 2] {
            check(&case, 3, blocks, 0);
        }
    }
}

/// Long segments that begin and end within chunks, next to each other and apart, with elements of no segment before and
/// behind them. Segments are short on average, so a lane takes the beginning of a long one.
#[test]
fn long_segments_among_short_ones_begin_and_end_anywhere() {
    let lengths = [vec![3; 23], vec![300, 700], [0, 5, 1, 2].repeat(10), vec![257], vec![2; 40]].concat();
    let mut end = 7;
    let ends = lengths.iter().map(|length| {
        end += length;
        end as i64
    });
    let indptr: Vec<i64> = [7].into_iter().chain(ends).collect();
    let e = indptr[lengths.len()] as usize + 300;
    let value = |i: usize| (i * 37 % 101) as i32;
    for columns in [1, 2, 3, 5, 9] {
        for reduce in Reduce::ALL {
            let mut case = SegmentCase::csr(columns, (0..e * columns).map(value).collect(), indptr.clone(), reduce);
            if ReduceOperator::SegmentCsr.has(reduce) {
                check(&case, 3, u32::MAX, 0);
            }
            // The same segments by an index, for two rows.
            let row = (0..e as i64).map(|at| match indptr.partition_point(|&start| start <= at) as i64 {
                0 => -1,
                after => after - 1,
            });
            let row: Vec<i64> = row.collect();
            case.src_dims = vec![2, e, columns];
            case.src = (0..2 * e * columns).map(value).collect();
            (case.index_dims, case.index, case.is_csr) = (vec![2, e], row.repeat(2), false);
            if ReduceOperator::SegmentCoo.has(reduce) {
                check(&case, 3, 2, 0);
            }
        }
    }
}

/// Warps prefetch entries of indptr for later warps, up to the last entry and no further.
#[test]
fn entries_are_fetched_ahead_within_indptr() {
    // So many elements that the axis is cut. Most of them belong to no segment, so they cost no emulation.
    let (segments, columns, e) = (17_000, 32, 90_000);
    let indptr: Vec<i64> = (0..=segments).map(|segment| segment / 10).collect();
    let src: Vec<i32> = (0..e * columns).map(|i| (i * 37 % 101) as i32).collect();
    // The naive twin would take too long: it visits every element for every segment.
    let sum_of = |segment: usize, column| {
        let rows = indptr[segment] as usize..indptr[segment + 1] as usize;
        rows.map(|row| src[row * columns + column]).sum::<i32>()
    };
    let expected: Vec<i32> = (0..segments as usize * columns).map(|i| sum_of(i / columns, i % columns)).collect();
    let case = SegmentCase::csr(columns, src, indptr, Reduce::Sum);
    // Seed 2 is a large device, which fetches far ahead.
    assert_same("out", &emulator::segment(&case, 2, u32::MAX, 0).unwrap().0, &expected);
}

/// A chunk may have more column parts than a block has warps.
#[test]
fn a_long_segment_may_have_many_columns() {
    let (rows, columns) = (260, 9 * 128);
    let src: Vec<f32> = (0..rows * columns).map(|i| (i % 7) as f32).collect();
    let case = SegmentCase::csr(columns, src, vec![0, rows as i64], Reduce::Sum);
    check(&case, 1, u32::MAX, 0);
}

#[test]
fn long_stretches_of_empty_segments_are_filled() {
    for k in [1, 40] {
        let mut indptr = vec![0; 70];
        indptr.extend([3; 100]);
        indptr.extend([4, 40]);
        indptr.extend([41; 50]);
        for reduce in segments::reductions(true) {
            let src: Vec<f32> = (0..45 * k).map(|i| (i % 7) as f32 - 3.0).collect();
            let case = SegmentCase::csr(k, src, indptr.clone(), reduce);
            check(&case, 4, u32::MAX, 0);
        }
    }
}
