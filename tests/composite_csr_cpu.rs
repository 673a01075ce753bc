//! Softmax, log_softmax, logsumexp and std over segments on the CPU backend against the naive twins, against the
//! composites of the index that indptr stands for, and their rules one by one.

mod support;

use proptest::prelude::*;
use support::{
    assert_same,
    cases::Indices,
    composite::{Constants, FloatElement, assert_near},
    composite_csr::{composite_csr_cases, expected, large_case, special_values},
    segments::{Lengths, SegmentCase, written_out},
};
use tensorrt_scatter::{
    BadIndex, Composite, CompositeCsrOptions, CompositeOptions, Error, Reduce, Tensor, TensorView, cpu,
};

fn run<T: FloatElement>(
    composite: Composite,
    case: &SegmentCase<T>,
    options: &CompositeCsrOptions,
) -> Result<Tensor<T>, Error> {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let indptr = TensorView::new(&case.index_dims, &case.index).unwrap();
    match composite {
        Composite::Softmax => cpu::softmax_csr(src, indptr, options),
        Composite::LogSoftmax => cpu::log_softmax_csr(src, indptr, options),
        Composite::LogSumExp => cpu::logsumexp_csr(src, indptr, options),
        Composite::Std => cpu::std_csr(src, indptr, options),
    }
}

/// The composite of a scatter whose index is written out.
fn of_index<T: FloatElement>(composite: Composite, case: &SegmentCase<T>) -> Tensor<T> {
    let case = written_out(case);
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let index = TensorView::new(&case.index_dims, &case.index).unwrap();
    let options = CompositeOptions::new().dim(case.dim as isize).dim_size(case.dim_size).bad_index(BadIndex::Skip);
    match composite {
        Composite::Softmax => cpu::softmax(src, index, &options),
        Composite::LogSoftmax => cpu::log_softmax(src, index, &options),
        Composite::LogSumExp => cpu::logsumexp(src, index, &options),
        Composite::Std => cpu::std(src, index, &options),
    }
    .unwrap()
}

/// On the CPU both add the elements of a group in the order of src, so even the bits are the same.
#[track_caller]
fn check_beside_the_composites<T: FloatElement>(case: &SegmentCase<T>) {
    for composite in Composite::ALL {
        let given = run(composite, case, &CompositeCsrOptions::new().bad_index(BadIndex::Skip)).unwrap();
        let expected = of_index(composite, case);
        assert_eq!(given.shape(), expected.shape());
        assert_same(composite.name(), given.data(), expected.data());
    }
}

fn agrees_with_the_naive_twin_and_the_composites<T: FloatElement>() {
    proptest!(|(case in composite_csr_cases::<T>(6, 12, Indices::SomeBad))| {
        for composite in Composite::ALL {
            let given = run(composite, &case, &CompositeCsrOptions::new().bad_index(BadIndex::Skip)).unwrap();
            assert_near(composite.name(), given.data(), &expected(composite, &case, &Constants::default_for::<T>()));
        }
        check_beside_the_composites(&case);
    });
    // Several threads.
    for lengths in Lengths::ALL {
        check_beside_the_composites(&large_case::<T>((2, 10_007, 3, 50), lengths));
    }
    for columns in [1, 8] {
        check_beside_the_composites(&special_values::<T>(columns));
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin_and_the_composites;
}

proptest! {
    #[test]
    fn a_checked_call_names_the_first_offender(case in composite_csr_cases::<f32>(6, 12, Indices::SomeBad)) {
        let (entries, size) = (case.segments + 1, case.src_dims[case.axis()]);
        let offender = (0..case.index.len()).find(|&at| {
            let previous = if at % entries == 0 { 0 } else { case.index[at - 1] };
            case.index[at] < previous || case.index[at] < 0 || case.index[at] > size as i64
        });
        for composite in Composite::ALL {
            match (run(composite, &case, &CompositeCsrOptions::new()), offender) {
                (Ok(_), None) => {}
                (Err(Error::IndptrOutOfRange { position, value, size: given, .. }), Some(at)) => {
                    prop_assert_eq!((position, value, given), (at as u64, case.index[at], size));
                }
                (result, offender) => prop_assert!(false, "{result:?} where the offender is {offender:?}"),
            }
        }
    }
}

#[test]
fn elements_in_no_segment_are_zero() {
    let case = SegmentCase::csr(1, vec![5.0f32, 1.0, 1.0, 7.0, 9.0], vec![1, 3, 3, 4], Reduce::Sum);
    let options = CompositeCsrOptions::new();
    assert_eq!(run(Composite::Softmax, &case, &options).unwrap().data(), [0.0, 0.5, 0.5, 1.0, 0.0]);
    let half = 0.5f32.ln();
    assert_eq!(run(Composite::LogSoftmax, &case, &options).unwrap().data(), [0.0, half, half, 0.0, 0.0]);
    assert_eq!(run(Composite::LogSumExp, &case, &options).unwrap().data()[1..], [0.0, 7.0]);
    assert_eq!(run(Composite::Std, &case, &options).unwrap().data(), [0.0; 3]);
    let without_segments = SegmentCase::csr(1, vec![5.0f32; 3], vec![1], Reduce::Sum);
    assert_eq!(run(Composite::Softmax, &without_segments, &options).unwrap().data(), [0.0; 3]);
}

#[test]
fn an_indptr_that_decreases_harms_nothing() {
    for indptr in [vec![0, 4, 1, 5], vec![5, 0], vec![i64::MAX, i64::MIN, 3, -7], vec![0, 5, 0, 5]] {
        let case = SegmentCase::csr(1, vec![1.0f32; 5], indptr, Reduce::Sum);
        for composite in Composite::ALL {
            run(composite, &case, &CompositeCsrOptions::new().bad_index(BadIndex::Skip)).unwrap();
            assert!(run(composite, &case, &CompositeCsrOptions::new()).is_err());
        }
    }
}

#[test]
fn the_into_forms_write_every_element_and_refuse_another_shape() {
    let src = Tensor::new(&[3], vec![1.0f32, 1.0, 2.0]).unwrap();
    let indptr = Tensor::new(&[2], vec![0i32, 2]).unwrap();
    let options = CompositeCsrOptions::new();
    let mut out = Tensor::new(&[3], vec![9.0f32; 3]).unwrap();
    cpu::softmax_csr_into(&src, &indptr, &options, &mut out).unwrap();
    assert_eq!(out.data(), [0.5, 0.5, 0.0]);
    cpu::log_softmax_csr_into(&src, &indptr, &options, &mut out).unwrap();
    assert_eq!(out.data()[2], 0.0);
    out.data_mut().fill(9.0);
    let refused = [
        cpu::logsumexp_csr_into(&src, &indptr, &options, &mut out),
        cpu::std_csr_into(&src, &indptr, &options, &mut out),
    ];
    assert!(refused.iter().all(|result| matches!(result, Err(Error::OutputShape { output: "out", .. }))));
    assert_eq!(out.data(), [9.0; 3]);
    let mut out = Tensor::new(&[1], vec![9.0f32]).unwrap();
    cpu::std_csr_into(&src, &indptr, &options, &mut out).unwrap();
    assert_eq!(out.data(), [0.0]);
    assert!(cpu::softmax_csr_into(&src, &indptr, &options, &mut out).is_err());
}
