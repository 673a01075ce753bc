//! The GPU backend's gather_segment_coo against the CPU backend. Skipped, and counted as skipped, where there is no
//! device.

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
    BadIndex, GatherScatterOptions, GatherSegmentCooOptions, Index, Reduce, ReduceOperator, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

fn options<T>(case: &GatherScatterCase<T>, bad_index: BadIndex) -> GatherSegmentCooOptions {
    GatherSegmentCooOptions::new(case.rows.reduce).dim_size(case.dim_size).bad_index(bad_index)
}

fn on_cpu<T: Element>(case: &GatherScatterCase<T>, bad_index: BadIndex) -> Answer<T, i64> {
    let src = TensorView::new(&case.rows.src_dims, &case.rows.src).unwrap();
    let index = TensorView::new(&case.rows.index_dims, &case.rows.index).unwrap();
    let destination = TensorView::new(&case.destination_dims, &case.destination).unwrap();
    let weight = case.rows.weights.as_ref().map(|weights| weights.view());
    cpu::gather_segment_coo(src, index, destination, weight, &options(case, bad_index))
}

/// The tensors of a case in device memory.
struct Uploaded<T, I> {
    src: DeviceTensor<T>,
    index: DeviceTensor<I>,
    destination: DeviceTensor<I>,
    weights: Option<DeviceWeights<T>>,
}

impl<T: Element, I: Index> Uploaded<T, I> {
    fn new(stream: &Stream, case: &GatherScatterCase<T>, narrow: fn(i64) -> I) -> Self {
        let rows = &case.rows;
        let upload = |dims: &[usize], values: &[i64]| {
            let values = Tensor::new(dims, values.iter().map(|&value| narrow(value)).collect()).unwrap();
            DeviceTensor::from_host(stream, &values).unwrap()
        };
        Self {
            src: DeviceTensor::from_host(stream, TensorView::new(&rows.src_dims, &rows.src).unwrap()).unwrap(),
            index: upload(&rows.index_dims, &rows.index),
            destination: upload(&case.destination_dims, &case.destination),
            weights: rows.weights.as_ref().map(|weights| DeviceWeights::upload(stream, weights).unwrap()),
        }
    }

    fn run(&self, stream: &Stream, options: &GatherSegmentCooOptions) -> Answer<T, I> {
        let weight = self.weights.as_ref().map(DeviceWeights::weight);
        to_host(stream, gpu::gather_segment_coo(stream, &self.src, &self.index, &self.destination, weight, options)?)
    }
}

/// Runs a case on both backends, with both index types on the GPU, and compares.
fn check<T: Element>(stream: &Stream, case: &GatherScatterCase<T>, bad_index: BadIndex) {
    let (expected, options) = (on_cpu(case, bad_index), options(case, bad_index));
    let wide = Uploaded::new(stream, case, |index| index).run(stream, &options);
    let narrow = Uploaded::new(stream, case, |index| index as i32).run(stream, &options);
    assert_backends_agree(expected, wide, narrow);
}

