//! The CPU backend's reductions over segments against the naive twin, and their rules one by one.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    segments::{self, SegmentCase, column, segment_cases},
};
use tensorrt_scatter::{
    BadIndex, Error, Reduce, Reduced, SegmentCooOptions, SegmentCsrOptions, Shape, Tensor, TensorView, cpu,
};

fn run<T: Element>(case: &SegmentCase<T>, bad_index: BadIndex) -> Result<Reduced<Tensor<T>, Tensor<i64>>, Error> {
    let out_dims = case.out_dims();
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let index = TensorView::new(&case.index_dims, &case.index).unwrap();
    if case.is_csr {
        return cpu::segment_csr(src, index, &SegmentCsrOptions::new(case.reduce).bad_index(bad_index));
    }
    let base = case.base.as_ref().map(|base| TensorView::new(&out_dims, base).unwrap());
    let options = SegmentCooOptions::new(case.reduce).dim_size(case.segments).bad_index(bad_index);
    cpu::segment_coo(src, index, base, &options)
}

#[track_caller]
fn check<T: Element>(case: &SegmentCase<T>) {
    let (out, arg) = segments::reduce(case);
    let result = run(case, BadIndex::Skip).unwrap();
    assert_eq!(result.out.shape().dims(), case.out_dims());
    assert_same("out", result.out.data(), &out);
    assert_eq!(result.arg_out.map(Tensor::into_data).unwrap_or_default(), arg);
}

fn agrees_with_the_naive_twin<T: Element>() {
    proptest!(|(case in segment_cases::<T>(4, 12, Indices::SomeBad))| check(&case));
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
}

/// The first element that is out of range or below the one before it in its row.
fn first_offender<T>(case: &SegmentCase<T>) -> Option<usize> {
    let row = *case.index_dims.last().unwrap();
    let limit = if case.is_csr { case.src_dims[case.axis()] + 1 } else { case.segments } as i64;
    let checked = case.is_csr || !case.src.is_empty();
    let is_bad = |&at: &usize| {
        let index = case.index[at];
        !(0..limit).contains(&index) || !at.is_multiple_of(row) && index < case.index[at - 1]
    };
    (0..case.index.len()).find(is_bad).filter(|_| checked)
}

proptest! {
    #[test]
    fn a_checked_call_names_the_first_offender(
        case in segment_cases::<f32>(4, 12, Indices::SomeBad),
        swap in any::<Option<(prop::sample::Index, prop::sample::Index)>>(),
    ) {
        let mut case = case;
        if let (Some((a, b)), false) = (swap, case.index.is_empty()) {
            let (a, b) = (a.index(case.index.len()), b.index(case.index.len()));
            case.index.swap(a, b);
        }
        let row = *case.index_dims.last().unwrap();
        let before = |at: usize| if at.is_multiple_of(row) { 0 } else { case.index[at - 1] };
        match (run(&case, BadIndex::Error), first_offender(&case)) {
            (Ok(_), None) => {}
            (Err(Error::IndexOutOfRange { position, value, size, .. }), Some(at)) => {
                prop_assert!(!case.is_csr && !(0..size as i64).contains(&value));
                prop_assert_eq!((position, value, size), (at as u64, case.index[at], case.segments));
            }
            (Err(Error::UnsortedIndex { position, value, previous, .. }), Some(at)) => {
                prop_assert!(!case.is_csr);
                prop_assert_eq!((position, value, previous), (at as u64, case.index[at], before(at)));
            }
            (Err(Error::IndptrOutOfRange { position, value, at_least, size, .. }), Some(at)) => {
                prop_assert_eq!((position, value, at_least), (at as u64, case.index[at], before(at)));
                prop_assert_eq!(size, case.src_dims[case.axis()]);
            }
            (result, offender) => prop_assert!(false, "{result:?} where the offender is {offender:?}"),
        }
    }
}

