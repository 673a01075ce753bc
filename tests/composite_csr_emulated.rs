//! The kernels of softmax, log_softmax, logsumexp and std over segments, run on an emulated grid through the GPU
//! backend's own steps, against the naive twins.

mod support;

use proptest::prelude::*;
use support::{
    assert_same,
    cases::Indices,
    composite::{Constants, FloatElement, assert_near},
    composite_csr::{Run, composite_csr_cases, emulate, expected, large_case, special_values},
    emulator::{Emulator, GRIDS, kernels_not_run, kernels_not_run_in_all_grids},
    segments::{Lengths, SegmentCase},
};
use tensorrt_scatter::{
    Composite, CompositeCsrOptions, CompositeCsrPlan, Error, IndexType, Reduce, ScalarType, Shape,
    gpu::raw::{CompositeCsrPointers, enqueue_composite_csr},
};

#[track_caller]
fn check<T: FloatElement>(case: &SegmentCase<T>, run: Run) {
    for composite in Composite::ALL {
        let given = emulate(composite, case, &CompositeCsrOptions::new(), run).unwrap();
        let what = format!("{}, {} in {:?}, {run:?}", composite.name(), T::TYPE, case.src_dims);
        assert_near(&what, &given, &expected(composite, case, &Constants::default_for::<T>()));
    }
}

fn kernels_agree_with_the_naive_twin<T: FloatElement>() {
    let cases = (composite_csr_cases::<T>(5, 40, Indices::SomeBad), any::<u64>());
    proptest!(ProptestConfig::with_cases(32), |((case, seed) in cases)| {
        check(&case, Run::of(seed, u32::MAX));
    });
}

/// Segments of a few elements, of some chunks, and of so many chunks that a block joins the records.
fn every_number_of_columns<T: FloatElement>() {
    for (k, length) in [(1, 4099), (3, 1009), (5, 1009), (8, 1009), (33, 101), (127, 67)] {
        for lengths in Lengths::ALL {
            for seed in 0..4 {
                check(&large_case::<T>((1, length, k, length / 16), lengths), Run::of(seed, u32::MAX));
            }
        }
    }
}

fn special_values_follow_the_formulas<T: FloatElement>() {
    for columns in [1, 8] {
        let case = special_values::<T>(columns);
        // The naive twin's float64 does not overflow where std's squares do.
        for composite in [Composite::Softmax, Composite::LogSoftmax, Composite::LogSumExp] {
            for seed in 0..4 {
                let given = emulate(composite, &case, &CompositeCsrOptions::new(), Run::of(seed, u32::MAX)).unwrap();
                assert_near(composite.name(), &given, &expected(composite, &case, &Constants::default_for::<T>()));
            }
        }
    }
}

for_each_float! {
    naive_twin: kernels_agree_with_the_naive_twin;
    columns: every_number_of_columns;
    special_values: special_values_follow_the_formulas;
}

/// Several rows of indptr, a long segment whose records a block joins, and many short segments.
fn rows_of_long_segments<T: FloatElement>() -> [SegmentCase<T>; 4] {
    [
        large_case((3, 300, 4, 20), Lengths::Skewed),
        large_case((2, 700, 1, 3), Lengths::Even),
        large_case((1, 2099, 33, 2), Lengths::One),
        // Work for more than one block.
        large_case((1, 500, 8, 400), Lengths::Even),
    ]
}

fn run_rows_of_long_segments<T: FloatElement>() {
    for case in rows_of_long_segments::<T>() {
        for seed in [0, 3] {
            check(&case, Run::of(seed, u32::MAX));
        }
    }
}

#[test]
fn every_kernel_runs() {
    run_rows_of_long_segments::<f32>();
    run_rows_of_long_segments::<half::f16>();
    run_rows_of_long_segments::<half::bf16>();
    run_rows_of_long_segments::<f64>();
    assert_eq!(kernels_not_run("composite_csr_"), [""; 0]);
}

/// All types of values have the same loops over work items, so one type is enough.
#[test]
fn the_bits_depend_on_neither_the_grid_nor_the_device_nor_the_order_of_threads() {
    for case in rows_of_long_segments::<f32>() {
        for composite in Composite::ALL {
            for offset in [0, 1] {
                let mut first = None;
                for (seed, max_blocks) in GRIDS.into_iter().chain([(3, u32::MAX)]) {
                    let run = Run { index_type: IndexType::I32, offset, seed, max_blocks };
                    let given = emulate(composite, &case, &CompositeCsrOptions::new(), run).unwrap();
                    assert_same(composite.name(), &given, first.get_or_insert(given.clone()));
                }
            }
        }
    }
    let is_asked_for = |name: &str| name.starts_with("composite_csr_") && name.contains("_f32");
    assert_eq!(kernels_not_run_in_all_grids(is_asked_for), [""; 0]);
}

fn csr(columns: usize, elements: usize, indptr: Vec<i64>) -> SegmentCase<f32> {
    let src = (0..elements * columns).map(|i| (i % 7) as f32).collect();
    SegmentCase::csr(columns, src, indptr, Reduce::Sum)
}

