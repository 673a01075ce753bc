//! attention_csr on the CPU backend against the naive twin, against softmax_csr and gather_segment_csr, and its rules
//! one by one.

mod support;

use proptest::prelude::*;
use support::{
    attentions::{attention_cases, expected, large_case, scores, special_values},
    cases::Indices,
    composite::{FloatElement, assert_near},
    gather_segments::{GatherSegmentCase, WeightValues, Weights},
};
use tensorrt_scatter::{
    AttentionCsrOptions, BadIndex, CompositeCsrOptions, Error, GatherSegmentCsrOptions, Reduce, ScalarType, Tensor,
    TensorView, Weight, cpu,
};

fn run<T: FloatElement>(case: &GatherSegmentCase<T>, bad_index: BadIndex) -> Result<Tensor<T>, Error> {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let index = TensorView::new(&case.index_dims, &case.index).unwrap();
    let indptr = TensorView::new(&case.indptr_dims, &case.indptr).unwrap();
    let options = AttentionCsrOptions::new().bad_index(bad_index);
    cpu::attention_csr(src, index, indptr, scores(case).view(), &options)
}

#[track_caller]
fn check<T: FloatElement>(case: &GatherSegmentCase<T>) {
    let given = run(case, BadIndex::Skip).unwrap();
    assert_eq!(given.shape().dims(), case.out_dims());
    assert_near(&format!("{} of {:?}", T::TYPE, case.src_dims), given.data(), &expected(case));
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    proptest!(|(case in attention_cases::<T>(6, 12, Indices::SomeBad))| {
        check(&case);
    });
    for columns in [1, 8] {
        for case in special_values::<T>(columns) {
            check(&case);
        }
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
}

/// The operator is these two in one. Several threads.
#[test]
fn it_is_softmax_csr_and_then_gather_segment_csr() {
    let length = 40_009;
    for (columns, heads) in [(1, 1), (6, 3), (64, 8)] {
        let indptr: Vec<i64> = (0..=300).map(|n: i64| n * n * n * length as i64 / 27_000_000).collect();
        let case = large_case::<f64>(columns, heads, &indptr, length);
        let WeightValues::Same(values) = &scores(&case).values else { unreachable!("float64 has scores of its own") };
        let score = TensorView::new(&scores(&case).dims, values).unwrap();
        let indptr = TensorView::new(&case.indptr_dims, &case.indptr).unwrap();
        let softmax = cpu::softmax_csr(score, indptr, &CompositeCsrOptions::new()).unwrap();
        let src = TensorView::new(&case.src_dims, &case.src).unwrap();
        let index = TensorView::new(&case.index_dims, &case.index).unwrap();
        let options = GatherSegmentCsrOptions::new(Reduce::Sum);
        let weight = Some(Weight::Same(softmax.view()));
        let expected = cpu::gather_segment_csr(src, index, indptr, weight, &options).unwrap().out;
        support::assert_same("in one", run(&case, BadIndex::Error).unwrap().data(), expected.data());
    }
}

#[test]
fn an_element_with_a_bad_index_counts_as_not_in_its_segment() {
    let src = [1.0f32, 2.0];
    for bad in [-1, 2] {
        let case = GatherSegmentCase::new(1, &src, &[0, bad, 1], &[0, 2, 3, 3], Some(&[0.0, 100.0, 5.0]), Reduce::Sum);
        assert_eq!(run(&case, BadIndex::Skip).unwrap().data(), [1.0, 2.0, 0.0]);
        assert!(matches!(run(&case, BadIndex::Error), Err(Error::IndexOutOfRange { input: "index", .. })));
    }
    let case = GatherSegmentCase::new(1, &src, &[0, 1], &[0, 3], Some(&[0.0, 0.0]), Reduce::Sum);
    assert!(matches!(run(&case, BadIndex::Error), Err(Error::IndptrOutOfRange { .. })));
    assert_eq!(run(&case, BadIndex::Skip).unwrap().data(), [1.5]);
}

#[test]
fn scores_of_float32_are_for_16_bit_floats() {
    let half = |values: &[f32]| values.iter().map(|&value| half::f16::from_f32(value)).collect::<Vec<_>>();
    let (src, scores) = (half(&[1.0, 3.0]), [20_000.5f32, 20_000.0]);
    let case = GatherSegmentCase::new(1, &src, &[0, 1], &[0, 2], None, Reduce::Sum).with_float32(&scores);
    let share = 1.0 / (1.0 + (-0.5f32).exp());
    assert_eq!(run(&case, BadIndex::Error).unwrap().data(), half(&[share + 3.0 * (1.0 - share)]));
    let case = GatherSegmentCase::new(1, &[1.0f32, 3.0], &[0, 1], &[0, 2], None, Reduce::Sum).with_float32(&scores);
    let refused = Error::WeightType { input: "score", given: ScalarType::F32, src: ScalarType::F32 };
    assert_eq!(run(&case, BadIndex::Error).err(), Some(refused));
}

#[test]
fn the_into_form_writes_every_element_and_refuses_another_shape() {
    let src = Tensor::new(&[2, 1], vec![1.0f32, 3.0]).unwrap();
    let index = Tensor::new(&[2], vec![0i32, 1]).unwrap();
    let indptr = Tensor::new(&[3], vec![0i32, 2, 2]).unwrap();
    let score = Tensor::new(&[2], vec![1.0f32, 1.0]).unwrap();
    let options = AttentionCsrOptions::new();
    let mut out = Tensor::new(&[2, 1], vec![9.0f32; 2]).unwrap();
    cpu::attention_csr_into(&src, &index, &indptr, Weight::Same(score.view()), &options, &mut out).unwrap();
    assert_eq!(out.data(), [2.0, 0.0]);
    let mut out = Tensor::new(&[2], vec![9.0f32; 2]).unwrap();
    let refused = cpu::attention_csr_into(&src, &index, &indptr, Weight::Same(score.view()), &options, &mut out);
    assert!(matches!(refused, Err(Error::OutputShape { output: "out", .. })));
    assert_eq!(out.data(), [9.0; 2]);
}

#[test]
fn empty_everything() {
    for (rows, columns, length, segments) in [(0, 2, 0, 3), (4, 0, 3, 2), (4, 2, 0, 0), (4, 2, 3, 0), (0, 2, 3, 1)] {
        let mut indptr = vec![0; segments + 1];
        indptr[segments] = length as i64;
        check(&GatherSegmentCase {
            src_dims: vec![rows, columns],
            src: vec![1.0f32; rows * columns],
            index_dims: vec![length],
            index: vec![0; length],
            indptr_dims: vec![segments + 1],
            indptr,
            weights: Some(Weights { dims: vec![length], values: WeightValues::Same(vec![1.0; length]) }),
            reduce: Reduce::Sum,
        });
    }
}