#[track_caller]
fn expect<T: Element>(case: &SegmentCase<T>, out: &[T], arg: &[i64]) {
    let result = run(case, BadIndex::Error).unwrap();
    assert_same("out", result.out.data(), out);
    assert_eq!(result.arg_out.map(Tensor::into_data).unwrap_or_default(), arg);
}

#[test]
fn empty_segments_hold_zero_and_no_position() {
    for (is_csr, index) in [(false, &[1][..]), (true, &[0, 0, 1, 1])] {
        for reduce in segments::reductions(is_csr) {
            let arg: &[i64] = if reduce.has_arg() { &[1, 0, 1] } else { &[] };
            expect(&column(reduce, &[3.0], index, None, 3, is_csr), &[0.0, 3.0, 0.0], arg);
        }
    }
}

#[test]
fn an_infinite_maximum_is_not_an_empty_segment() {
    for (reduce, value) in [(Reduce::Max, f32::NEG_INFINITY), (Reduce::Max, f32::MIN), (Reduce::Min, f32::INFINITY)] {
        expect(&column(reduce, &[value], &[0], None, 1, false), &[value], &[0]);
        expect(&column(reduce, &[value], &[0, 1], None, 1, true), &[value], &[0]);
    }
}

#[test]
fn the_least_and_the_greatest_integer_are_numbers() {
    for (reduce, value) in [(Reduce::Max, i32::MIN), (Reduce::Min, i32::MAX)] {
        expect(&column(reduce, &[value; 2], &[0, 0], None, 1, false), &[value], &[0]);
        expect(&column(reduce, &[value; 2], &[0, 2], None, 1, true), &[value], &[0]);
        expect(&column(reduce, &[value], &[0], Some(&[value]), 1, false), &[value], &[1]);
    }
}

#[test]
fn a_nan_never_replaces_a_number() {
    let nan = f32::NAN;
    for reduce in [Reduce::Min, Reduce::Max] {
        expect(&column(reduce, &[nan, 2.0, nan], &[0, 3], None, 1, true), &[2.0], &[1]);
        expect(&column(reduce, &[nan], &[0, 1], None, 1, true), &[0.0], &[1]);
        expect(&column(reduce, &[nan], &[0], Some(&[7.0]), 1, false), &[7.0], &[1]);
        expect(&column(reduce, &[7.0], &[0], Some(&[nan]), 1, false), &[nan], &[1]);
    }
}

#[test]
fn among_equals_the_smallest_position_wins() {
    for reduce in [Reduce::Min, Reduce::Max] {
        expect(&column(reduce, &[1.0, 1.0, 1.0], &[0, 3], None, 1, true), &[1.0], &[0]);
        expect(&column(reduce, &[-0.0, 0.0], &[0, 0], None, 1, false), &[-0.0], &[0]);
        expect(&column(reduce, &[0.0, -0.0], &[0, 0], None, 1, false), &[0.0], &[0]);
    }
}

#[test]
fn base_is_what_an_index_starts_from() {
    expect(&column(Reduce::Sum, &[1.0, 2.0], &[0, 0], Some(&[3.0, 5.0]), 2, false), &[6.0, 5.0], &[]);
    expect(&column(Reduce::Mean, &[1.0, 2.0], &[0, 0], Some(&[3.0, 5.0]), 2, false), &[3.0, 5.0], &[]);
    let max = column(Reduce::Max, &[1.0, 3.0, 2.0], &[0, 1, 2], Some(&[2.0; 3]), 3, false);
    expect(&max, &[2.0, 3.0, 2.0], &[3, 1, 3]);
}

#[test]
fn elements_outside_indptr_are_not_used() {
    expect(&column(Reduce::Sum, &[9.0, 1.0, 2.0, 9.0], &[1, 2, 3], None, 2, true), &[1.0, 2.0], &[]);
}

