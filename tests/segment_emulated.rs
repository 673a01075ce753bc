//! The kernels over segments, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use kernel_params::{Divisor, INDEX_TILE, SegmentParams};
use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    emulator::{self, Emulator, Integers, Setup, kernels_not_run},
    segments::{self, Lengths, REDUCES, SegmentCase, column, segment_cases},
};
use tensorrt_scatter::{Error, Reduce, gpu::Queue};

#[track_caller]
fn check<T: Element>(case: &SegmentCase<T>, seed: u64, max_blocks: u32, offset: usize) {
    let (out, arg) = segments::reduce(case);
    let (given_out, given_arg) = emulator::segment(case, seed, max_blocks, offset).unwrap();
    assert_same("out", &given_out, &out);
    assert_eq!(given_arg, arg);
}

fn kernels_agree_with_the_naive_twin<T: Element>() {
    let cases = segment_cases::<T>(5, 40, Indices::SomeBad);
    proptest!(ProptestConfig::with_cases(48), |(case in cases, seed: u64, offset in 0..2usize)| {
        check(&case, seed, u32::MAX, offset);
    });
}

fn long_segments_are_put_together<T: Element>() {
    // Columns for one lane, for a group of lanes, for a warp and for two; each with and without aligned tensors. The
    // first four leave long segments to a block, the others are cut into chunks.
    let sizes = [(1, 1500, 1, 30), (2, 300, 4, 12), (1, 300, 16, 9), (1, 150, 33, 4)];
    let cut = [(1, 1500, 1, 5), (2, 600, 4, 2), (1, 900, 16, 3), (1, 520, 33, 2)];
    for (b, length, k, segments) in sizes.into_iter().chain(cut) {
        for (at, lengths) in Lengths::ALL.into_iter().enumerate() {
            for (is_csr, offset) in [(false, 0), (true, 1)] {
                let reduce = REDUCES[(k + at + usize::from(is_csr)) % REDUCES.len()];
                check(&segments::large::<T>((b, length, k, segments), lengths, reduce, is_csr), 3, u32::MAX, offset);
            }
        }
    }
}

for_each_type! {
    naive_twin: kernels_agree_with_the_naive_twin;
    long: long_segments_are_put_together;
}

/// An indptr of int64 is made only for an axis of 2^31 elements or more.
fn an_index_becomes_an_indptr_of_int64(setup: Setup) {
    let (e, n) = (3 * INDEX_TILE + 5, 70);
    let index: Vec<i64> = (0..e as i64).map(|e| if e % 50 == 7 { -1 } else { e / 6 }).collect();
    let expected: Vec<i64> =
        (0..=n).map(|m| index.iter().position(|&id| id >= m).unwrap_or(index.len()) as i64).collect();
    let index = Integers::new(&index, setup.index_type);
    let tiles = e / INDEX_TILE + 1;
    let (mut indptr, mut holes) = (vec![-77i64; expected.len()], vec![77u32; tiles as usize]);
    let mut emulator = Emulator::new(1, 1);
    let params = SegmentParams {
        index: index.readable(&mut emulator),
        indptr: emulator.writable(&mut indptr),
        holes: emulator.writable(&mut holes),
        e,
        n: n as u64,
        by_index_tiles: Divisor::new(tiles),
        index_rows: 1,
        index_row: e,
        index_stride: 1,
        ..SegmentParams::default()
    };
    let kernel = format!("segment_from_index_wide_{}", setup.index_type.name());
    // SAFETY: the kernel takes these parameters, and its memory is registered.
    unsafe { emulator.launch(emulator::kernel_named(&kernel), 1, &params).unwrap() };
    assert_eq!(indptr, expected);
    assert_eq!(holes, [1, 1, 1, 0]);
}

