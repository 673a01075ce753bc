//! The kernels of gather_segment, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    emulator::{GRIDS, gather_segment, gather_segment_plan, kernels_not_run, kernels_not_run_in_all_grids},
    gather_segments::{GatherSegmentCase, WeightValues, Weights, gather_segment_cases, reduce},
};
use tensorrt_scatter::{Reduce, ReduceOperator, ScalarType};

/// Compares the kernels with the naive twin in some grids: a seed, the most blocks, and an offset that makes tensors
/// unaligned.
#[track_caller]
fn check_in<T: Element>(what: &str, case: &GatherSegmentCase<T>, grids: impl IntoIterator<Item = (u64, u32, usize)>) {
    let (out, arg) = reduce(case);
    for (seed, max_blocks, offset) in grids {
        let (emulated, emulated_arg) = gather_segment(case, seed, max_blocks, offset).unwrap();
        assert_same(what, &emulated, &out);
        assert_eq!(emulated_arg, arg, "{what}: arg_out");
    }
}

#[track_caller]
fn check<T: Element>(what: &str, case: &GatherSegmentCase<T>) {
    check_in(what, case, GRIDS.map(|(seed, max_blocks)| (seed, max_blocks, 0)));
}

fn agrees_with_the_naive_twin<T: Element>() {
    let cases = (gather_segment_cases::<T>(5, 12, Indices::SomeBad), 0..3usize, any::<u64>());
    proptest!(ProptestConfig::with_cases(64), |((case, offset, seed) in cases)| {
        check_in("out", &case, [(seed, u32::MAX, offset)]);
    });
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
}

/// Small whole numbers that differ between rows and between columns: their sums are exact in every type and order.
fn src<T: Element>(rows: usize, columns: usize) -> Vec<T> {
    (0..rows * columns).map(|i| T::of((i * 37 % 5) as f64 - 2.0)).collect()
}

/// Indices of which every 23rd is bad: negative, or the first one behind the last row.
fn index(length: usize, rows: usize) -> Vec<i64> {
    let of = |e: usize| match e % 46 {
        7 => -1,
        30 => rows as i64,
        _ => (e * 13 % rows) as i64,
    };
    (0..length).map(of).collect()
}

/// Segments that are empty, short, and so long that they lie in many chunks: at the start, in the middle, at the end.
fn indptrs(length: usize) -> [Vec<i64>; 4] {
    let e = length as i64;
    [
        vec![0, e],
        vec![0, 0, 3, 3, 40, e - 5, e - 5, e],
        // Work for several blocks.
        (0..=100).map(|n| n * n * e / 10_000).collect(),
        // Elements before the first segment and behind the last one belong to none.
        vec![17, e / 2, e - 100],
    ]
}

fn long_segments<T: Element>(columns: &[usize]) {
    let (rows, length) = (19, 500);
    for (number, indptr) in indptrs(length).into_iter().enumerate() {
        for &columns in columns {
            for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
                // No weights, one for each element, one for each of some heads.
                let heads = [0, 1, if columns % 4 == 0 { columns / 4 } else { columns }][(number + columns) % 3];
                let weights: Vec<T> = (0..length * heads).map(|i| T::of((i * 11 % 3) as f64 - 1.0)).collect();
                let weights = (heads > 0).then_some(&weights[..]);
                let (src, index) = (src::<T>(rows, columns), index(length, rows));
                let case = GatherSegmentCase::new(columns, &src, &index, &indptr, weights, reduce);
                check(&format!("{columns} columns, {reduce}"), &case);
            }
        }
    }
}

#[test]
fn every_kernel_reduces_segments_of_every_length() {
    long_segments::<f32>(&[1, 3, 4, 8, 33, 80]);
    // Columns that fill no pack, and columns that do.
    long_segments::<f64>(&[3, 32]);
    long_segments::<i32>(&[3, 32]);
    long_segments::<i64>(&[3, 32]);
    long_segments::<half::f16>(&[3, 32]);
    long_segments::<half::bf16>(&[3, 32]);
    assert_eq!(kernels_not_run("gather_segment"), [""; 0]);
    assert_eq!(kernels_not_run_in_all_grids(|name| name.starts_with("gather_segment")), [""; 0]);
}