#[test]
fn integer_means_round_down_and_sums_wrap() {
    let src = Tensor::new(&[2], vec![-2i32, -1]).unwrap();
    let indptr = Tensor::new(&[2], vec![0, 2]).unwrap();
    let mean = cpu::segment_csr(&src, &indptr, &SegmentCsrOptions::new(Reduce::Mean)).unwrap();
    assert_eq!(mean.out.data(), [-2]);
    let src = Tensor::new(&[2], vec![i32::MAX, 1]).unwrap();
    let sum = cpu::segment_csr(&src, &indptr, &SegmentCsrOptions::new(Reduce::Sum)).unwrap();
    assert_eq!(sum.out.data(), [i32::MIN]);
}

#[test]
fn bad_elements_between_good_ones_are_left_out() {
    let case = column(Reduce::Sum, &[1.0, 2.0, 4.0, 8.0], &[0, -1, 0, 9], None, 2, false);
    let result = run(&case, BadIndex::Skip).unwrap();
    assert_eq!(result.out.data(), [5.0, 0.0]);
}

#[test]
fn an_indptr_out_of_range_is_brought_into_it() {
    let case = column(Reduce::Sum, &[1.0, 2.0, 4.0], &[-3, 1, 9], None, 2, true);
    assert_eq!(run(&case, BadIndex::Skip).unwrap().out.data(), [1.0, 6.0]);
    let decreasing = column(Reduce::Sum, &[1.0, 2.0, 4.0], &[2, 1, 3], None, 2, true);
    assert_eq!(run(&decreasing, BadIndex::Skip).unwrap().out.data()[0], 0.0);
}

#[test]
fn without_dim_size_the_largest_index_decides() {
    let src = Tensor::new(&[3], vec![1.0f32, 2.0, 3.0]).unwrap();
    let index = Tensor::new(&[3], vec![0, 4, 4]).unwrap();
    let options = SegmentCooOptions::new(Reduce::Sum);
    assert_eq!(cpu::segment_coo(&src, &index, None, &options).unwrap().out.data(), [1.0, 0.0, 0.0, 0.0, 5.0]);
    let index = Tensor::new(&[3], vec![0, 4, 3]).unwrap();
    assert_eq!(
        cpu::segment_coo(&src, &index, None, &options).err(),
        Some(Error::UnsortedIndex {
            input: "index",
            position: 2,
            value: 3,
            previous: 4,
            shape: Shape::new(&[3]).unwrap()
        })
    );
}

#[test]
fn the_into_forms_overwrite_every_element_and_refuse_what_does_not_fit() {
    let src = Tensor::new(&[2], vec![1.0f32, 2.0]).unwrap();
    let indptr = Tensor::new(&[4], vec![0, 0, 2, 2]).unwrap();
    let mut out = Tensor::new(&[3], vec![9.0; 3]).unwrap();
    let mut arg = Tensor::new(&[3], vec![9; 3]).unwrap();
    let max = SegmentCsrOptions::new(Reduce::Max);
    cpu::segment_csr_into(&src, &indptr, &max, &mut out, Some(arg.view_mut())).unwrap();
    assert_eq!((out.data(), arg.data()), (&[0.0, 2.0, 0.0][..], &[2, 1, 2][..]));
    let sum = SegmentCsrOptions::new(Reduce::Sum);
    assert_eq!(
        cpu::segment_csr_into(&src, &indptr, &sum, &mut out, Some(arg.view_mut())),
        Err(Error::NoArgOut { reduce: Reduce::Sum })
    );
    let mut short = Tensor::new(&[2], vec![9.0; 2]).unwrap();
    assert!(matches!(
        cpu::segment_csr_into(&src, &indptr, &sum, &mut short, None),
        Err(Error::OutputShape { output: "out", .. })
    ));
    let index = Tensor::new(&[2], vec![0, 2]).unwrap();
    let sum = SegmentCooOptions::new(Reduce::Sum);
    cpu::segment_coo_into(&src, &index, None, &sum, &mut out, None).unwrap();
    assert_eq!((out.data(), short.data()), (&[1.0, 0.0, 2.0][..], &[9.0; 2][..]));
}