fn every_way_to_share_segments_agrees<T: Element>() {
    for reduce in REDUCES {
        for is_csr in [false, true] {
            // Columns that fill packs, single ones of segments that are long, and of short ones.
            for (length, k, segments) in [(300, 16, 9), (300, 3, 3), (90, 3, 40)] {
                let case = segments::large::<T>((1, length, k, segments), Lengths::Even, reduce, is_csr);
                check(&case, 1, 2, 0);
            }
        }
    }
}

#[test]
fn every_kernel_puts_segments_together() {
    call_for_each_type!(every_way_to_share_segments_agrees());
    Setup::ALL.into_iter().for_each(an_index_becomes_an_indptr_of_int64);
    assert_eq!(kernels_not_run("segment_"), [""; 0]);
}

#[test]
fn a_segment_of_many_chunks_is_put_together_by_blocks() {
    // 65 columns leave a warp no second way: chunks of 32 elements, and more records than a lane follows. There are
    // three parts of the columns for two blocks.
    for reduce in REDUCES {
        for is_csr in [false, true] {
            check(&segments::large::<f32>((1, 32 * 40 + 5, 65, 2), Lengths::One, reduce, is_csr), 2, u32::MAX, 0);
            check(&segments::large::<i32>((2, 32 * 50, 65, 3), Lengths::Skewed, reduce, is_csr), 2, 2, 0);
        }
    }
    // More blocks than parts; and several parts for each, beginning anywhere in a tile of 32 chunks.
    check(&segments::large::<i32>((1, 32 * 200, 65, 1), Lengths::One, Reduce::Sum, true), 1, u32::MAX, 0);
    for before in [0, 1, 32 * 30 + 7, 32 * 31, 32 * 31 + 1, 32 * 32, 32 * 56] {
        // The last one lies in three chunks, of one tile or of two, and is a warp's.
        let indptr = vec![0, before, before + 32 * 70, before + 32 * 72 + 16];
        let src = (0..indptr[3] * 260).map(|i| (i * 37 % 101) as i32).collect();
        check(&SegmentCase::csr(260, src, indptr, Reduce::Max), 1, u32::MAX, 0);
    }
}

/// Blocks that look for long segments pass over what has none, up to the chunks that have: short segments before long
/// ones, and short ones again, looked over by one block and by two.
#[test]
fn long_segments_behind_many_short_ones_are_found() {
    let lengths = [vec![100; 100], vec![3_000; 4], vec![100; 130], vec![3_000; 2]].concat();
    let ends = lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end as i64)
    });
    let indptr: Vec<i64> = [0].into_iter().chain(ends).collect();
    // An average from which the axis is cut: the rest is one more.
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

/// Long segments that begin and end within chunks, next to each other and not, with elements of no segment before and
/// behind all: the average is short, and a lane has what a long one begins with.
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
        for reduce in REDUCES {
            let mut case = SegmentCase::csr(columns, (0..e * columns).map(value).collect(), indptr.clone(), reduce);
            check(&case, 3, u32::MAX, 0);
            // The same segments by an index, twice.
            let row = (0..e as i64).map(|at| match indptr.partition_point(|&start| start <= at) as i64 {
                0 => -1,
                after => after - 1,
            });
            let row: Vec<i64> = row.collect();
            case.src_dims = vec![2, e, columns];
            case.src = (0..2 * e * columns).map(value).collect();
            (case.index_dims, case.index, case.is_csr) = (vec![2, e], row.repeat(2), false);
            check(&case, 3, 2, 0);
        }
    }
}

/// So many segments that warps have entries of indptr fetched ahead, up to the last one and no further.
#[test]
fn entries_are_fetched_ahead_within_indptr() {
    // Enough elements that the axis is cut; most of them are of no segment, and need not be emulated.
    let (segments, columns, e) = (17_000, 32, 90_000);
    let indptr: Vec<i64> = (0..=segments).map(|segment| segment / 10).collect();
    let src: Vec<i32> = (0..e * columns).map(|i| (i * 37 % 101) as i32).collect();
    // The naive twin would look at every element for every segment.
    let sum_of = |segment: usize, column| {
        let rows = indptr[segment] as usize..indptr[segment + 1] as usize;
        rows.map(|row| src[row * columns + column]).sum::<i32>()
    };
    let expected: Vec<i32> = (0..segments as usize * columns).map(|i| sum_of(i / columns, i % columns)).collect();
    let case = SegmentCase::csr(columns, src, indptr, Reduce::Sum);
    assert_same("out", &emulator::segment(&case, 1, u32::MAX, 0).unwrap().0, &expected);
}

