//! The kernels of attention_csr, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use proptest::prelude::*;
use support::{
    assert_same,
    attentions::{attention_cases, expected, large_case, special_values},
    cases::Indices,
    composite::{FloatElement, assert_near},
    emulator::{GRIDS, attention_csr, kernels_not_run, kernels_not_run_in_all_grids},
    gather_segments::{GatherSegmentCase, WeightValues, Weights},
};
use tensorrt_scatter::Reduce;

/// Compares the kernels with the naive twin in some grids: a seed, the most blocks, and an offset that makes tensors
/// unaligned.
#[track_caller]
fn check_in<T: FloatElement>(case: &GatherSegmentCase<T>, grids: impl IntoIterator<Item = (u64, u32, usize)>) {
    let expected = expected(case);
    for grid in grids {
        let (seed, max_blocks, offset) = grid;
        let given = attention_csr(case, seed, max_blocks, offset).unwrap();
        assert_near(&format!("{} of {:?} in {grid:?}", T::TYPE, case.src_dims), &given, &expected);
    }
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    let cases = (attention_cases::<T>(5, 12, Indices::SomeBad), 0..3usize, any::<u64>());
    proptest!(ProptestConfig::with_cases(64), |((case, offset, seed) in cases)| {
        check_in(&case, [(seed, u32::MAX, offset)]);
    });
    for columns in [1, 8] {
        for case in special_values::<T>(columns) {
            check_in(&case, [(1, u32::MAX, 0), (2, 3, 1)]);
        }
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
}

/// Segments that are empty, short, and so long that they lie in many chunks: at the start, in the middle, at the end.
/// The last ones leave work for several blocks.
fn indptrs(length: usize) -> [Vec<i64>; 3] {
    let e = length as i64;
    [vec![0, e], vec![17, 17, 20, 20, 60, e - 5, e - 5, e - 1], (0..=100).map(|n| n * n * e / 10_000).collect()]
}

/// The columns and heads of the cases below: heads of a pack and more, of less than a pack, of one column; one head.
const HEADS: [(usize, usize); 7] = [(1, 1), (3, 3), (8, 1), (8, 2), (33, 1), (64, 8), (80, 10)];

fn cases_of_long_segments<T: FloatElement>() -> Vec<GatherSegmentCase<T>> {
    let length = 500;
    let of = |(number, indptr): (usize, Vec<i64>)| {
        HEADS.into_iter().skip(number % 2).step_by(2).map(move |(columns, heads)| {
            let mut case = large_case::<T>(columns, heads, &indptr, length);
            // Every 23rd is bad.
            case.index.iter_mut().step_by(23).for_each(|index| *index = -1);
            case
        })
    };
    // So many chunks that several blocks join records.
    let of_many_chunks = large_case(33, 1, &[0, 2099], 2099);
    indptrs(length).into_iter().enumerate().flat_map(of).chain([of_many_chunks]).collect()
}

fn run_cases_of_long_segments<T: FloatElement>() {
    for case in cases_of_long_segments::<T>() {
        check_in(&case, GRIDS.map(|(seed, max_blocks)| (seed, max_blocks, 0)));
    }
}

#[test]
fn every_kernel_attends_to_segments_of_every_length() {
    run_cases_of_long_segments::<f32>();
    run_cases_of_long_segments::<half::f16>();
    run_cases_of_long_segments::<half::bf16>();
    run_cases_of_long_segments::<f64>();
    assert_eq!(kernels_not_run("attention_csr"), [""; 0]);
}

/// All types of values have the same loops over work items, so one type is enough.
#[test]
fn the_bits_depend_on_neither_the_grid_nor_the_device_nor_the_order_of_threads() {
    for case in cases_of_long_segments::<f32>() {
        let mut first = None;
        for (seed, max_blocks) in GRIDS.into_iter().chain([(3, u32::MAX)]) {
            let given = attention_csr(&case, seed, max_blocks, 0).unwrap();
            assert_same("attention_csr", &given, first.get_or_insert(given.clone()));
        }
    }
    let is_asked_for = |name: &str| name.starts_with("attention_csr") && name.ends_with("_f32");
    assert_eq!(kernels_not_run_in_all_grids(is_asked_for), [""; 0]);
}

/// Packs need aligned tensors. Without them, a lane takes one column, and the lanes of a head lie in several warps.
#[test]
fn unaligned_tensors_are_read_column_by_column() {
    for indptr in indptrs(300) {
        for (columns, heads) in [(8, 2), (64, 1)] {
            check_in(&large_case::<half::f16>(columns, heads, &indptr, 300), [(1, 1, 1), (2, u32::MAX, 1)]);
        }
    }
}

/// Rows of several column parts, of which the last one is not full. Scores of float32 beside 16-bit values.
#[test]
fn wide_rows_are_taken_part_by_part() {
    let (length, columns) = (300, 152);
    for indptr in indptrs(length) {
        for heads in [1, 19] {
            let scores: Vec<f32> = (0..length * heads).map(|i| (i * 7 % 30) as f32 / 4.0).collect();
            let case = large_case::<half::f16>(columns, heads, &indptr, length).with_float32(&scores);
            check_in(&case, GRIDS.map(|(seed, max_blocks)| (seed, max_blocks, 0)));
        }
    }
}

/// Several slices, over which the index, the indptr and the scores are repeated, each in its own way. The segments are
/// long.
#[test]
fn leading_axes_are_repeated() {
    let (rows, length, columns) = (5, 400, 6);
    for (index_axes, indptr_axes, score_axes) in
        [([2, 3, 2], [2, 1, 2], [1, 3, 1]), ([1, 3, 1], [2, 3, 2], [2, 1, 2]), ([2, 1, 2], [1, 1, 1], [2, 3, 2])]
    {
        let count = |axes: [usize; 3]| axes.iter().product::<usize>();
        let dims = |axes: [usize; 3], last: &[usize]| [&axes[..], last].concat();
        let indptr: Vec<i64> =
            (0..count(indptr_axes) as i64).flat_map(|row| [row, 150 + row, 170, 400 - row]).collect();
        let index: Vec<i64> = (0..count(index_axes) * length).map(|e| (e * 13 % rows) as i64).collect();
        let src: Vec<f32> = (0..12 * rows * columns).map(|i| (i * 37 % 5) as f32 - 2.0).collect();
        let scores: Vec<f32> = (0..count(score_axes) * length * 2).map(|i| (i * 11 % 7) as f32 / 2.0).collect();
        let case = GatherSegmentCase {
            src_dims: dims([2, 3, 2], &[rows, columns]),
            src,
            index_dims: dims(index_axes, &[length]),
            index,
            indptr_dims: dims(indptr_axes, &[4]),
            indptr,
            weights: Some(Weights { dims: dims(score_axes, &[length, 2]), values: WeightValues::Same(scores) }),
            reduce: Reduce::Sum,
        };
        check_in(&case, GRIDS.map(|(seed, max_blocks)| (seed, max_blocks, 0)));
    }
}

/// Scores so far apart that exponentials are 0, rising and falling, in segments of many chunks.
#[test]
fn scores_may_rise_or_fall_by_any_amount() {
    let length = 3000;
    for step in [-50.0, -0.01, 0.01, 50.0] {
        let mut case = large_case::<f32>(8, 1, &[0, length as i64], length);
        let scores = (0..length).map(|e| e as f32 * step).collect();
        case.weights = Some(Weights { dims: vec![length], values: WeightValues::Same(scores) });
        check_in(&case, [(1, u32::MAX, 0), (2, u32::MAX, 1)]);
    }
}
