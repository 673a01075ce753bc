//! The CPU backend against the naive twin, and its rules one by one.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::{Indices, scatter_cases},
    naive::{self, ScatterCase},
};
use tensorrt_scatter::{BadIndex, Error, Reduce, Reduced, ScatterOptions, Tensor, TensorView, cpu};

fn options<T>(case: &ScatterCase<T>) -> ScatterOptions {
    ScatterOptions::new(case.reduce).dim(case.dim as isize).dim_size(case.dim_size).bad_index(BadIndex::Skip)
}

fn run<T: Element>(case: &ScatterCase<T>, options: &ScatterOptions) -> Result<Reduced<Tensor<T>, Tensor<i64>>, Error> {
    let out_dims = case.out_dims();
    let base = case.base.as_ref().map(|base| TensorView::new(&out_dims, base).unwrap());
    cpu::scatter(
        TensorView::new(&case.src_dims, &case.src).unwrap(),
        TensorView::new(&case.index_dims, &case.index).unwrap(),
        base,
        options,
    )
}

#[track_caller]
fn check<T: Element>(case: &ScatterCase<T>) {
    let (out, arg) = naive::scatter(case);
    let result = run(case, &options(case)).unwrap();
    assert_eq!(result.out.shape().dims(), case.out_dims());
    assert_same("out", result.out.data(), &out);
    assert_eq!(result.arg_out.map(Tensor::into_data).unwrap_or_default(), arg);
}

fn agrees_with_the_naive_twin<T: Element>() {
    proptest!(|(case in scatter_cases::<T>(6, Indices::SomeBad))| check(&case));
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
}

proptest! {
    #[test]
    fn a_checked_call_names_the_first_offender(case in scatter_cases::<f32>(6, Indices::SomeBad)) {
        let offender = case.index.iter().position(|&index| index < 0 || index >= case.dim_size as i64);
        let offender = offender.filter(|_| !case.src.is_empty());
        match (run(&case, &options(&case).bad_index(BadIndex::Error)), offender) {
            (Ok(_), None) => {}
            (Err(Error::IndexOutOfRange { position, value, size, .. }), Some(at)) => {
                prop_assert_eq!((position, value, size), (at as u64, case.index[at], case.dim_size));
            }
            (result, offender) => prop_assert!(false, "{result:?} where the offender is {offender:?}"),
        }
    }
}

fn column(reduce: Reduce, src: &[f32], index: &[i64], base: Option<&[f32]>, dim_size: usize) -> ScatterCase<f32> {
    ScatterCase {
        src_dims: vec![src.len()],
        src: src.to_vec(),
        index_dims: vec![index.len()],
        index: index.to_vec(),
        base: base.map(<[f32]>::to_vec),
        dim: 0,
        dim_size,
        reduce,
    }
}

#[track_caller]
fn expect(case: &ScatterCase<f32>, out: &[f32], arg: &[i64]) {
    let result = run(case, &options(case)).unwrap();
    assert_same("out", result.out.data(), out);
    assert_eq!(result.arg_out.map(Tensor::into_data).unwrap_or_default(), arg);
}

#[test]
fn empty_groups_hold_the_empty_reduction() {
    for (reduce, empty) in [(Reduce::Sum, 0.0), (Reduce::Mul, 1.0), (Reduce::Mean, 0.0)] {
        expect(&column(reduce, &[3.0], &[1], None, 3), &[empty, 3.0, empty], &[]);
    }
    for reduce in [Reduce::Min, Reduce::Max] {
        expect(&column(reduce, &[3.0], &[1], None, 3), &[0.0, 3.0, 0.0], &[1, 0, 1]);
    }
}

#[test]
fn an_infinite_maximum_is_not_an_empty_group() {
    expect(&column(Reduce::Max, &[f32::NEG_INFINITY], &[0], None, 1), &[f32::NEG_INFINITY], &[0]);
    expect(&column(Reduce::Min, &[f32::INFINITY], &[0], None, 1), &[f32::INFINITY], &[0]);
    expect(&column(Reduce::Max, &[f32::MIN], &[0], None, 1), &[f32::MIN], &[0]);
}