#[test]
fn long_stretches_of_empty_segments_are_filled() {
    for k in [1, 40] {
        let mut indptr = vec![0; 70];
        indptr.extend([3; 100]);
        indptr.extend([4, 40]);
        indptr.extend([41; 50]);
        for reduce in REDUCES {
            let src: Vec<f32> = (0..45 * k).map(|i| (i % 7) as f32 - 3.0).collect();
            let case = SegmentCase::csr(k, src, indptr.clone(), reduce);
            check(&case, 4, u32::MAX, 0);
        }
    }
}

/// An index that passes over more segments at once than a warp has lanes, in a whole tile of it and at its end.
#[test]
fn an_index_may_pass_over_many_segments() {
    for reduce in REDUCES {
        let index: Vec<_> = (0..200).map(|i| if i < 70 { i / 30 } else { 100 + 3 * i }).collect();
        let src: Vec<_> = (0..200).map(|i| ((i * 31) % 11) as f32).collect();
        check(&column(reduce, &src, &index, None, 1000, false), 1, u32::MAX, 0);
    }
}

#[test]
fn bad_elements_between_good_ones_are_left_out() {
    for reduce in REDUCES {
        let src: Vec<_> = (0..600).map(|i| ((i * 31) % 11) as f32).collect();
        // Whole tiles of the index without a good element among them, in the middle of a segment.
        let index: Vec<_> = (0..600).map(|i| if i % 5 == 0 || (90..420).contains(&i) { -1 } else { i / 450 }).collect();
        check(&column(reduce, &src, &index, None, 3, false), 1, u32::MAX, 0);
        check(&column(reduce, &src, &index, Some(&[1.0, 20.0, 3.0]), 3, false), 1, u32::MAX, 0);
    }
}

/// A segment that a block takes, of whose threads one alone sees that there is a bad element.
#[test]
fn one_bad_element_in_a_segment_of_a_block_is_left_out() {
    let src: Vec<_> = (0..1200).map(|i| ((i * 31) % 11) as f32).collect();
    let mut index = vec![0; 1200];
    index[700] = -1;
    check(&column(Reduce::Sum, &src, &index, None, 6, false), 1, u32::MAX, 0);
}

/// Chunks with more parts of their columns than a block has warps.
#[test]
fn a_long_segment_may_have_many_columns() {
    let (rows, columns) = (260, 9 * 128);
    let src: Vec<f32> = (0..rows * columns).map(|i| (i % 7) as f32).collect();
    let case = SegmentCase::csr(columns, src, vec![0, rows as i64], Reduce::Sum);
    check(&case, 1, u32::MAX, 0);
}

/// Where a warp takes whole tiles of the index, 128 elements: one bad element at the edges of a tile and of a lane's
/// part.
#[test]
fn one_bad_element_in_whole_tiles_is_left_out() {
    const SEGMENTS: usize = 40;
    let src: Vec<_> = (0..384).map(|i| ((i * 31) % 11) as f32).collect();
    // The second one ends behind the last segment.
    for per_segment in [10, 9] {
        let index: Vec<i64> = (0..384).map(|i| i / per_segment).collect();
        for at in [0, 1, 2, 3, 4, 126, 127, 128, 129, 131, 255, 256, 383] {
            for bad in [-1, SEGMENTS as i64, i32::MIN.into(), i32::MAX.into()] {
                let mut index = index.clone();
                index[at] = bad;
                check(&column(Reduce::Sum, &src, &index, None, SEGMENTS, false), 1, u32::MAX, 0);
            }
        }
    }
    // Before a tile that comes after all others: what it stores stays.
    let src: Vec<_> = (0..1280).map(|i| (i % 11) as f32).collect();
    let mut index: Vec<_> = (0..1280).map(|i| i / 200).collect();
    index[1151] = -1;
    check(&column(Reduce::Sum, &src, &index, None, 7, false), 1, 1, 0);
}

