//! The GPU backend's reductions over segments against the CPU backend. Skipped, and counted as skipped, where there is
//! no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    Element, assert_same,
    backends::{Answer, assert_backends_agree, to_host},
    cases::Indices,
    gpu_or_skip,
    segments::{self, Lengths, SegmentCase, column, segment_cases},
};
use tensorrt_scatter::{
    BadIndex, Index, Reduce, SegmentCooOptions, SegmentCsrOptions, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

fn on_cpu<T: Element>(case: &SegmentCase<T>, bad_index: BadIndex) -> Answer<T, i64> {
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

fn on_gpu<T: Element, I: Index>(
    stream: &Stream,
    case: &SegmentCase<T>,
    bad_index: BadIndex,
    narrow: fn(i64) -> I,
) -> Answer<T, I> {
    let out_dims = case.out_dims();
    let src = DeviceTensor::from_host(stream, TensorView::new(&case.src_dims, &case.src).unwrap())?;
    let index = Tensor::new(&case.index_dims, case.index.iter().map(|&index| narrow(index)).collect()).unwrap();
    let index = DeviceTensor::from_host(stream, &index)?;
    let result = if case.is_csr {
        gpu::segment_csr(stream, &src, &index, &SegmentCsrOptions::new(case.reduce).bad_index(bad_index))?
    } else {
        let base = case.base.as_ref().map(|base| TensorView::new(&out_dims, base).unwrap());
        let base = base.map(|base| DeviceTensor::from_host(stream, base)).transpose()?;
        let options = SegmentCooOptions::new(case.reduce).dim_size(case.segments).bad_index(bad_index);
        gpu::segment_coo(stream, &src, &index, base.as_ref(), &options)?
    };
    to_host(stream, result)
}

/// Runs a case on both backends, with both index types on the GPU, and compares.
fn check<T: Element>(stream: &Stream, case: &SegmentCase<T>, bad_index: BadIndex) {
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
        .run(&segment_cases::<T>(5, 300, indices), |case| {
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

fn large_tensors_agree_with_the_cpu_backend<T: Element>() {
    let Some(gpu) = gpu_or_skip("large_tensors_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let sizes = [
        (1, 300_007, 1, 5_000),
        (2, 70_000, 4, 900),
        // Short segments whose columns fill no packs.
        (1, 700_001, 1, 60_000),
        (1, 240_000, 3, 40_000),
        (3, 20_000, 17, 4_000),
        (1, 60_000, 64, 30_000),
    ];
    for size in sizes {
        for lengths in Lengths::ALL {
            for is_csr in [false, true] {
                for reduce in segments::reductions(is_csr) {
                    let mut case = segments::large::<T>(size, lengths, reduce, is_csr);
                    check(&stream, &case, BadIndex::Error);
                    if !is_csr && size.2 == 3 {
                        case.index.iter_mut().step_by(997).for_each(|index| *index = -1);
                        check(&stream, &case, BadIndex::Skip);
                    }
                }
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
    for index in [[0, 1, 3, 2], [0, -1, 5, 2], [0, 1, 2, 4], [0, 1, 2, 3]] {
        check(&stream, &column(Reduce::Sum, &[1.0; 4], &index, None, 4, false), BadIndex::Error);
    }
    for indptr in [[0, 2, 1, 3], [-1, 2, 2, 3], [0, 2, 3, 4], [0, 2, 2, 3]] {
        check(&stream, &column(Reduce::Max, &[1.0; 3], &indptr, None, 3, true), BadIndex::Error);
    }
}

#[test]
fn special_values_follow_the_rules() {
    let Some(gpu) = gpu_or_skip("special_values_follow_the_rules") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let values =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 1.0];
    // Every ordered triple is one segment.
    let n = values.len().pow(3);
    let src: Vec<f32> = (0..n).flat_map(|i| [values[i / 100], values[i / 10 % 10], values[i % 10]]).collect();
    let index: Vec<_> = (0..3 * n as i64).map(|i| i / 3).collect();
    let indptr: Vec<_> = (0..=n as i64).map(|i| 3 * i).collect();
    for reduce in [Reduce::Min, Reduce::Max] {
        for base in [None, Some(f32::NAN), Some(0.0), Some(-0.0), Some(f32::INFINITY), Some(1.0)] {
            let base = base.map(|base| vec![base; n]);
            check(&stream, &column(reduce, &src, &index, base.as_deref(), n, false), BadIndex::Error);
        }
        check(&stream, &column(reduce, &src, &indptr, None, n, true), BadIndex::Error);
    }
}

#[test]
fn the_least_and_the_greatest_integer_are_numbers() {
    let Some(gpu) = gpu_or_skip("the_least_and_the_greatest_integer_are_numbers") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let values = [i32::MIN, i32::MAX, 0];
    // Every ordered pair is one segment.
    let src: Vec<_> = (0..9).flat_map(|i| [values[i / 3], values[i % 3]]).collect();
    let index: Vec<_> = (0..18).map(|i| i / 2).collect();
    let indptr: Vec<_> = (0..=9).map(|i| 2 * i).collect();
    for reduce in [Reduce::Min, Reduce::Max] {
        for base in [None, Some(i32::MIN), Some(i32::MAX)] {
            let base = base.map(|base| vec![base; 9]);
            check(&stream, &column(reduce, &src, &index, base.as_deref(), 9, false), BadIndex::Error);
        }
        check(&stream, &column(reduce, &src, &indptr, None, 9, true), BadIndex::Error);
    }
}

#[test]
fn sums_are_the_same_bit_for_bit_every_time() {
    let Some(gpu) = gpu_or_skip("sums_are_the_same_bit_for_bit_every_time") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for k in [1, 4, 64] {
        for is_csr in [false, true] {
            let mut case = segments::large::<f32>((1, 100_000, k, 700), Lengths::Skewed, Reduce::Sum, is_csr);
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
}

#[test]
fn out_is_overwritten_and_a_workspace_is_reused() {
    let test = "out_is_overwritten_and_a_workspace_is_reused";
    let Some(gpu) = gpu_or_skip(test) else { return };
    let stream = Stream::new(&gpu).unwrap();
    let mut workspace = Workspace::new(&gpu).unwrap();
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![1.0f32, 5.0, 2.0, 3.0]).unwrap()).unwrap();
    let indptr = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![0, 2, 2, 4]).unwrap()).unwrap();
    let mut out = DeviceTensor::from_host(&stream, &Tensor::new(&[3], vec![9.0f32; 3]).unwrap()).unwrap();
    let mut arg = DeviceTensor::zeros(&stream, *out.shape()).unwrap();
    for _ in 0..3 {
        for reduce in [Reduce::Max, Reduce::Mean] {
            let options = SegmentCsrOptions::new(reduce);
            let arg = reduce.has_arg().then_some(&mut arg);
            gpu::segment_csr_into(&stream, &src, &indptr, &options, &mut out, arg, &mut workspace).unwrap();
        }
    }
    assert_eq!(out.to_host(&stream).unwrap().data(), [3.0, 0.0, 2.5]);
    assert_eq!(arg.to_host(&stream).unwrap().data(), [1, 4, 3]);
}
