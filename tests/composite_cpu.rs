//! Softmax, log_softmax, logsumexp and std on the CPU backend against the naive twins, and their rules one by one.

mod support;

use proptest::prelude::*;
use support::{
    cases::Indices,
    composite::{Constants, FloatElement, assert_near, composite_cases, naive, options},
    naive::ScatterCase,
};
use tensorrt_scatter::{BadIndex, Composite, CompositeOptions, Error, Reduce, Tensor, TensorView, cpu};

fn run<T: FloatElement>(
    composite: Composite,
    case: &ScatterCase<T>,
    options: &CompositeOptions,
) -> Result<Tensor<T>, Error> {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let index = TensorView::new(&case.index_dims, &case.index).unwrap();
    match composite {
        Composite::Softmax => cpu::softmax(src, index, options),
        Composite::LogSoftmax => cpu::log_softmax(src, index, options),
        Composite::LogSumExp => cpu::logsumexp(src, index, options),
        Composite::Std => cpu::std(src, index, options),
    }
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    proptest!(|(case in composite_cases::<T>(6, Indices::SomeBad))| {
        for composite in Composite::ALL {
            let given = run(composite, &case, &options(&case).bad_index(BadIndex::Skip)).unwrap();
            assert_near(composite.name(), given.data(), &naive(composite, &case, &Constants::default_for::<T>()));
        }
    });
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
}

proptest! {
    #[test]
    fn a_checked_call_names_the_first_offender(case in composite_cases::<f32>(6, Indices::SomeBad)) {
        let offender = case.index.iter().position(|&index| index < 0 || index >= case.dim_size as i64);
        let offender = offender.filter(|_| !case.src.is_empty());
        for composite in Composite::ALL {
            match (run(composite, &case, &options(&case)), offender) {
                (Ok(_), None) => {}
                (Err(Error::IndexOutOfRange { position, value, size, .. }), Some(at)) => {
                    prop_assert_eq!((position, value, size), (at as u64, case.index[at], case.dim_size));
                }
                (result, offender) => prop_assert!(false, "{result:?} where the offender is {offender:?}"),
            }
        }
    }
}

fn column(src: &[f32], index: &[i64]) -> ScatterCase<f32> {
    let (src_dims, index_dims) = (vec![src.len()], vec![index.len()]);
    let (src, index) = (src.to_vec(), index.to_vec());
    let dim_size = index.iter().copied().max().map_or(0, |largest| largest as usize + 1);
    ScatterCase { src_dims, src, index_dims, index, base: None, dim: 0, dim_size, reduce: Reduce::Sum }
}

#[track_caller]
fn expect(composite: Composite, src: &[f32], index: &[i64], expected: &[f32]) {
    let given = run(composite, &column(src, index), &CompositeOptions::new()).unwrap();
    support::assert_same(composite.name(), given.data(), expected);
}

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

#[test]
fn empty_groups_are_zero() {
    expect(Composite::LogSumExp, &[0.0], &[1], &[0.0, 0.0]);
    expect(Composite::Std, &[3.0], &[1], &[0.0, 0.0]);
}

#[test]
fn a_group_of_lowest_finite_numbers_is_not_empty() {
    expect(Composite::Softmax, &[f32::MIN, f32::MIN], &[0, 0], &[0.5, 0.5]);
}

#[test]
fn a_group_of_minus_infinities_is_as_in_torch_scatter() {
    expect(Composite::Softmax, &[-INF, -INF], &[0, 0], &[NAN, NAN]);
    expect(Composite::LogSoftmax, &[-INF, -INF], &[0, 0], &[-INF, -INF]);
    expect(Composite::LogSumExp, &[-INF, -INF], &[0, 0], &[0.0]);
}

#[test]
fn logsumexp_is_finite_and_leaves_nan_out() {
    expect(Composite::LogSumExp, &[INF, 1.0], &[0, 0], &[f32::MAX]);
    expect(Composite::LogSumExp, &[NAN, 1.0], &[0, 0], &[1.0]);
    expect(Composite::LogSumExp, &[NAN], &[0], &[0.0]);
}

