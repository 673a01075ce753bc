//! The kernels of gather_scatter, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    emulator::{GRIDS, gather_scatter},
    gather_scatters::{GatherScatterCase, gather_scatter_cases, reduce},
    gather_segments::{GatherSegmentCase, WeightValues, Weights},
};
use tensorrt_scatter::{
    GatherScatterOptions, GatherScatterPlan, Reduce, ReduceOperator, ScalarType, ScatterOptions, ScatterPlan, Shape,
};

/// Compares the kernels with the naive twin in some grids: a seed, the most blocks, and an offset that makes tensors
/// unaligned.
#[track_caller]
fn check_in<T: Element>(what: &str, case: &GatherScatterCase<T>, grids: impl IntoIterator<Item = (u64, u32, usize)>) {
    let (out, arg) = reduce(case);
    for (seed, max_blocks, offset) in grids {
        let (emulated, emulated_arg) = gather_scatter(case, seed, max_blocks, offset).unwrap();
        assert_same(what, &emulated, &out);
        assert_eq!(emulated_arg, arg, "{what}: arg_out");
    }
}

#[track_caller]
fn check<T: Element>(what: &str, case: &GatherScatterCase<T>) {
    check_in(what, case, GRIDS.map(|(seed, max_blocks)| (seed, max_blocks, 0)));
}

fn agrees_with_the_naive_twin<T: Element>() {
    let cases = (gather_scatter_cases::<T>(5, 12, Indices::SomeBad), 0..3usize, any::<u64>());
    proptest!(ProptestConfig::with_cases(48), |((case, offset, seed) in cases)| {
        check_in("out", &case, [(seed, u32::MAX, offset)]);
    });
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
}

/// Groups that are empty, short, and so long that they lie in many chunks; an index and destinations of which some are
/// bad.
fn large<T: Element>(columns: usize, heads: usize, reduce: Reduce) -> GatherScatterCase<T> {
    let (rows, length, groups) = (19, 700, 7);
    let src: Vec<T> = (0..rows * columns).map(|i| T::of((i * 37 % 5) as f64 - 2.0)).collect();
    let index: Vec<i64> = (0..length).map(|e| if e % 46 == 7 { -1 } else { (e * 13 % rows) as i64 }).collect();
    // Every second element is in group 2; group 4 is empty.
    let destination = |e: usize| match e % 14 {
        1 => groups as i64,
        3 => -5,
        5 => 0,
        7 => 6,
        9 => 1,
        11 => 3,
        13 => 5,
        _ => 2,
    };
    let destination: Vec<_> = (0..length).map(destination).collect();
    let weights: Vec<T> = (0..length * heads).map(|i| T::of((i * 11 % 3) as f64 - 1.0)).collect();
    let weights = (heads > 0).then_some(&weights[..]);
    GatherScatterCase::new(GatherSegmentCase::new(columns, &src, &index, &[], weights, reduce), &destination, groups)
}

#[test]
fn long_groups_of_any_columns_lose_nothing() {
    for reduce in ReduceOperator::GatherScatter.reductions() {
        for (columns, heads) in [(1, 0), (3, 1), (4, 1), (8, 2), (33, 33), (80, 0)] {
            check(&format!("{columns} columns, {heads} heads, {reduce}"), &large::<f32>(columns, heads, reduce));
        }
        check(&format!("float16, {reduce}"), &large::<half::f16>(32, 1, reduce));
        check(&format!("int64, {reduce}"), &large::<i64>(3, 3, reduce));
    }
}

/// Several slices, over which the index, the destinations and the weights are repeated, each in its own way.
#[test]
fn leading_axes_are_repeated() {
    let (rows, length, columns) = (5, 300, 6);
    for (index_axes, destination_axes, weight_axes) in
        [([2, 3, 2], [2, 1, 2], [1, 3, 1]), ([1, 3, 1], [2, 3, 2], [2, 1, 2]), ([2, 1, 2], [1, 1, 1], [2, 3, 2])]
    {
        let dims = |axes: [usize; 3], last: &[usize]| [&axes[..], last].concat();
        let count = |dims: &[usize]| dims.iter().product::<usize>();
        for reduce in [Reduce::Mean, Reduce::Max] {
            let mut case = large::<f32>(columns, 0, reduce);
            case.rows.src_dims = dims([2, 3, 2], &[rows, columns]);
            case.rows.src = (0..count(&case.rows.src_dims)).map(|i| (i * 37 % 5) as f32 - 2.0).collect();
            case.rows.index_dims = dims(index_axes, &[length]);
            case.rows.index = (0..count(&case.rows.index_dims)).map(|i| (i * 13 % (rows + 1)) as i64).collect();
            case.destination_dims = dims(destination_axes, &[length]);
            case.destination = (0..count(&case.destination_dims)).map(|i| (i * i % 9) as i64 - 1).collect();
            let weight_dims = dims(weight_axes, &[length, 2]);
            let values = (0..count(&weight_dims)).map(|i| (i * 11 % 3) as f32 - 1.0).collect();
            case.rows.weights = Some(Weights { dims: weight_dims, values: WeightValues::Same(values) });
            check(&format!("{reduce}"), &case);
        }
    }
}

#[test]
fn the_workspace_has_eight_bytes_for_each_element_and_little_more() {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let most = |length: usize, groups: usize| 8 * length + 4 * (groups + 1) + (3 << 20);
    for columns in [1, 3, 64, 256, 1000] {
        for (length, groups) in [(1, 1), (100, 1000), (10_000, 10), (4_000_000, 1 << 18)] {
            for reduce in [Reduce::Sum, Reduce::Max] {
                let (src, index) = (shape(&[1000, columns]), shape(&[length]));
                let options = GatherScatterOptions::new(reduce).dim_size(groups);
                let plan = GatherScatterPlan::new(&src, &index, &index, None, &options).unwrap();
                let bytes = plan.workspace_bytes(ScalarType::F32);
                assert!(bytes <= most(length, groups), "{columns} columns, {length}: {bytes}");
                let options = ScatterOptions::new(reduce).dim(0).dim_size(groups).grouping(true);
                let plan = ScatterPlan::new(&shape(&[length, columns]), &index, None, &options).unwrap();
                let atomics = 16 * groups * columns;
                let bytes = plan.workspace_bytes(ScalarType::F32);
                assert!(bytes <= most(length, groups).max(atomics), "scatter, {columns} columns, {length}: {bytes}");
            }
        }
    }
}