#[test]
fn special_values_follow_the_rules() {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, 1e-45];
    let n = values.len().pow(2);
    let src: Vec<_> = (0..n).flat_map(|i| [values[i / 8], values[i % 8]]).collect();
    let index: Vec<_> = (0..2 * n as i64).map(|i| i / 2).collect();
    for reduce in [Reduce::Min, Reduce::Max] {
        for base in [None, Some(f32::NAN), Some(0.0), Some(-0.0), Some(f32::NEG_INFINITY)] {
            let base = base.map(|base| vec![base; n]);
            check(&column(reduce, &src, &index, base.as_deref(), n, false), 5, u32::MAX, 0);
        }
        let indptr: Vec<_> = (0..=n as i64).map(|i| 2 * i).collect();
        check(&column(reduce, &src, &indptr, None, n, true), 5, u32::MAX, 0);
    }
}

#[test]
fn the_least_and_the_greatest_integer_are_numbers() {
    fn for_type<T: Element>(values: [T; 3]) {
        // Every ordered pair is one segment.
        let src: Vec<_> = (0..9).flat_map(|i| [values[i / 3], values[i % 3]]).collect();
        let index: Vec<_> = (0..18).map(|i| i / 2).collect();
        let indptr: Vec<_> = (0..=9).map(|i| 2 * i).collect();
        for reduce in [Reduce::Min, Reduce::Max] {
            for base in [None, Some(values[0]), Some(values[1])] {
                let base = base.map(|base| vec![base; 9]);
                check(&column(reduce, &src, &index, base.as_deref(), 9, false), 5, u32::MAX, 0);
            }
            check(&column(reduce, &src, &indptr, None, 9, true), 5, u32::MAX, 0);
            let mut case = segments::large::<T>((1, 900, 3, 2), Lengths::One, reduce, true);
            case.src.fill(if reduce == Reduce::Max { values[0] } else { values[1] });
            check(&case, 9, u32::MAX, 0);
        }
    }
    for_type([i32::MIN, i32::MAX, 0]);
    for_type([i64::MIN, i64::MAX, 0]);
}