/// Packs need aligned tensors. Without them, a lane takes one column.
#[test]
fn unaligned_tensors_are_read_column_by_column() {
    for indptr in indptrs(300) {
        let (src, index) = (src::<half::f16>(11, 8), index(300, 11));
        let case = GatherSegmentCase::new(8, &src, &index, &indptr, None, Reduce::Max);
        check_in("unaligned", &case, [(1, 1, 1), (2, u32::MAX, 1)]);
    }
}

/// Rows of several column parts, of which the last one is not full. Weights of float32 beside 16-bit values.
#[test]
fn wide_rows_are_taken_part_by_part() {
    let (rows, length, columns) = (7, 300, 152);
    for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
        for indptr in indptrs(length) {
            let (src, index) = (src::<half::f16>(rows, columns), index(length, rows));
            for heads in [1, 19] {
                let weights: Vec<f32> = (0..length * heads).map(|i| (i * 7 % 3) as f32 - 1.0).collect();
                let case = GatherSegmentCase::new(columns, &src, &index, &indptr, None, reduce).with_float32(&weights);
                check(&format!("{heads} heads, {reduce}"), &case);
            }
        }
    }
}

/// Several slices, over which the index, the indptr and the weights are repeated, each in its own way. The segments are
/// long.
#[test]
fn leading_axes_are_repeated() {
    let (rows, length, columns) = (5, 400, 6);
    for (index_axes, indptr_axes, weight_axes) in
        [([2, 3, 2], [2, 1, 2], [1, 3, 1]), ([1, 3, 1], [2, 3, 2], [2, 1, 2]), ([2, 1, 2], [1, 1, 1], [2, 3, 2])]
    {
        let count = |axes: [usize; 3]| axes.iter().product::<usize>();
        let dims = |axes: [usize; 3], last: &[usize]| [&axes[..], last].concat();
        let indptr: Vec<i64> =
            (0..count(indptr_axes) as i64).flat_map(|row| [row, 150 + row, 170, 400 - row]).collect();
        for reduce in [Reduce::Mean, Reduce::Max] {
            let index = index(count(index_axes) * length, rows);
            let src = src::<f32>(12 * rows, columns);
            let mut case = GatherSegmentCase::new(columns, &src, &index, &indptr, None, reduce);
            case.src_dims = dims([2, 3, 2], &[rows, columns]);
            case.index_dims = dims(index_axes, &[length]);
            case.indptr_dims = dims(indptr_axes, &[4]);
            let weights = (0..count(weight_axes) * length * 2).map(|i| (i * 11 % 3) as f32 - 1.0).collect::<Vec<_>>();
            case.weights = Some(Weights { dims: dims(weight_axes, &[length, 2]), values: WeightValues::Same(weights) });
            check(&format!("{reduce}"), &case);
        }
    }
}

/// Without rows there is nothing to read, and every element is left out.
#[test]
fn without_rows_every_element_is_left_out() {
    for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
        let mut case = GatherSegmentCase::<f32>::new(4, &[], &[0, 0, 0], &[0, 2, 3], None, reduce);
        case.src_dims = vec![0, 4];
        let (out, arg) = gather_segment(&case, 0, u32::MAX, 0).unwrap();
        assert_eq!(out, [0.0; 8], "{reduce}");
        assert!(arg.into_iter().all(|position| position == 3), "{reduce}");
    }
}

/// The rows that are read are never stored, so the workspace must not grow with the number of columns.
#[test]
fn the_workspace_has_eight_bytes_for_each_element_and_little_more() {
    for columns in [1, 3, 64, 256, 1000] {
        for length in [1, 100, 10_000, 4_000_000] {
            let index = vec![0; length];
            let mut case = GatherSegmentCase::<f32>::new(1, &[0.0], &index, &[0, 0], None, Reduce::Max);
            case.src_dims = vec![1, columns];
            let bytes = gather_segment_plan(&case).unwrap().workspace_bytes(ScalarType::F32);
            assert!(bytes <= 8 * length + (1 << 18) + 64, "{columns} columns, {length} elements: {bytes}");
        }
    }
}