#[test]
fn a_nan_makes_its_softmax_group_nan() {
    expect(Composite::Softmax, &[NAN, 1.0, 2.0], &[0, 0, 1], &[NAN, NAN, 1.0]);
    expect(Composite::LogSoftmax, &[NAN, 1.0, 2.0], &[0, 0, 1], &[NAN, NAN, 0.0]);
    expect(Composite::Std, &[NAN, 1.0, 2.0], &[0, 0, 1], &[NAN, 0.0]);
}

#[test]
fn large_numbers_do_not_overflow_softmax() {
    expect(Composite::Softmax, &[1e30, 1e30, -1e30], &[0, 0, 0], &[0.5, 0.5, 0.0]);
    expect(Composite::LogSoftmax, &[1e30, -1e30], &[0, 0], &[0.0, -2e30]);
}

#[test]
fn std_is_unbiased_unless_told_otherwise() {
    let case = ScatterCase { src: vec![1.0f64, 3.0], ..as_f64(&column(&[0.0, 0.0], &[0, 0])) };
    let unbiased = run(Composite::Std, &case, &CompositeOptions::new()).unwrap();
    let biased = run(Composite::Std, &case, &CompositeOptions::new().unbiased(false)).unwrap();
    assert!((unbiased.data()[0] - (2.0f64 / 1.000_001).sqrt()).abs() < 1e-15);
    assert!((biased.data()[0] - (2.0f64 / 2.000_001).sqrt()).abs() < 1e-15);
}

fn as_f64(case: &ScatterCase<f32>) -> ScatterCase<f64> {
    ScatterCase {
        src_dims: case.src_dims.clone(),
        src: case.src.iter().map(|&value| value.into()).collect(),
        index_dims: case.index_dims.clone(),
        index: case.index.clone(),
        base: None,
        dim: case.dim,
        dim_size: case.dim_size,
        reduce: case.reduce,
    }
}

#[test]
fn eps_is_added_before_the_logarithm() {
    let case = as_f64(&column(&[2.0], &[0]));
    let given = run(Composite::LogSumExp, &case, &CompositeOptions::new().eps(1.0)).unwrap();
    assert!((given.data()[0] - (2.0 + 2f64.ln())).abs() < 1e-15);
    let given = run(Composite::LogSoftmax, &case, &CompositeOptions::new().eps(1.0)).unwrap();
    assert!((given.data()[0] + 2f64.ln()).abs() < 1e-15);
}

#[test]
fn elements_with_a_bad_index_are_zero_in_softmax() {
    let case = column(&[1.0, 5.0, 1.0], &[0, -1, 0]);
    let skip = CompositeOptions::new().bad_index(BadIndex::Skip);
    assert_eq!(run(Composite::Softmax, &case, &skip).unwrap().data(), [0.5, 0.0, 0.5]);
    assert_eq!(run(Composite::LogSoftmax, &case, &skip).unwrap().data()[1], 0.0);
}

#[test]
fn the_into_forms_take_the_number_of_groups_from_out_and_refuse_another_shape() {
    let src = Tensor::new(&[3], vec![1.0f32, 1.0, 2.0]).unwrap();
    let index = Tensor::new(&[3], vec![0, 0, 1]).unwrap();
    let options = CompositeOptions::new();
    let mut out = Tensor::new(&[4], vec![9.0f32; 4]).unwrap();
    cpu::std_into(&src, &index, &options, &mut out).unwrap();
    assert_eq!(out.data(), [0.0; 4]);
    out.data_mut().fill(9.0);
    cpu::logsumexp_into(&src, &index, &options, &mut out).unwrap();
    assert_eq!(out.data()[1..], [2.0, 0.0, 0.0]);
    out.data_mut().fill(9.0);
    let refused =
        [cpu::softmax_into(&src, &index, &options, &mut out), cpu::log_softmax_into(&src, &index, &options, &mut out)];
    assert!(refused.iter().all(|result| matches!(result, Err(Error::OutputShape { output: "out", .. }))));
    assert_eq!(out.data(), [9.0; 4]);
    let mut out = Tensor::new(&[3], vec![9.0f32; 3]).unwrap();
    cpu::softmax_into(&src, &index, &options, &mut out).unwrap();
    assert_eq!(out.data(), [0.5, 0.5, 1.0]);
}