#[test]
fn a_nan_never_replaces_a_number() {
    let nan = f32::NAN;
    for reduce in [Reduce::Min, Reduce::Max] {
        expect(&column(reduce, &[nan, 2.0, nan], &[0, 0, 0], None, 1), &[2.0], &[1]);
        expect(&column(reduce, &[nan], &[0], None, 1), &[0.0], &[1]);
        expect(&column(reduce, &[nan], &[0], Some(&[7.0]), 1), &[7.0], &[1]);
        expect(&column(reduce, &[7.0], &[0], Some(&[nan]), 1), &[nan], &[1]);
    }
}

#[test]
fn among_equals_the_smallest_position_wins() {
    for reduce in [Reduce::Min, Reduce::Max] {
        expect(&column(reduce, &[1.0, 1.0, 1.0], &[0, 0, 0], None, 1), &[1.0], &[0]);
        expect(&column(reduce, &[-0.0, 0.0], &[0, 0], None, 1), &[-0.0], &[0]);
        expect(&column(reduce, &[0.0, -0.0], &[0, 0], None, 1), &[0.0], &[0]);
    }
}

#[test]
fn base_wins_ties_and_leaves_no_position() {
    for reduce in [Reduce::Min, Reduce::Max] {
        expect(&column(reduce, &[1.0], &[0], Some(&[1.0]), 1), &[1.0], &[1]);
    }
    expect(&column(Reduce::Max, &[1.0, 3.0], &[0, 1], Some(&[2.0, 2.0]), 2), &[2.0, 3.0], &[2, 1]);
}

#[test]
fn mean_divides_base_and_sum_by_the_count() {
    expect(&column(Reduce::Mean, &[1.0, 2.0], &[0, 0], Some(&[3.0, 5.0]), 2), &[3.0, 5.0], &[]);
}

#[test]
fn without_dim_size_the_largest_index_decides() {
    let src = Tensor::new(&[3], vec![1.0f32, 2.0, 3.0]).unwrap();
    let options = ScatterOptions::new(Reduce::Sum);
    let index = Tensor::new(&[3], vec![0, 4, 4]).unwrap();
    assert_eq!(cpu::scatter(&src, &index, None, &options).unwrap().out.data(), [1.0, 0.0, 0.0, 0.0, 5.0]);
    let empty = Tensor::new(&[0], Vec::<f32>::new()).unwrap();
    let index = Tensor::new(&[0], Vec::<i32>::new()).unwrap();
    assert_eq!(cpu::scatter(&empty, &index, None, &options).unwrap().out.shape().dims(), [0]);
    let index = Tensor::new(&[3], vec![0, -1, 1]).unwrap();
    assert!(matches!(
        cpu::scatter(&src, &index, None, &options),
        Err(Error::IndexOutOfRange { position: 1, value: -1, size: 2, .. })
    ));
}

#[test]
fn rank_eight_works() {
    let dims = [2; 8];
    let case = ScatterCase {
        src_dims: dims.to_vec(),
        src: (0..256).map(|i| i as f32).collect(),
        index_dims: vec![2, 1, 2, 1, 2, 1, 2, 1],
        index: (0..16).map(|i| i * 7 % 3).collect(),
        base: None,
        dim: 4,
        dim_size: 3,
        reduce: Reduce::Max,
    };
    check(&case);
}

#[test]
fn the_into_form_refuses_what_does_not_fit_and_writes_nothing() {
    let src = Tensor::new(&[2], vec![1.0f32, 2.0]).unwrap();
    let index = Tensor::new(&[2], vec![0, 1]).unwrap();
    let mut out = Tensor::new(&[3], vec![9.0; 3]).unwrap();
    let mut arg = Tensor::new(&[3], vec![9; 3]).unwrap();
    let max = ScatterOptions::new(Reduce::Max).dim_size(2);
    assert!(matches!(
        cpu::scatter_into(&src, &index, None, &max, &mut out, None),
        Err(Error::OutputShape { output: "out", .. })
    ));
    let sum = ScatterOptions::new(Reduce::Sum);
    assert_eq!(
        cpu::scatter_into(&src, &index, None, &sum, &mut out, Some(arg.view_mut())),
        Err(Error::NoArgOut { reduce: Reduce::Sum })
    );
    assert_eq!((out.data(), arg.data()), (&[9.0; 3][..], &[9; 3][..]));
    let max = ScatterOptions::new(Reduce::Max);
    cpu::scatter_into(&src, &index, None, &max, &mut out, Some(arg.view_mut())).unwrap();
    assert_eq!((out.data(), arg.data()), (&[1.0, 2.0, 0.0][..], &[0, 1, 2][..]));
}
