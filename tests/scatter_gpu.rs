//! The GPU backend against the CPU backend. Skipped, and counted as skipped, where there is no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    Element, assert_same,
    backends::{assert_backends_agree, to_host},
    cases::{Indices, scatter_cases},
    emulator, gpu_or_skip,
    naive::ScatterCase,
};
use tensorrt_scatter::{
    BadIndex, Error, Reduce, ReduceOperator, ScatterOptions, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

fn options<T>(case: &ScatterCase<T>) -> ScatterOptions {
    ScatterOptions::new(case.reduce).dim(case.dim as isize).dim_size(case.dim_size)
}

/// Runs a case on both backends, with both index types on the GPU, and compares.
fn check<T: Element>(stream: &Stream, case: &ScatterCase<T>, options: &ScatterOptions) {
    let out_dims = case.out_dims();
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let base = case.base.as_ref().map(|base| TensorView::new(&out_dims, base).unwrap());
    let index = Tensor::new(&case.index_dims, case.index.clone()).unwrap();
    let narrow = Tensor::new(&case.index_dims, case.index.iter().map(|&index| index as i32).collect()).unwrap();
    let expected = cpu::scatter(src, &index, base, options);

    let device_src = DeviceTensor::from_host(stream, src).unwrap();
    let device_base = base.map(|base| DeviceTensor::from_host(stream, base).unwrap());
    let device_index = DeviceTensor::from_host(stream, &index).unwrap();
    let device_narrow = DeviceTensor::from_host(stream, &narrow).unwrap();
    let wide = gpu::scatter(stream, &device_src, &device_index, device_base.as_ref(), options);
    let narrow = gpu::scatter(stream, &device_src, &device_narrow, device_base.as_ref(), options);
    let wide = wide.and_then(|result| to_host(stream, result));
    let narrow = narrow.and_then(|result| to_host(stream, result));
    assert_backends_agree(expected, wide, narrow);
}

/// Many small cases on one stream.
fn check_generated<T: Element>(test: &str, indices: Indices, bad_index: BadIndex) {
    check_generated_with::<T>(test, indices, |options| options.bad_index(bad_index));
}

/// [`check_generated`] with options of the test's.
fn check_generated_with<T: Element>(test: &str, indices: Indices, with: impl Fn(ScatterOptions) -> ScatterOptions) {
    let Some(gpu) = gpu_or_skip(test) else { return };
    let stream = Stream::new(&gpu).unwrap();
    // The failing case is in the message; a file beside the sources cannot be written where only the test runs.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&scatter_cases::<T>(6, indices), |case| {
            check(&stream, &case, &with(options(&case)));
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

/// With a grouping of the index, which small inputs do not have otherwise.
fn agrees_with_the_cpu_backend_by_groups<T: Element>() {
    let test = "agrees_with_the_cpu_backend_by_groups";
    check_generated_with::<T>(test, Indices::SomeBad, |options| options.bad_index(BadIndex::Skip).grouping(true));
}

for_each_type! {
    cpu_backend: agrees_with_the_cpu_backend;
    skipped_indices: agrees_with_the_cpu_backend_on_skipped_indices;
    by_groups: agrees_with_the_cpu_backend_by_groups;
}

#[test]
fn reports_the_same_first_offender_as_the_cpu_backend() {
    let test = "reports_the_same_first_offender_as_the_cpu_backend";
    check_generated::<f32>(test, Indices::SomeBad, BadIndex::Error);
}

/// Repeatable values without a random number generator: a multiplicative hash of the position.
fn hash(i: usize) -> u64 {
    (i as u64 ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

#[test]
fn large_tensors_agree_with_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("large_tensors_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (e, k, n) in [(100_003, 5, 1_000), (300_000, 1, 10), (20_000, 64, 7_000), (1, 100_000, 3)] {
        for reduce in ReduceOperator::Scatter.reductions() {
            let index_len = if k == 5 { e * k } else { e };
            let case = ScatterCase {
                src_dims: vec![e, k],
                // Sums of these stay below 2^24 and products are of ones: exact in any order.
                src: (0..e * k)
                    .map(|i| {
                        if reduce == Reduce::Mul {
                            1.0 - 2.0 * (hash(i) % 2) as f32
                        } else {
                            (hash(i) % 17) as f32 - 8.0
                        }
                    })
                    .collect(),
                index_dims: if k == 5 { vec![e, k] } else { vec![e] },
                index: (0..index_len).map(|i| (hash(i + 7) % n) as i64).collect(),
                base: None,
                dim: 0,
                dim_size: n as usize,
                reduce,
            };
            check(&stream, &case, &options(&case));
            check(&stream, &case, &options(&case).grouping(true));
        }
    }
}

#[test]
fn special_values_follow_the_rules() {
    let Some(gpu) = gpu_or_skip("special_values_follow_the_rules") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let values =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 1.0];
    for reduce in [Reduce::Min, Reduce::Max] {
        for base in [None, Some(f32::NAN), Some(0.0), Some(-0.0), Some(f32::INFINITY), Some(1.0)] {
            // Every ordered triple is one group.
            let n = values.len().pow(3);
            let src: Vec<f32> = (0..n).flat_map(|i| [values[i / 100], values[i / 10 % 10], values[i % 10]]).collect();
            let case = ScatterCase {
                src_dims: vec![3 * n],
                src,
                index_dims: vec![3 * n],
                index: (0..3 * n).map(|i| (i / 3) as i64).collect(),
                base: base.map(|base| vec![base; n]),
                dim: 0,
                dim_size: n,
                reduce,
            };
            check(&stream, &case, &options(&case));
        }
    }
}

fn deterministic_sums_have_the_same_bits_on_every_stream<T: Element>() {
    let Some(gpu) = gpu_or_skip("deterministic_sums_have_the_same_bits_on_every_stream") else { return };
    let streams = [Stream::new(&gpu).unwrap(), Stream::new(&gpu).unwrap()];
    for (e, k, n) in [(500, 3, 4), (200_000, 1, 10), (50_000, 8, 3_000)] {
        for reduce in [Reduce::Sum, Reduce::Mean] {
            let value = |i| {
                let fraction = hash(i) as f64 / 2f64.powi(31) - 0.5;
                T::of(fraction * 2f64.powi(hash(i + 9_999_999) as i32 % 24 - 10))
            };
            let case = ScatterCase {
                src_dims: vec![e, k],
                src: (0..e * k).map(value).collect(),
                index_dims: vec![e],
                index: (0..e).map(|i| (hash(i + 7) % n) as i64).collect(),
                base: None,
                dim: 0,
                dim_size: n as usize,
                reduce,
            };
            let options = options(&case).deterministic(true);
            let run = |stream: &Stream| {
                let src = TensorView::new(&case.src_dims, &case.src).unwrap();
                let src = DeviceTensor::from_host(stream, src).unwrap();
                let index = Tensor::new(&case.index_dims, case.index.clone()).unwrap();
                let index = DeviceTensor::from_host(stream, &index).unwrap();
                gpu::scatter(stream, &src, &index, None, &options).unwrap().out.to_host(stream).unwrap().into_data()
            };
            let first = run(&streams[0]);
            for stream in [&streams[0], &streams[1], &streams[1]] {
                assert_same("out", &run(stream), &first);
            }
            // The emulated grid is slow.
            if e < 1_000 {
                let (emulated, _) = emulator::scatter_with(&case, &options, 1, u32::MAX).unwrap();
                assert_same("out beside the emulator's", &first, &emulated);
            }
        }
    }
}

fn deterministic_results_agree_with_the_cpu_backend<T: Element>() {
    let test = "deterministic_results_agree_with_the_cpu_backend";
    check_generated_with::<T>(test, Indices::Good, |options| options.deterministic(true));
}

for_each_type! {
    deterministic: deterministic_sums_have_the_same_bits_on_every_stream;
    deterministic_cpu_backend: deterministic_results_agree_with_the_cpu_backend;
}

#[test]
fn without_dim_size_the_largest_index_decides() {
    let Some(gpu) = gpu_or_skip("without_dim_size_the_largest_index_decides") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[3], vec![1.0f32, 2.0, 3.0]).unwrap()).unwrap();
    let index = DeviceTensor::from_host(&stream, &Tensor::new(&[3], vec![0, 4, 4]).unwrap()).unwrap();
    let sum = gpu::scatter(&stream, &src, &index, None, &ScatterOptions::new(Reduce::Sum)).unwrap();
    assert_eq!(sum.out.to_host(&stream).unwrap().data(), [1.0, 0.0, 0.0, 0.0, 5.0]);
}

