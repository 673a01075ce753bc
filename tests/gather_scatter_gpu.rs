//! The GPU backend's gather_scatter against the CPU backend. Skipped, and counted as skipped, where there is no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    Element, assert_same,
    backends::{Answer, DeviceWeights, assert_backends_agree, to_host},
    cases::Indices,
    gather_scatters::{GatherScatterCase, gather_scatter_cases},
    gather_segments::GatherSegmentCase,
    gpu_or_skip,
};
use tensorrt_scatter::{
    BadIndex, GatherScatterOptions, Index, Reduce, ReduceOperator, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

fn options<T>(case: &GatherScatterCase<T>, bad_index: BadIndex) -> GatherScatterOptions {
    GatherScatterOptions::new(case.rows.reduce).dim_size(case.dim_size).bad_index(bad_index)
}

fn on_cpu<T: Element>(case: &GatherScatterCase<T>, bad_index: BadIndex) -> Answer<T, i64> {
    let src = TensorView::new(&case.rows.src_dims, &case.rows.src).unwrap();
    let index = TensorView::new(&case.rows.index_dims, &case.rows.index).unwrap();
    let destination = TensorView::new(&case.destination_dims, &case.destination).unwrap();
    let weight = case.rows.weights.as_ref().map(|weights| weights.view());
    cpu::gather_scatter(src, index, destination, weight, &options(case, bad_index))
}

fn on_gpu<T: Element, I: Index>(
    stream: &Stream,
    case: &GatherScatterCase<T>,
    bad_index: BadIndex,
    narrow: fn(i64) -> I,
) -> Answer<T, I> {
    let rows = &case.rows;
    let src = DeviceTensor::from_host(stream, TensorView::new(&rows.src_dims, &rows.src).unwrap())?;
    let upload = |dims: &[usize], values: &[i64]| {
        let values = Tensor::new(dims, values.iter().map(|&value| narrow(value)).collect()).unwrap();
        DeviceTensor::from_host(stream, &values)
    };
    let index = upload(&rows.index_dims, &rows.index)?;
    let destination = upload(&case.destination_dims, &case.destination)?;
    let weights = rows.weights.as_ref().map(|weights| DeviceWeights::upload(stream, weights)).transpose()?;
    let weight = weights.as_ref().map(DeviceWeights::weight);
    to_host(stream, gpu::gather_scatter(stream, &src, &index, &destination, weight, &options(case, bad_index))?)
}

/// Runs a case on both backends, with both index types on the GPU, and compares.
fn check<T: Element>(stream: &Stream, case: &GatherScatterCase<T>, bad_index: BadIndex) {
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
        .run(&gather_scatter_cases::<T>(6, 15, indices), |case| {
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

/// Rows of whole numbers, whose sums are exact. Destinations are in no order; if they are skewed, a few groups have most
/// of the elements.
fn large<T: Element>(
    elements: usize,
    columns: usize,
    groups: usize,
    is_skewed: bool,
    heads: usize,
) -> GatherScatterCase<T> {
    let rows = 997;
    let src: Vec<T> = (0..rows * columns).map(|i| T::of((i * 37 % 3) as f64 - 1.0)).collect();
    let index: Vec<i64> = (0..elements).map(|e| (e * 7919 % rows) as i64).collect();
    let destination = |e: usize| {
        let u = (e * 104_729 % elements) as f64 / elements as f64;
        (groups as f64 * if is_skewed { u.powi(4) } else { u }) as i64
    };
    let destination: Vec<i64> = (0..elements).map(destination).collect();
    let weights: Vec<T> = (0..elements * heads).map(|i| T::of((i * 11 % 3) as f64 - 1.0)).collect();
    let weights = (heads > 0).then_some(&weights[..]);
    let rows = GatherSegmentCase::new(columns, &src, &index, &[], weights, Reduce::Sum);
    GatherScatterCase::new(rows, &destination, groups)
}

fn large_tensors_agree_with_the_cpu_backend<T: Element>() {
    let Some(gpu) = gpu_or_skip("large_tensors_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (elements, columns, groups) in [
        (60_007, 1, 5_000),
        (40_000, 4, 900),
        (20_000, 33, 1_000),
        (20_000, 64, 2_000),
        (6_000, 264, 400),
        (3_000, 3, 1),
    ] {
        for (is_skewed, heads) in [(false, 0), (true, 1), (false, columns)] {
            for reduce in ReduceOperator::GatherScatter.reductions() {
                let mut case = large::<T>(elements, columns, groups, is_skewed, heads);
                case.rows.reduce = reduce;
                check(&stream, &case, BadIndex::Error);
                case.rows.index.iter_mut().step_by(97).for_each(|index| *index = -1);
                case.destination.iter_mut().step_by(89).for_each(|index| *index = groups as i64);
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
    for (index, destination) in [([0, 2, 5], [0, 1, 1]), ([0, -1, 5], [0, 4, 3]), ([0, 1, 2], [0, -4, 3])] {
        let rows = GatherSegmentCase::new(2, &[1.0f32; 6], &index, &[], None, Reduce::Max);
        check(&stream, &GatherScatterCase::new(rows, &destination, 2), BadIndex::Error);
    }
}

#[test]
fn sums_are_the_same_bit_for_bit_every_time() {
    let Some(gpu) = gpu_or_skip("sums_are_the_same_bit_for_bit_every_time") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for columns in [1, 4, 64] {
        let mut case = large::<f32>(100_000, columns, 700, true, 1);
        for (i, value) in case.rows.src.iter_mut().enumerate() {
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
    let (index, destination) = (upload(vec![2, 0, 1, 1]).unwrap(), upload(vec![2, 0, 2, 0]).unwrap());
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[3, 1], vec![1.0f32, 5.0, 2.0]).unwrap()).unwrap();
    let mut out = DeviceTensor::from_host(&stream, &Tensor::new(&[3, 1], vec![9.0f32; 3]).unwrap()).unwrap();
    let mut arg = DeviceTensor::zeros(&stream, *out.shape()).unwrap();
    for _ in 0..3 {
        for reduce in [Reduce::Max, Reduce::Mean] {
            let options = GatherScatterOptions::new(reduce);
            let arg = reduce.has_arg().then_some(&mut arg);
            let (out, workspace) = (&mut out, &mut workspace);
            gpu::gather_scatter_into(&stream, &src, &index, &destination, None, &options, out, arg, workspace).unwrap();
        }
    }
    assert_eq!(out.to_host(&stream).unwrap().data(), [3.0, 0.0, 3.5]);
    assert_eq!(arg.to_host(&stream).unwrap().data(), [3, 4, 2]);
}
