//! The GPU backend's gather_segment_csr against the CPU backend. Skipped, and counted as skipped, where there is no
//! device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    Element, assert_same,
    backends::{Answer, DeviceWeights, assert_backends_agree, to_host},
    cases::Indices,
    gather_segments::{GatherSegmentCase, gather_segment_cases},
    gpu_or_skip,
};
use tensorrt_scatter::{
    BadIndex, Error, GatherSegmentCsrOptions, Index, Reduce, ReduceOperator, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

fn on_cpu<T: Element>(case: &GatherSegmentCase<T>, bad_index: BadIndex) -> Answer<T, i64> {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let index = TensorView::new(&case.index_dims, &case.index).unwrap();
    let indptr = TensorView::new(&case.indptr_dims, &case.indptr).unwrap();
    let weight = case.weights.as_ref().map(|weights| weights.view());
    cpu::gather_segment_csr(src, index, indptr, weight, &GatherSegmentCsrOptions::new(case.reduce).bad_index(bad_index))
}

fn on_gpu<T: Element, I: Index>(
    stream: &Stream,
    case: &GatherSegmentCase<T>,
    bad_index: BadIndex,
    narrow: fn(i64) -> I,
) -> Answer<T, I> {
    let src = DeviceTensor::from_host(stream, TensorView::new(&case.src_dims, &case.src).unwrap())?;
    let upload = |dims: &[usize], values: &[i64]| {
        let values = Tensor::new(dims, values.iter().map(|&value| narrow(value)).collect()).unwrap();
        DeviceTensor::from_host(stream, &values)
    };
    let (index, indptr) = (upload(&case.index_dims, &case.index)?, upload(&case.indptr_dims, &case.indptr)?);
    let options = GatherSegmentCsrOptions::new(case.reduce).bad_index(bad_index);
    let weights = case.weights.as_ref().map(|weights| DeviceWeights::upload(stream, weights)).transpose()?;
    let weight = weights.as_ref().map(DeviceWeights::weight);
    let result = gpu::gather_segment_csr(stream, &src, &index, &indptr, weight, &options)?;
    to_host(stream, result)
}

/// Runs a case on both backends, with both index types on the GPU, and compares.
fn check<T: Element>(stream: &Stream, case: &GatherSegmentCase<T>, bad_index: BadIndex) {
    let expected = on_cpu(case, bad_index);
    let wide = on_gpu(stream, case, bad_index, |index| index);
    let narrow = on_gpu(stream, case, bad_index, |index| index as i32);
    assert_backends_agree(expected, wide, narrow);
}

fn check_generated<T: Element>(test: &str, indices: Indices, bad_index: BadIndex) {
    let Some(gpu) = gpu_or_skip(test) else { return };
    let stream = Stream::new(&gpu).unwrap();
    // The failing case is in the message; a file beside the sources cannot be written where only the test runs.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&gather_segment_cases::<T>(6, 15, indices), |case| {
            check(&stream, &case, bad_index);
            Ok(())
        })
        .unwrap();
}

fn agrees_with_the_cpu_backend<T: Element>() {
    check_generated::<T>("agrees_with_the_cpu_backend", Indices::Good, BadIndex::Error);
}

fn agrees_with_the_cpu_backend_on_skipped_indices<T: Element>() {
    check_generated::<T>("agrees_with_the_cpu_backend_on_skipped_indices", Indices::SomeBad, BadIndex::Skip);
}

/// Rows of whole numbers, whose sums are exact, and segments of about equal lengths or of very different ones.
fn large<T: Element>(
    elements: usize,
    columns: usize,
    segments: usize,
    is_skewed: bool,
    heads: usize,
) -> GatherSegmentCase<T> {
    let rows = 997;
    let src: Vec<T> = (0..rows * columns).map(|i| T::of((i * 37 % 3) as f64 - 1.0)).collect();
    let index: Vec<i64> = (0..elements).map(|e| (e * 7919 % rows) as i64).collect();
    let start = |n: usize| {
        let u = n as f64 / segments as f64;
        (elements as f64 * if is_skewed { u.powi(4) } else { u }) as i64
    };
    let indptr: Vec<i64> = (0..=segments).map(start).collect();
    let weights: Vec<T> = (0..elements * heads).map(|i| T::of((i * 11 % 3) as f64 - 1.0)).collect();
    let weights = (heads > 0).then_some(&weights[..]);
    GatherSegmentCase::new(columns, &src, &index, &indptr, weights, Reduce::Sum)
}

