//! The kernels of group_index, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use proptest::prelude::*;
use support::{
    emulator::{self, GRIDS, Setup, kernels_not_run, kernels_not_run_in_all_grids},
    groupings::{GroupingCase, grouping_cases, hard_cases},
    naive::ScatterCase,
};
use tensorrt_scatter::{IndexType, Reduce, ScatterOptions};

#[track_caller]
fn check(case: &GroupingCase, (seed, max_blocks): (u64, u32)) {
    let expected = case.grouping();
    for (index_type, is_wide) in [(IndexType::I32, false), (IndexType::I32, true), (IndexType::I64, false)] {
        let given = emulator::grouping(case, index_type, is_wide, seed, max_blocks).unwrap();
        assert_eq!(given.perm, expected.0, "perm, {index_type}, wide words: {is_wide}");
        assert_eq!(given.indptr, expected.1, "indptr, {index_type}, wide words: {is_wide}");
    }
}

/// Groups an int64 index by positions of 32 bits, as scatter does: the positions of a group's elements add up to its sum.
#[track_caller]
fn check_narrow_positions(case: &GroupingCase, (seed, max_blocks): (u64, u32)) {
    let mut sums = vec![0i64; case.groups];
    for (position, &index) in case.index.iter().enumerate() {
        if let Some(sum) = usize::try_from(index).ok().and_then(|index| sums.get_mut(index)) {
            *sum += position as i64;
        }
    }
    let scatter = ScatterCase {
        src_dims: case.dims.clone(),
        src: (0..case.index.len() as i64).collect(),
        index_dims: case.dims.clone(),
        index: case.index.clone(),
        base: None,
        dim: 0,
        dim_size: case.groups,
        reduce: Reduce::Sum,
    };
    let setup = Setup { index_type: IndexType::I64, ..Setup::ALL[0] }.with_grouping(true);
    let given = emulator::scatter_in(setup, &scatter, &ScatterOptions::new(Reduce::Sum), seed, max_blocks).unwrap();
    assert!(given.0 == sums, "{} groups of {} elements", case.groups, case.index.len());
}

#[test]
fn agrees_with_the_naive_twin() {
    proptest!(ProptestConfig::with_cases(48), |(case in grouping_cases(40), seed in any::<u64>())| {
        check(&case, (seed, u32::MAX));
    });
}

/// One pass, two and three. The elements fill several shares, and the last tile is not full.
#[test]
fn every_kernel_sorts_by_every_digit() {
    for (length, groups) in [(1, 1), (5000, 1), (4500, 700), (4500, 767), (2100, 768), (300, 20_000)] {
        for case in hard_cases(length, groups) {
            for grid in GRIDS {
                check(&case, grid);
                check_narrow_positions(&case, grid);
            }
        }
    }
    let far = (0..5000).map(|i| i * 7919 % 6 * 80_000 + i % 3 - 1).collect();
    let sparse = GroupingCase::new(far, 400_001);
    for grid in GRIDS {
        check(&sparse, grid);
        check_narrow_positions(&sparse, grid);
    }
    assert_eq!(kernels_not_run("group_index"), [""; 0]);
    assert_eq!(kernels_not_run_in_all_grids(|name| name.starts_with("group_index")), [""; 0]);
}

/// A bucket of three shares between buckets of one share, or of none: the digits of its shares are counted ahead.
#[test]
fn a_large_bucket_is_sorted_by_several_blocks() {
    let groups = 5000;
    let hot = 2600..2620;
    let index = (0..40_000).map(|i| if i % 9 == 0 { i * 7919 % groups } else { hot.start + i * 31 % 20 }).collect();
    let case = GroupingCase::new(index, groups as usize);
    let expected = case.grouping();
    let grouping = |grid: (u64, u32)| emulator::grouping(&case, IndexType::I32, false, grid.0, grid.1).unwrap();
    for grid in [GRIDS[0], (7, 3)] {
        let given = grouping(grid);
        assert!(given.perm == expected.0 && given.indptr == expected.1, "{grid:?}");
    }
}

/// Elements of several rows in one tile, and rows of several tiles.
#[test]
fn every_row_has_a_grouping_of_its_own() {
    for (rows, length, groups) in [(40, 60, 100), (3, 2500, 5), (300, 1, 4), (5, 7, 0)] {
        let index = (0..rows * length).map(|i| (i * 7919 % (groups + 2)) as i64 - 1).collect();
        let case = GroupingCase { dims: vec![rows, length], index, groups };
        GRIDS.into_iter().for_each(|grid| check(&case, grid));
    }
}

#[test]
fn without_elements_every_group_is_empty() {
    for dims in [vec![0], vec![3, 0], vec![0, 5], vec![0, 0]] {
        for groups in [0, 5] {
            check(&GroupingCase { dims: dims.clone(), index: Vec::new(), groups }, GRIDS[0]);
        }
    }
}
