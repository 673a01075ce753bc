//! gather_dot on the CPU backend against the naive twin, against gather_coo, and its rules one by one.

mod support;

use proptest::prelude::*;
use support::{
    assert_same,
    cases::Indices,
    composite::FloatElement,
    gather_dots::{GatherDotCase, gather_dot_cases, large_case, scores, special_values},
    gather_segments::{WeightValues, Weights},
};
use tensorrt_scatter::{
    BadIndex, Combine, Error, GatherCooOptions, GatherDotOptions, ScalarType, Tensor, TensorView, cpu,
};

fn run<T: FloatElement>(case: &GatherDotCase<T>, bad_index: BadIndex) -> Result<Tensor<T>, Error> {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let index = TensorView::new(&case.index_dims, &case.index).unwrap();
    let other = TensorView::new(&case.other_dims, &case.other).unwrap();
    let other_index = TensorView::new(&case.other_index_dims, &case.other_index).unwrap();
    let weight = case.weights.as_ref().map(Weights::view);
    cpu::gather_dot(src, index, other, other_index, weight, &case.options().bad_index(bad_index))
}

#[track_caller]
fn check<T: FloatElement>(case: &GatherDotCase<T>) {
    let given = run(case, BadIndex::Skip).unwrap();
    assert_eq!(given.shape().dims(), case.out_dims());
    assert_same(&format!("{} of {:?}", case.combine, case.src_dims), given.data(), &scores(case));
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    proptest!(|(case in gather_dot_cases::<T>(6, 12, Indices::SomeBad))| {
        check(&case);
    });
    for combine in Combine::ALL {
        for columns in [1, 8, 37] {
            check(&special_values::<T>(combine, columns));
        }
        // Several threads.
        for (columns, heads) in [(64, 8), (33, 3), (127, 1)] {
            check(&large_case::<T>(combine, columns, heads, 5_003));
        }
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
}

#[test]
fn it_is_gather_coo_twice_a_product_and_a_sum() {
    let case = large_case::<f64>(Combine::Mul, 60, 4, 500);
    let rows = |dims: &[usize], values: &[f64], index: &[i64]| {
        let (src, index) = (TensorView::new(dims, values).unwrap(), TensorView::new(&[index.len()], index).unwrap());
        cpu::gather_coo(src, index, &GatherCooOptions::new()).unwrap().into_data()
    };
    let from = rows(&case.src_dims, &case.src, &case.index);
    let to = rows(&case.other_dims, &case.other, &case.other_index);
    let Some(Weights { values: WeightValues::Same(weights), .. }) = &case.weights else { unreachable!("of float64") };
    let products: Vec<f64> = from.iter().zip(&to).enumerate().map(|(i, (a, b))| a * b * weights[i % 60]).collect();
    let expected: Vec<f64> = products.chunks(15).map(|head| head.iter().sum()).collect();
    assert_same("in one", run(&case, BadIndex::Error).unwrap().data(), &expected);
}

#[test]
fn a_pair_with_a_bad_index_has_score_0() {
    let (src, other) = ([1.0f32, 2.0], [f32::NAN, 3.0]);
    for bad in [-1, 2, i64::MIN, i64::MAX] {
        let case = GatherDotCase::new(1, Combine::Mul, &src, &[0, bad, 1], &other, &[1, 0, 1]);
        assert_eq!(run(&case, BadIndex::Skip).unwrap().data(), [3.0, 0.0, 6.0]);
        assert!(matches!(run(&case, BadIndex::Error), Err(Error::IndexOutOfRange { input: "index", .. })));
        let case = GatherDotCase::new(1, Combine::Mul, &src, &[0, 1, 1], &other, &[1, 1, bad]);
        assert_eq!(run(&case, BadIndex::Skip).unwrap().data(), [3.0, 6.0, 0.0]);
        assert!(matches!(run(&case, BadIndex::Error), Err(Error::IndexOutOfRange { input: "other_index", .. })));
    }
}

#[test]
fn the_slope_is_for_sums_below_0() {
    let case = GatherDotCase::new(2, Combine::Add, &[-3.0f32, 4.0], &[0], &[1.0, 1.0], &[0]);
    let with = |negative_slope| {
        run(&GatherDotCase { negative_slope, ..case.clone() }, BadIndex::Error).unwrap().into_data()[0]
    };
    assert_eq!([with(0.25), with(0.0), with(1.0)], [4.5, 5.0, 3.0]);
    assert_eq!(GatherDotOptions::new(Combine::Add), GatherDotOptions::new(Combine::Add).negative_slope(0.2).heads(1));
}

#[test]
fn sixteen_bits_are_rounded_once() {
    // 1 + 2^-11 twice has no float16 of its own; the sum of both is one.
    let half = |values: &[f32]| values.iter().map(|&value| half::f16::from_f32(value)).collect::<Vec<_>>();
    let (src, other) = (half(&[1.0, 1.0]), half(&[1.0, 2f32.powi(-11)]));
    let case = GatherDotCase::new(2, Combine::Mul, &src, &[0], &other, &[0]);
    let weighted = |weights: &[f32]| {
        let values = WeightValues::Float32(weights.to_vec());
        let case = GatherDotCase { weights: Some(Weights { dims: vec![2], values }), ..case.clone() };
        run(&case, BadIndex::Error).unwrap().into_data()
    };
    assert_eq!(weighted(&[1.0, 2.0]), half(&[1.0 + 2f32.powi(-10)]));
    assert_eq!(weighted(&[1.0 + 2f32.powi(-12), 1.5]), half(&[1.0 + 2f32.powi(-10)]));
}

#[test]
fn weights_of_float32_are_for_16_bit_floats() {
    let case = GatherDotCase::new(1, Combine::Mul, &[1.0f32], &[0], &[1.0], &[0]);
    let weights = Weights { dims: vec![1], values: WeightValues::Float32(vec![1.0]) };
    let refused = Error::WeightType { input: "weight", given: ScalarType::F32, src: ScalarType::F32 };
    assert_eq!(run(&GatherDotCase { weights: Some(weights), ..case }, BadIndex::Error).err(), Some(refused));
}

#[test]
fn the_into_form_writes_every_element_and_refuses_another_shape() {
    let src = Tensor::new(&[2, 2], vec![1.0f32, 3.0, 5.0, 7.0]).unwrap();
    let (index, other_index) = (Tensor::new(&[1], vec![1i32]).unwrap(), Tensor::new(&[1], vec![0i32]).unwrap());
    let options = GatherDotOptions::new(Combine::Mul).heads(2);
    let mut out = Tensor::new(&[1, 2], vec![9.0f32; 2]).unwrap();
    cpu::gather_dot_into(&src, &index, &src, &other_index, None, &options, &mut out).unwrap();
    assert_eq!(out.data(), [5.0, 21.0]);
    let mut out = Tensor::new(&[2], vec![9.0f32; 2]).unwrap();
    let refused = cpu::gather_dot_into(&src, &index, &src, &other_index, None, &options, &mut out);
    assert!(matches!(refused, Err(Error::OutputShape { output: "out", .. })));
    assert_eq!(out.data(), [9.0; 2]);
}

#[test]
fn empty_everything() {
    for (rows, others, columns, length) in [(0, 3, 2, 2), (3, 0, 2, 2), (3, 3, 0, 2), (3, 3, 2, 0), (0, 0, 0, 0)] {
        for combine in Combine::ALL {
            let case = GatherDotCase {
                src_dims: vec![rows, columns],
                other_dims: vec![others, columns],
                heads: 2,
                ..GatherDotCase::new(
                    1,
                    combine,
                    &vec![1.0f32; rows * columns],
                    &vec![0; length],
                    &vec![1.0; others * columns],
                    &vec![0; length],
                )
            };
            check(&case);
        }
    }
}
