//! The kernels of gather_dot, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use proptest::prelude::*;
use support::{
    assert_same,
    cases::Indices,
    composite::FloatElement,
    emulator::{GRIDS, gather_dot, kernels_not_run, kernels_not_run_in_all_grids},
    gather_dots::{GatherDotCase, gather_dot_cases, large_case, scores, special_values},
    gather_segments::{WeightValues, Weights},
};
use tensorrt_scatter::Combine;

/// Compares the kernels with the naive twin in some grids: a seed, the most blocks, and an offset that makes tensors
/// unaligned.
#[track_caller]
fn check_in<T: FloatElement>(case: &GatherDotCase<T>, grids: impl IntoIterator<Item = (u64, u32, usize)>) {
    let expected = scores(case);
    for grid in grids {
        let (seed, max_blocks, offset) = grid;
        let given = gather_dot(case, seed, max_blocks, offset).unwrap();
        assert_same(&format!("{} of {:?} in {grid:?}", case.combine, case.src_dims), &given, &expected);
    }
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    let cases = (gather_dot_cases::<T>(5, 12, Indices::SomeBad), 0..3usize, any::<u64>());
    proptest!(ProptestConfig::with_cases(64), |((case, offset, seed) in cases)| {
        check_in(&case, [(seed, u32::MAX, offset)]);
    });
    for combine in Combine::ALL {
        for columns in [1, 8, 37] {
            check_in(&special_values::<T>(combine, columns), [(1, u32::MAX, 0), (2, 3, 1)]);
        }
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
}

/// The columns and heads of the cases below: heads of one column, of less than a pack, of packs that are not full, of
/// fewer packs than a warp has lanes, and of more.
const HEADS: [(usize, usize); 12] =
    [(1, 1), (3, 1), (15, 3), (16, 8), (33, 1), (64, 64), (64, 8), (64, 1), (96, 8), (127, 1), (256, 1), (520, 2)];

/// With each type of index, a grid of one block and one of a block too many.
const EVERY_GRID: [(u64, u32, usize); 4] = [(0, 1, 0), (1, 1, 0), (2, u32::MAX, 0), (3, u32::MAX, 0)];

fn run_every_width<T: FloatElement>() {
    for combine in Combine::ALL {
        for (columns, heads) in HEADS {
            // Enough scores for two blocks of the kernels that take the fewest.
            let length = if columns / heads > 32 { 70 } else { 140 };
            let mut case = large_case::<T>(combine, columns, heads, length);
            // Every 23rd is bad, on either side.
            case.index.iter_mut().step_by(23).for_each(|index| *index = -1);
            case.other_index.iter_mut().skip(7).step_by(23).for_each(|index| *index = 331);
            check_in(&case, EVERY_GRID.into_iter().chain([(4, 1, 1)]));
        }
        // Both indices are broadcast, over other axes.
        check_in(&leading_axes::<T>(combine, [2, 1, 2], [1, 3, 1]), EVERY_GRID);
    }
}

#[test]
fn every_kernel_scores_heads_of_every_width() {
    run_every_width::<f32>();
    run_every_width::<half::f16>();
    run_every_width::<half::bf16>();
    run_every_width::<f64>();
    assert_eq!(kernels_not_run("gather_dot"), [""; 0]);
    assert_eq!(kernels_not_run_in_all_grids(|name| name.starts_with("gather_dot")), [""; 0]);
}

/// Several slices, over which the indices are repeated, each in its own way.
fn leading_axes<T: FloatElement>(combine: Combine, index_axes: [usize; 3], other_axes: [usize; 3]) -> GatherDotCase<T> {
    let (rows, others, length, columns) = (5, 3, 61, 12);
    let count = |axes: [usize; 3]| axes.iter().product::<usize>();
    let dims = |axes: [usize; 3], last: &[usize]| [&axes[..], last].concat();
    let values =
        |count: usize, step: usize| -> Vec<T> { (0..count).map(|i| T::of((i * step % 7) as f64 - 3.0)).collect() };
    let (full, numbers) = ([2, 3, 2], |count: usize, rows: usize| (0..count).map(|e| (e * 13 % rows) as i64).collect());
    GatherDotCase {
        src_dims: dims(full, &[rows, columns]),
        src: values(12 * rows * columns, 37),
        index_dims: dims(index_axes, &[length]),
        index: numbers(count(index_axes) * length, rows),
        other_dims: dims(full, &[others, columns]),
        other: values(12 * others * columns, 11),
        other_index_dims: dims(other_axes, &[length]),
        other_index: numbers(count(other_axes) * length, others),
        heads: 3,
        ..GatherDotCase::new(1, combine, &[], &[], &[], &[])
    }
}

#[test]
fn leading_axes_are_repeated() {
    for (index_axes, other_axes) in [([2, 3, 2], [1, 1, 1]), ([1, 1, 2], [2, 3, 2]), ([2, 1, 2], [2, 3, 1])] {
        let case = leading_axes::<f32>(Combine::Add, index_axes, other_axes);
        check_in(&case, GRIDS.map(|(seed, max_blocks)| (seed, max_blocks, 0)));
    }
}

/// Values whose sums depend on the order of additions: thirds.
fn thirds(columns: usize, heads: usize) -> GatherDotCase<f32> {
    let mut case = large_case::<f32>(Combine::Mul, columns, heads, 60);
    case.src.iter_mut().for_each(|value| *value /= 3.0);
    GatherDotCase { weights: None, ..case }
}

/// The grid, the device, the alignment, the type of the index, and how the leading axes lie.
#[test]
fn the_bits_depend_on_nothing_but_values_type_and_columns() {
    for (columns, heads) in [(64, 8), (64, 1), (300, 1)] {
        let case = thirds(columns, heads);
        let first = gather_dot(&case, 1, u32::MAX, 0).unwrap();
        assert_ne!(first, scores(&case), "the order of additions shows");
        for (seed, max_blocks, offset) in [(2, 1, 0), (3, u32::MAX, 1), (4, 2, 3)] {
            assert_same("gather_dot", &gather_dot(&case, seed, max_blocks, offset).unwrap(), &first);
        }
        // The same pairs four times, by the kernel for uneven axes.
        let times = |dims: &[usize]| [&[2, 1, 2][..], dims].concat();
        let again = GatherDotCase {
            src_dims: times(&case.src_dims),
            src: case.src.repeat(4),
            index_dims: vec![2, 1, 1, 60],
            index: case.index.repeat(2),
            other_dims: times(&case.other_dims),
            other: case.other.repeat(4),
            other_index_dims: vec![1, 1, 2, 60],
            other_index: case.other_index.repeat(2),
            ..case
        };
        assert_same("in runs", &gather_dot(&again, 5, u32::MAX, 0).unwrap(), &first.repeat(4));
    }
}

/// Weights of float32 beside 16-bit values, in packs and column by column.
#[test]
fn weights_may_be_float32() {
    for (columns, heads) in [(64, 8), (64, 1), (12, 4)] {
        let weights: Vec<f32> = (0..columns).map(|column| column as f32 / 64.0 - 0.25).collect();
        let weights = Weights { dims: vec![columns], values: WeightValues::Float32(weights) };
        let case = large_case::<half::f16>(Combine::Add, columns, heads, 100);
        let case = GatherDotCase { weights: Some(weights), ..case };
        check_in(&case, [(1, u32::MAX, 0), (2, 1, 1)]);
    }
}