#[test]
fn the_first_of_equals_wins_across_lanes_and_chunks() {
    for reduce in [Reduce::Min, Reduce::Max] {
        for is_csr in [false, true] {
            let mut case = segments::large::<f32>((1, 900, 3, 2), Lengths::One, reduce, is_csr);
            case.src.fill(1.5);
            check(&case, 9, u32::MAX, 0);
            // Nothing but NaN before the middle.
            case.src[..1350].fill(f32::NAN);
            check(&case, 9, u32::MAX, 0);
            // And behind it, where what no number has come to is better than the numbers.
            case.src.fill(if reduce == Reduce::Max { -1.5 } else { 1.5 });
            case.src[1350..].fill(f32::NAN);
            check(&case, 9, u32::MAX, 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_index_and_any_indptr_stay_within_bounds(
        length in 0..120usize,
        k in 1..4usize,
        index in prop::collection::vec(-3..70i64, 1..300),
        is_csr: bool,
        reduce in prop::sample::select(&REDUCES[..]),
        seed: u64,
    ) {
        let length = if is_csr { length } else { index.len() };
        let case = SegmentCase {
            src_dims: vec![length, k],
            src: vec![1.0f32; length * k],
            index_dims: vec![index.len()],
            segments: if is_csr { index.len() - 1 } else { 60 },
            index,
            base: None,
            reduce,
            is_csr,
        };
        for bytes in emulator::SIZES {
            emulator::segment_of_size(&case, bytes, seed, u32::MAX, 0).unwrap();
        }
    }

    #[test]
    fn the_first_offender_is_found(
        index in prop::collection::vec(-1..12i64, 1..600),
        rows in 1..4usize,
        is_csr: bool,
        is_sorted: bool,
        seed: u64,
    ) {
        let mut index = index;
        let row = index.len() / rows;
        prop_assume!(row > 0);
        index.truncate(row * rows);
        if is_sorted {
            index.chunks_mut(row).for_each(|row| row.sort_unstable());
        }
        let (length, segments) = if is_csr { (9, row - 1) } else { (row, 10) };
        let case = SegmentCase {
            src_dims: vec![rows, length],
            src: vec![0.0f32; rows * length],
            index_dims: vec![rows, row],
            index,
            base: None,
            segments,
            reduce: Reduce::Sum,
            is_csr,
        };
        let is_bad = |at: &usize| {
            let index = case.index[*at];
            !(0..10).contains(&index) || !at.is_multiple_of(row) && index < case.index[at - 1]
        };
        let expected = (0..case.index.len()).find(is_bad).map_or(u64::MAX, |at| at as u64);
        prop_assert_eq!(emulator::segment_check(&case, seed).unwrap(), expected);
    }
}

#[test]
fn sums_do_not_depend_on_alignment_or_the_grid() {
    for (k, n) in [(1, 9), (8, 9), (64, 9), (1, 90), (3, 90)] {
        for is_csr in [false, true] {
            let mut case = segments::large::<f32>((1, 700, k, n), Lengths::Skewed, Reduce::Sum, is_csr);
            for (i, value) in case.src.iter_mut().enumerate() {
                *value = 1.0 / (i as f32 + 1.0);
            }
            for bytes in emulator::SIZES {
                let (expected, _) = emulator::segment_of_size(&case, bytes, 0, u32::MAX, 0).unwrap();
                for (seed, max_blocks, offset) in [(1, 1, 0), (2, u32::MAX, 1), (3, 3, 1)] {
                    let (out, _) = emulator::segment_of_size(&case, bytes, seed, max_blocks, offset).unwrap();
                    assert_same("out", &out, &expected);
                }
            }
        }
    }
}

#[test]
fn a_mean_of_many_halves_is_rounded_once() {
    let case = segments::SegmentCase {
        src_dims: vec![5000],
        src: vec![half::f16::from_f64(0.1); 5000],
        index_dims: vec![2],
        index: vec![0, 5000],
        base: None,
        segments: 1,
        reduce: Reduce::Mean,
        is_csr: true,
    };
    let (out, _) = emulator::segment(&case, 0, u32::MAX, 0).unwrap();
    assert_same("out", &out, &[half::f16::from_f64(0.1)]);
}

#[test]
fn a_workspace_that_is_too_small_is_refused() {
    use tensorrt_scatter::{IndexType, ScalarType, gpu};
    let case = column(Reduce::Max, &[1.0; 4], &[0, 4], None, 1, true);
    let plan = emulator::segment_plan(&case).unwrap();
    // The one chunk: the segment that goes on in it, and two records with count, value and position.
    let needed = 8 + 2 * (8 + 4 + 8);
    let pointers = gpu::ReductionPointers {
        scalar: ScalarType::F32,
        index_type: IndexType::I32,
        arg_type: IndexType::I32,
        src: 0,
        index: 0,
        base: None,
        out: 0,
        arg_out: None,
        workspace: 0,
        workspace_bytes: needed - 1,
    };
    // SAFETY: the call is refused before any address is used.
    let result = unsafe { gpu::enqueue_segment(&mut Emulator::new(0, 1), &plan, &pointers) };
    assert_eq!(result, Err(Error::WorkspaceTooSmall { given: needed - 1, needed }));
}