#[test]
fn elements_in_no_segment_are_zero() {
    for (elements, indptr) in [
        (5, vec![0]),
        (500, vec![3]),
        (500, vec![500, 500]),
        (500, vec![0, 0, 0]),
        (500, vec![100, 100, 420, 421]),
        (500, vec![0, 499]),
        (500, vec![499, 500]),
        (5, vec![2, 3, 3]),
    ] {
        for columns in [1, 4, 5] {
            let case = csr(columns, elements, indptr.clone());
            for (seed, max_blocks) in GRIDS {
                check(&case, Run::of(seed, max_blocks));
            }
            let zeros = emulate(Composite::Softmax, &case, &CompositeCsrOptions::new(), Run::of(0, 1)).unwrap();
            let first = indptr[0] as usize * columns;
            assert!(zeros[..first].iter().all(|&zero| zero == 0.0) || indptr.len() == 1);
        }
    }
}

#[test]
fn without_elements_there_is_nothing_or_the_result_of_an_empty_segment() {
    for (src_dims, index_dims, segments) in [
        (vec![0], vec![4], 3),
        (vec![0], vec![0], 0),
        (vec![0, 3], vec![1], 0),
        (vec![4, 0], vec![3], 2),
        (vec![2, 0, 3], vec![2, 4], 3),
        (vec![0, 5], vec![0, 3], 2),
        (vec![3], vec![0], 0),
    ] {
        let (elements, entries) = (src_dims.iter().product(), index_dims.iter().product());
        let case = SegmentCase {
            src: vec![1.0f32; elements],
            index: vec![0; entries],
            src_dims,
            index_dims,
            base: None,
            segments,
            reduce: Reduce::Sum,
            is_csr: true,
        };
        for (seed, max_blocks) in GRIDS {
            check(&case, Run::of(seed, max_blocks));
        }
    }
}

/// The results are not specified. But nothing else than the tensors is read or written, and every element of the result
/// is written.
#[test]
fn an_indptr_that_decreases_harms_nothing() {
    for indptr in [
        vec![0, 400, 100, 500],
        vec![500, 0],
        vec![500, 400, 300, 200, 100, 0],
        vec![i64::MAX, i64::MIN, i64::MAX, 0, 500, -7],
        vec![0, 500, 0, 500, 0, 500],
        vec![10, 490, 20, 480, 30, 470, 40],
    ] {
        for columns in [1, 4, 5] {
            let case = csr(columns, 500, indptr.clone());
            for composite in Composite::ALL {
                for (seed, max_blocks) in GRIDS {
                    emulate(composite, &case, &CompositeCsrOptions::new(), Run::of(seed, max_blocks)).unwrap();
                }
            }
        }
    }
}

#[test]
fn the_constants_reach_the_kernels() {
    let case = SegmentCase::csr(1, vec![1.0f64, 4.0, 2.0, 2.5], vec![0, 3, 4], Reduce::Sum);
    let constants = Constants { eps: 0.25, unbiased: false, largest: f64::MAX };
    for composite in Composite::ALL {
        let options = CompositeCsrOptions::new().eps(0.25).unbiased(false);
        let given = emulate(composite, &case, &options, Run::of(1, 1)).unwrap();
        assert_near(composite.name(), &given, &expected(composite, &case, &constants));
    }
}

/// A small difference beside a large mean, which a sum of squares would lose.
#[test]
fn std_keeps_small_differences() {
    let src = (0..1000).map(|i| 10_000.0 + (i % 2) as f32).collect();
    let case = SegmentCase::csr(1, src, vec![0, 1000], Reduce::Sum);
    let given = emulate(Composite::Std, &case, &CompositeCsrOptions::new(), Run::of(0, 1)).unwrap();
    assert!((given[0] - 0.50025).abs() < 1e-4, "{given:?}");
    let equal = SegmentCase::csr(1, vec![0.1f32; 1000], vec![0, 3, 300, 1000], Reduce::Sum);
    let given = emulate(Composite::Std, &equal, &CompositeCsrOptions::new(), Run::of(0, 1)).unwrap();
    assert_eq!(given, [0.0; 3]);
}

/// The answer of an enqueue that is refused before any address is used.
fn refusal(scalar: ScalarType, workspace_bytes: usize) -> Result<(), Error> {
    let (src, indptr) = (Shape::new(&[4]).unwrap(), Shape::new(&[3]).unwrap());
    let plan = CompositeCsrPlan::new(Composite::Softmax, &src, &indptr, &CompositeCsrOptions::new()).unwrap();
    let (src, indptr, out, workspace) = (0, 0, 0, 0);
    let index_type = IndexType::I32;
    let pointers = CompositeCsrPointers { scalar, index_type, src, indptr, out, workspace, workspace_bytes };
    // SAFETY: the call is refused before any address is used.
    unsafe { enqueue_composite_csr(&mut Emulator::new(0, 1), &plan, &pointers) }
}

#[test]
fn integers_and_a_workspace_that_is_too_small_are_refused() {
    assert_eq!(refusal(ScalarType::I32, 1_000_000), Err(Error::NotAFloat { given: ScalarType::I32 }));
    assert_eq!(refusal(ScalarType::F32, 7), Err(Error::WorkspaceTooSmall { given: 7, needed: 8 }));
}
