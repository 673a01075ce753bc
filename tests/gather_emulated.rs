//! The gathers' kernels, run on an emulated grid through the GPU backend's own steps, against the naive twins.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    emulator::{GRIDS, kernels_not_run, kernels_not_run_in_all_grids},
    gather::{GatherCase, coo_cases, csr_cases, emulate_coo, emulate_csr, emulate_csr_batches, naive_coo, naive_csr},
};

fn coo_agrees_with_the_naive_twin<T: Element>() {
    let cases = (coo_cases::<T>(5, true), 0..9usize, any::<u64>());
    proptest!(ProptestConfig::with_cases(64), |((case, shift, seed) in cases)| {
        assert_same("out", &emulate_coo(&case, shift, seed, u32::MAX), &naive_coo(&case));
    });
}

fn csr_agrees_with_the_naive_twin<T: Element>() {
    let cases = (csr_cases::<T>(5), 0..9usize, any::<u64>());
    proptest!(ProptestConfig::with_cases(64), |((case, shift, seed) in cases)| {
        assert_same("out", &emulate_csr(&case, shift, seed, u32::MAX), &naive_csr(&case));
    });
}

for_each_type! {
    coo_naive_twin: coo_agrees_with_the_naive_twin;
    csr_naive_twin: csr_agrees_with_the_naive_twin;
}

/// Values that differ between rows and between columns.
fn src<T: Element>(rows: usize, columns: usize) -> Vec<T> {
    (0..rows * columns).map(|i| T::of((i * 37 % 101) as f64)).collect()
}

fn check_coo<T: Element>(what: &str, case: &GatherCase<T>) {
    for (seed, max_blocks) in GRIDS {
        assert_same(what, &emulate_coo(case, 0, seed, max_blocks), &naive_coo(case));
    }
}

fn check_csr<T: Element>(what: &str, case: &GatherCase<T>) {
    for (seed, max_blocks) in GRIDS {
        assert_same(what, &emulate_csr(case, 0, seed, max_blocks), &naive_csr(case));
    }
}

/// Rows of every number of bytes, so that each word width is the widest possible one for some row. There is work for
/// more than one block.
fn rows_are_copied_whole<T: Element>() {
    for columns in [1, 2, 3, 4, 6, 8, 16] {
        let (rows, size) = (23, 1300);
        let index = (0..size).map(|e| (e * 7 % 29) as i64).collect();
        let (src_dims, index_dims) = (vec![rows, columns], vec![size]);
        let case = GatherCase { src_dims, src: src::<T>(rows, columns), index_dims, index, size };
        check_coo("coo", &case);
        let mut index: Vec<i64> = (0..=rows).map(|n| (n * n * size / (rows * rows)) as i64).collect();
        let empty = index[4] + 2;
        index[5..9].fill(empty);
        let case = GatherCase { index_dims: vec![rows + 1], index, ..case };
        check_csr("csr", &case);
        let is_one_word = columns * size_of::<T>() <= 16 && columns.is_power_of_two();
        // The seed chooses the type of the index, too.
        for (seed, max_blocks) in [(0, 1), (1, 1), (2, u32::MAX), (3, u32::MAX)].into_iter().filter(|_| is_one_word) {
            assert_same("csr by batches", &emulate_csr_batches(&case, 1, seed, max_blocks), &naive_csr(&case));
        }
        // The index is broadcast over every second leading axis.
        let (src_dims, index_dims, size) = (vec![2, 3, 2, 4, columns], vec![2, 1, 2, 100], 100);
        let (src, index) = (src::<T>(48, columns), (0..400).map(|i| i * 7 % 5 - 1).collect());
        let case = GatherCase { src_dims, src, index_dims, index, size };
        check_coo("coo in runs", &case);
        let case = GatherCase { index_dims: vec![2, 1, 2, 5], index: (0..20).map(|i| i % 5 * 25).collect(), ..case };
        check_csr("csr in runs", &case);
    }
}

#[test]
fn every_kernel_copies_whole_rows_of_every_width() {
    rows_are_copied_whole::<half::f16>();
    rows_are_copied_whole::<f32>();
    rows_are_copied_whole::<f64>();
    assert_eq!(kernels_not_run("gather_coo"), [""; 0]);
    assert_eq!(kernels_not_run("gather_csr"), [""; 0]);
    assert_eq!(kernels_not_run_in_all_grids(|name| name.starts_with("gather_coo")), [""; 0]);
    assert_eq!(kernels_not_run_in_all_grids(|name| name.starts_with("gather_csr")), [""; 0]);
}