fn check_generated<T: Element>(test: &str, indices: Indices, bad_index: BadIndex) {
    let Some(gpu) = gpu_or_skip(test) else { return };
    let stream = Stream::new(&gpu).unwrap();
    // The failing case is in the message; a file beside the sources cannot be written where only the test runs.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&gather_scatter_cases::<T>(6, 15, indices), |case| {
            let is_padded = case.destination.len() % 2 == 1;
            check(&stream, &case.sorted(is_padded && bad_index == BadIndex::Skip), bad_index);
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

/// Rows of whole numbers, whose sums are exact. If the destinations are skewed, a few segments have most of the
/// elements.
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
        let u = e as f64 / elements as f64;
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
    for (elements, columns, groups) in [(60_007, 1, 5_000), (20_000, 33, 1_000), (20_000, 64, 90_000), (3_000, 3, 1)] {
        for (is_skewed, heads) in [(false, 0), (true, 1), (false, columns)] {
            for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
                let mut case = large::<T>(elements, columns, groups, is_skewed, heads);
                case.rows.reduce = reduce;
                check(&stream, &case, BadIndex::Error);
                case.rows.index.iter_mut().step_by(97).for_each(|index| *index = -1);
                case.destination[elements - 500..].fill(if is_skewed { -1 } else { groups as i64 });
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
    for (index, destination) in
        [([0, 2, 5], [0, 1, 1]), ([0, 1, 2], [0, 1, 4]), ([0, 1, 2], [1, 0, 1]), ([0, 1, 2], [0, 1, -1])]
    {
        let rows = GatherSegmentCase::new(2, &[1.0f32; 6], &index, &[], None, Reduce::Max);
        check(&stream, &GatherScatterCase::new(rows, &destination, 2), BadIndex::Error);
    }
}

/// Nothing is promised of the results, but the call ends.
#[test]
fn unchecked_destinations_in_any_order_are_taken() {
    let Some(gpu) = gpu_or_skip("unchecked_destinations_in_any_order_are_taken") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let mut case = large::<f32>(60_007, 4, 5_000, true, 1);
    case.rows.reduce = Reduce::Max;
    case.destination
        .iter_mut()
        .enumerate()
        .for_each(|(e, destination)| *destination = (e * 104_729 % 6_000) as i64 - 500);
    let result = Uploaded::new(&stream, &case, |index| index).run(&stream, &options(&case, BadIndex::Skip)).unwrap();
    assert!(result.arg_out.unwrap().data().iter().all(|position| (0..=60_007).contains(position)));
}

#[test]
fn the_bits_are_gather_scatters() {
    let Some(gpu) = gpu_or_skip("the_bits_are_gather_scatters") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for columns in [1, 4, 64] {
        for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
            let mut case = large::<f32>(100_000, columns, 700, true, 1);
            case.rows.reduce = reduce;
            for (i, value) in case.rows.src.iter_mut().enumerate() {
                *value = 1.0 / (i as f32 + 1.0);
            }
            let uploaded = Uploaded::new(&stream, &case, |index| index);
            let sorted = uploaded.run(&stream, &options(&case, BadIndex::Skip)).unwrap();
            let Uploaded { src, index, destination, weights } = &uploaded;
            let by_sorting = GatherScatterOptions::new(reduce).dim_size(case.dim_size);
            let weight = weights.as_ref().map(DeviceWeights::weight);
            let scattered = gpu::gather_scatter(&stream, src, index, destination, weight, &by_sorting).unwrap();
            let scattered = to_host(&stream, scattered).unwrap();
            assert_same("out", sorted.out.data(), scattered.out.data());
            assert_eq!(sorted.arg_out, scattered.arg_out);
        }
    }
}

#[test]
fn out_is_overwritten_and_a_workspace_is_reused() {
    let Some(gpu) = gpu_or_skip("out_is_overwritten_and_a_workspace_is_reused") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let mut workspace = Workspace::new(&gpu).unwrap();
    let upload = |values: Vec<i64>| DeviceTensor::from_host(&stream, &Tensor::new(&[values.len()], values).unwrap());
    let (index, destination) = (upload(vec![0, 1, 2, 1]).unwrap(), upload(vec![0, 0, 2, 2]).unwrap());
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[3, 1], vec![1.0f32, 5.0, 2.0]).unwrap()).unwrap();
    let mut out = DeviceTensor::from_host(&stream, &Tensor::new(&[3, 1], vec![9.0f32; 3]).unwrap()).unwrap();
    let mut arg = DeviceTensor::zeros(&stream, *out.shape()).unwrap();
    for _ in 0..3 {
        for reduce in [Reduce::Max, Reduce::Mean] {
            let options = GatherSegmentCooOptions::new(reduce);
            let arg = reduce.has_arg().then_some(&mut arg);
            let (out, workspace) = (&mut out, &mut workspace);
            gpu::gather_segment_coo_into(&stream, &src, &index, &destination, None, &options, out, arg, workspace)
                .unwrap();
        }
    }
    assert_eq!(out.to_host(&stream).unwrap().data(), [3.0, 0.0, 3.5]);
    assert_eq!(arg.to_host(&stream).unwrap().data(), [1, 4, 3]);
}