fn large_tensors_agree_with_the_cpu_backend<T: Element>() {
    let Some(gpu) = gpu_or_skip("large_tensors_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (elements, columns, segments) in [
        (60_007, 1, 5_000),
        (40_000, 4, 900),
        (20_000, 33, 1_000),
        (20_000, 64, 2_000),
        (6_000, 264, 400),
        (3_000, 3, 1),
    ] {
        for (is_skewed, heads) in [(false, 0), (true, 1), (false, columns)] {
            for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
                let mut case = large::<T>(elements, columns, segments, is_skewed, heads);
                case.reduce = reduce;
                check(&stream, &case, BadIndex::Error);
                case.index.iter_mut().step_by(97).for_each(|index| *index = -1);
                check(&stream, &case, BadIndex::Skip);
            }
        }
    }
}

for_each_type! {
    cpu_backend: agrees_with_the_cpu_backend;
    skipped_indices: agrees_with_the_cpu_backend_on_skipped_indices;
    large_tensors: large_tensors_agree_with_the_cpu_backend;
}

#[test]
fn a_checked_call_names_the_first_offender() {
    let Some(gpu) = gpu_or_skip("a_checked_call_names_the_first_offender") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (index, indptr) in
        [([0, 2, 5], [0, 1, 3]), ([0, -1, 5], [0, 4, 3]), ([0, 1, 2], [0, 4, 3]), ([0, 1, 2], [2, 1, 3])]
    {
        let case = GatherSegmentCase::new(2, &[1.0f32; 6], &index, &indptr, None, Reduce::Max);
        check(&stream, &case, BadIndex::Error);
    }
}

#[test]
fn special_values_follow_the_rules() {
    let Some(gpu) = gpu_or_skip("special_values_follow_the_rules") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let values =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 1.0];
    // Every ordered triple is one segment; each element has each value as its weight in some segment.
    let n = values.len().pow(3);
    let index: Vec<i64> = (0..n).flat_map(|i| [i / 100, i / 10 % 10, i % 10]).map(|row| row as i64).collect();
    let indptr: Vec<i64> = (0..=n as i64).map(|i| 3 * i).collect();
    let weights: Vec<f32> = (0..3 * n).map(|e| values[e * 7 % 10]).collect();
    for weights in [None, Some(&weights[..])] {
        for reduce in [Reduce::Min, Reduce::Max] {
            check(&stream, &GatherSegmentCase::new(1, &values, &index, &indptr, weights, reduce), BadIndex::Error);
        }
    }
}

#[test]
fn sums_are_the_same_bit_for_bit_every_time() {
    let Some(gpu) = gpu_or_skip("sums_are_the_same_bit_for_bit_every_time") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for columns in [1, 4, 64] {
        let mut case = large::<f32>(100_000, columns, 700, true, 1);
        for (i, value) in case.src.iter_mut().enumerate() {
            *value = 1.0 / (i as f32 + 1.0);
        }
        let first = on_gpu(&stream, &case, BadIndex::Skip, |index| index).unwrap();
        for _ in 0..5 {
            let again = on_gpu(&stream, &case, BadIndex::Skip, |index| index).unwrap();
            assert_same("out", again.out.data(), first.out.data());
        }
    }
}

#[test]
fn out_is_overwritten_and_a_workspace_is_reused() {
    let Some(gpu) = gpu_or_skip("out_is_overwritten_and_a_workspace_is_reused") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let mut workspace = Workspace::new(&gpu).unwrap();
    let upload = |values: Vec<i64>| DeviceTensor::from_host(&stream, &Tensor::new(&[values.len()], values).unwrap());
    let (index, indptr) = (upload(vec![2, 0, 1, 1]).unwrap(), upload(vec![0, 2, 2, 4]).unwrap());
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[3, 1], vec![1.0f32, 5.0, 2.0]).unwrap()).unwrap();
    let mut out = DeviceTensor::from_host(&stream, &Tensor::new(&[3, 1], vec![9.0f32; 3]).unwrap()).unwrap();
    let mut arg = DeviceTensor::zeros(&stream, *out.shape()).unwrap();
    for _ in 0..3 {
        for reduce in [Reduce::Max, Reduce::Mean] {
            let options = GatherSegmentCsrOptions::new(reduce);
            let arg = reduce.has_arg().then_some(&mut arg);
            gpu::gather_segment_csr_into(&stream, &src, &index, &indptr, None, &options, &mut out, arg, &mut workspace)
                .unwrap();
        }
    }
    assert_eq!(out.to_host(&stream).unwrap().data(), [1.5, 0.0, 5.0]);
    assert_eq!(arg.to_host(&stream).unwrap().data(), [0, 4, 2]);
}

#[test]
fn weights_of_float32_are_for_16_bit_floats() {
    let Some(gpu) = gpu_or_skip("weights_of_float32_are_for_16_bit_floats") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let case = GatherSegmentCase::<f64>::new(1, &[1.0], &[0], &[0, 1], None, Reduce::Sum).with_float32(&[2.0]);
    assert!(matches!(on_cpu(&case, BadIndex::Error), Err(Error::WeightType { .. })));
    check(&stream, &case, BadIndex::Error);
}