/// Threads prefetch the index for later warps, up to its end and no further.
#[test]
fn an_index_is_fetched_ahead_within_its_end() {
    let size = 4096 * 32 * 4 + 300;
    let index = (0..size).map(|e| (e * 7 % 29) as i64).collect();
    let case = GatherCase { src_dims: vec![23, 1], src: src::<f32>(23, 1), index_dims: vec![size], index, size };
    assert_same("coo", &emulate_coo(&case, 0, 1, u32::MAX), &naive_coo(&case));
}

/// One segment has nearly all rows. The others are empty.
#[test]
fn skewed_segments_are_found_from_every_thread() {
    let (rows, size) = (3_000, 5_000);
    for start in [0, 1, 1_500, 2_999] {
        let index = (0..=rows).map(|n| if n <= start { (n / 1_000) as i64 } else { (size - (rows - n) / 500) as i64 });
        let case = GatherCase {
            src_dims: vec![rows, 1],
            src: src::<f64>(rows, 1),
            index_dims: vec![rows + 1],
            index: index.collect(),
            size,
        };
        assert_same("csr", &emulate_csr(&case, 0, 1, 3), &naive_csr(&case));
    }
}

/// The kernel for very many rows of one word. There are short segments, which take several windows of indptr; long
/// ones; so many empty ones that each lane searches for itself; and rows before the first segment and behind the last
/// one.
#[test]
fn rows_of_one_chunk_are_taken_by_batches() {
    fn check<T: Element>(columns: usize, size: usize, indptr: &[usize]) {
        let rows = indptr.len() - 1;
        let index = indptr.iter().map(|&start| start as i64).collect();
        let (src_dims, index_dims) = (vec![rows, columns], vec![rows + 1]);
        let case = GatherCase { src_dims, src: src::<T>(rows, columns), index_dims, index, size };
        for tiles in [1, 3] {
            assert_same("out", &emulate_csr_batches(&case, tiles, 1, u32::MAX), &naive_csr(&case));
        }
    }
    let size = 1_000;
    for (first, step) in [(0, 1), (3, 2), (0, 5), (7, 16), (0, 300), (900, 1)] {
        let indptr: Vec<usize> = (0..=(size - first) / step).map(|n| first + n * step).collect();
        check::<f32>(1, size, &indptr);
        check::<f32>(4, size, &indptr[..indptr.len() / 2 + 1]);
    }
    for empty in [31, 32, 33, 255, 256, 257, 2_000] {
        let indptr: Vec<usize> = (0..5).chain(vec![200; empty]).chain(500..=size).collect();
        check::<f64>(1, size, &indptr);
        check::<half::f16>(1, size, &indptr);
    }
    check::<f32>(1, size, &[4]);
}

#[test]
fn leading_axes_broadcast_one_by_one() {
    let size = 3;
    let case = GatherCase {
        src_dims: vec![2; 8],
        src: src::<i32>(256, 1),
        index_dims: vec![2, 1, 2, 1, 2, 1, size],
        index: (0..24).map(|i| i * 7 % 3).collect(),
        size,
    };
    assert_same("coo", &emulate_coo(&case, 0, 1, 1), &naive_coo(&case));
    let index = (0..24).map(|i| i % 3 * 2).collect();
    let case = GatherCase { index, size: 5, ..case };
    assert_same("csr", &emulate_csr(&case, 0, 1, 1), &naive_csr(&case));
}

proptest! {
    /// Whatever indptr holds, each row of the result is one of src's or zeros, and nothing else is touched.
    #[test]
    fn an_unchecked_indptr_cannot_reach_out_of_bounds(
        index in prop::collection::vec(prop_oneof![-9..40i64, any::<i64>()], 5),
        seed: u64,
    ) {
        let rows = [1.0, 2.0, 3.0, 4.0];
        let case =
            GatherCase { src_dims: vec![4], src: rows.to_vec(), index_dims: vec![5], index, size: 300 };
        for out in [emulate_csr(&case, 0, seed, 2), emulate_csr_batches(&case, 2, seed, u32::MAX)] {
            prop_assert!(out.iter().all(|value| *value == 0.0 || rows.contains(value)));
        }
    }
}

#[test]
fn an_indptr_of_no_rows_gives_zeros() {
    for index in [vec![], vec![0], vec![3]] {
        let (src_dims, src, index_dims) = (vec![0, 2], Vec::<f32>::new(), vec![index.len()]);
        let case = GatherCase { src_dims, src, index_dims, index, size: 4 };
        assert_same("out", &emulate_csr(&case, 0, 1, 1), &[0.0; 8]);
    }
}