#[test]
fn base_may_be_out_itself_and_a_workspace_is_reused() {
    let Some(gpu) = gpu_or_skip("base_may_be_out_itself_and_a_workspace_is_reused") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let mut workspace = Workspace::new(&gpu).unwrap();
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![1.0f32, 5.0, 2.0, 3.0]).unwrap()).unwrap();
    let index = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![0, 1, 0, 1]).unwrap()).unwrap();
    let mut out = DeviceTensor::from_host(&stream, &Tensor::new(&[2], vec![0.0f32; 2]).unwrap()).unwrap();
    let mut arg = DeviceTensor::zeros(&stream, *out.shape()).unwrap();
    for _ in 0..3 {
        for reduce in [Reduce::Max, Reduce::Mean] {
            let options = ScatterOptions::new(reduce);
            let arg = reduce.has_arg().then_some(&mut arg);
            gpu::scatter_into(&stream, &src, &index, None, &options, &mut out, arg, &mut workspace).unwrap();
        }
    }
    assert_eq!(out.to_host(&stream).unwrap().data(), [1.5, 4.0]);
    assert_eq!(arg.to_host(&stream).unwrap().data(), [2, 1]);
    let held = workspace.bytes();
    assert!(held >= 2 * size_of::<u64>(), "the winners of two groups need {held} bytes or more");
}

#[test]
fn without_a_device_the_error_says_so() {
    if support::gpu::absence().is_some() {
        let error = gpu::Gpu::new(0).err().expect("there is no device");
        assert!(matches!(error, Error::NoDevice { .. }), "{error:?}");
        assert!(error.to_string().contains("no CUDA device can be used"), "{error}");
    } else {
        println!("SKIPPED: without_a_device_the_error_says_so: there is a device");
    }
}
