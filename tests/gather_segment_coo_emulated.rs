//! The kernels of gather_segment_coo, run on an emulated grid through the GPU backend's own steps, against the naive
//! twin and against gather_scatter.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    emulator::{GRIDS, gather_scatter, gather_segment_coo, kernels_not_run, kernels_not_run_in_all_grids},
    gather_scatters::{GatherScatterCase, gather_scatter_cases, reduce},
    gather_segments::GatherSegmentCase,
};
use tensorrt_scatter::{GatherScatterPlan, GatherSegmentCooOptions, Reduce, ReduceOperator, ScalarType, Shape};

fn agrees_with_the_naive_twin<T: Element>() {
    let cases = (gather_scatter_cases::<T>(5, 12, Indices::SomeBad), any::<bool>(), 0..3usize, any::<u64>());
    proptest!(ProptestConfig::with_cases(48), |((case, is_padded, offset, seed) in cases)| {
        let case = case.sorted(is_padded);
        let (out, arg) = reduce(&case);
        let (emulated, emulated_arg) = gather_segment_coo(&case, seed, u32::MAX, offset).unwrap();
        assert_same("out", &emulated, &out);
        prop_assert_eq!(emulated_arg, arg);
    });
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
}

/// Segments that are empty, short, and so long that they lie in many chunks. The sums depend on the order of addition.
fn large(columns: usize, reduce: Reduce) -> GatherScatterCase<f32> {
    let (rows, length, groups) = (19, 700, 300);
    let src: Vec<f32> = (0..rows * columns).map(|i| 1.0 / (i as f32 + 1.0)).collect();
    let index: Vec<i64> = (0..length).map(|e| if e % 46 == 7 { -1 } else { (e * 13 % rows) as i64 }).collect();
    let destination = |e: usize| match e % 14 {
        1 => groups as i64,
        3 => -5,
        5 => (e % groups) as i64,
        _ => 2,
    };
    let destination: Vec<_> = (0..length).map(destination).collect();
    let weights: Vec<f32> = (0..length).map(|i| (i * 11 % 7) as f32 / 3.0 - 1.0).collect();
    GatherScatterCase::new(
        GatherSegmentCase::new(columns, &src, &index, &[], Some(&weights), reduce),
        &destination,
        groups,
    )
}

#[test]
fn the_bits_are_gather_scatters() {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
        for columns in [3, 33] {
            // Elements that are left out lie behind the others, as in gather_scatter's permutation. In front of them
            // they would move the segments, and with them the bounds of chunks.
            let case = large(columns, reduce).sorted(true);
            // Both index types, in each grid.
            for (seed, max_blocks) in GRIDS.into_iter().flat_map(|(seed, most)| (0..2).map(move |i| (seed + i, most))) {
                let (sorted, positions) = gather_segment_coo(&case, seed, max_blocks, 0).unwrap();
                let (scattered, scattered_positions) = gather_scatter(&case, seed, max_blocks, 0).unwrap();
                assert_eq!(bits(&sorted), bits(&scattered), "{columns} columns, {reduce}");
                assert_eq!(positions, scattered_positions, "{columns} columns, {reduce}");
            }
        }
    }
    assert_eq!(kernels_not_run("sorted_bounds"), [""; 0]);
    assert_eq!(kernels_not_run_in_all_grids(|name| name.starts_with("sorted_bounds")), [""; 0]);
}

/// Nothing is promised of the results. The emulator refuses every access outside of the tensors.
#[test]
fn destinations_in_any_order_reach_nothing_outside() {
    let cases = (gather_scatter_cases::<f32>(5, 12, Indices::SomeBad), any::<u64>());
    proptest!(ProptestConfig::with_cases(48), |((case, seed) in cases)| {
        gather_segment_coo(&case, seed, u32::MAX, 0).unwrap();
    });
    for reduce in [Reduce::Sum, Reduce::Max] {
        let (_, positions) = gather_segment_coo(&large(3, reduce), 1, u32::MAX, 0).unwrap();
        assert!(positions.iter().all(|position| (0..=700).contains(position)));
    }
}

#[test]
fn the_workspace_has_no_permutation() {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    for columns in [1, 3, 64, 256, 1000] {
        for (length, groups) in [(1, 1), (100, 1000), (10_000, 10), (4_000_000, 1 << 18)] {
            let options = GatherSegmentCooOptions::new(Reduce::Max).dim_size(groups);
            let (src, index) = (shape(&[1000, columns]), shape(&[length]));
            let plan = GatherScatterPlan::coo(&src, &index, &index, None, &options).unwrap();
            let (bytes, most) = (plan.workspace_bytes(ScalarType::F32), 4 * length + 4 * (groups + 1) + (1 << 18) + 64);
            assert!(bytes <= most, "{columns} columns, {length}: {bytes} bytes, {most} at most");
        }
    }
}
