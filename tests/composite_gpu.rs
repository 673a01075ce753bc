//! Softmax, log_softmax, logsumexp and std on the GPU backend against the naive twins, and the CPU backend's errors.
//! Skipped, and counted as skipped, where there is no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    cases::Indices,
    composite::{Constants, Expected, FloatElement, assert_near, composite_cases, naive, options},
    gpu_or_skip,
    naive::ScatterCase,
};
use tensorrt_scatter::{
    BadIndex, Composite, CompositeOptions, Error, Index, Reduce, Shape, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

/// Runs a composite on the GPU in two forms: the call that allocates the result, and the call that writes to the
/// caller's buffer, which is full of another value. Returns the results of both forms for each element.
fn run<T: FloatElement, I: Index>(
    stream: &Stream,
    composite: Composite,
    case: &ScatterCase<T>,
    index: &Tensor<I>,
    options: &CompositeOptions,
    workspace: &mut Workspace,
) -> Result<Vec<[T; 2]>, Error> {
    let src = DeviceTensor::from_host(stream, TensorView::new(&case.src_dims, &case.src)?)?;
    let index = DeviceTensor::from_host(stream, index)?;
    let keeps_shape = matches!(composite, Composite::Softmax | Composite::LogSoftmax);
    let out_shape = if keeps_shape { *src.shape() } else { Shape::new(&case.out_dims())? };
    let mut out = DeviceTensor::from_host(stream, &Tensor::full(out_shape, T::of(77.0))?)?;
    let owned = match composite {
        Composite::Softmax => gpu::softmax(stream, &src, &index, options),
        Composite::LogSoftmax => gpu::log_softmax(stream, &src, &index, options),
        Composite::LogSumExp => gpu::logsumexp(stream, &src, &index, options),
        Composite::Std => gpu::std(stream, &src, &index, options),
    }?;
    match composite {
        Composite::Softmax => gpu::softmax_into(stream, &src, &index, options, &mut out, workspace),
        Composite::LogSoftmax => gpu::log_softmax_into(stream, &src, &index, options, &mut out, workspace),
        Composite::LogSumExp => gpu::logsumexp_into(stream, &src, &index, options, &mut out, workspace),
        Composite::Std => gpu::std_into(stream, &src, &index, options, &mut out, workspace),
    }?;
    let (owned, into) = (owned.to_host(stream)?.into_data(), out.to_host(stream)?.into_data());
    assert_eq!(owned.len(), into.len());
    Ok(owned.into_iter().zip(into).map(|(owned, into)| [owned, into]).collect())
}

#[track_caller]
fn check<T: FloatElement>(stream: &Stream, case: &ScatterCase<T>, workspace: &mut Workspace) {
    let options = options(case).bad_index(BadIndex::Skip);
    let wide = Tensor::new(&case.index_dims, case.index.clone()).unwrap();
    let narrow = Tensor::new(&case.index_dims, case.index.iter().map(|&index| index as i32).collect()).unwrap();
    for composite in Composite::ALL {
        let expected = naive(composite, case, &Constants::default_for::<T>());
        let wide = run(stream, composite, case, &wide, &options, workspace).unwrap();
        let narrow = run(stream, composite, case, &narrow, &options, workspace).unwrap();
        for pairs in [wide, narrow] {
            for form in 0..2 {
                let given: Vec<T> = pairs.iter().map(|pair| pair[form]).collect();
                assert_near(composite.name(), &given, &expected);
            }
        }
    }
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("agrees_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    // A failing case is not kept in a file, because a machine that only runs the tests has no sources. The message has
    // the case.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&composite_cases::<T>(6, Indices::SomeBad), |case| {
            check(&stream, &case, &mut Workspace::new(&gpu).unwrap());
            Ok(())
        })
        .unwrap();
}

fn large_groups_agree_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("large_groups_agree_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let mut workspace = Workspace::new(&gpu).unwrap();
    // The sizes are small, because the naive twin goes through all elements for each element.
    for (e, k, n) in [(2_000, 1, 3), (400, 12, 20), (60, 64, 20)] {
        let value = |i: usize| ((i as u64 ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 33;
        let case = ScatterCase {
            src_dims: vec![e, k],
            src: (0..e * k).map(|i| T::of(value(i) as f64 / 8.0 - 2.0)).collect(),
            index_dims: vec![e],
            index: (0..e).map(|e| (e * 7919 % n) as i64).collect(),
            base: None,
            dim: 0,
            dim_size: n,
            reduce: Reduce::Sum,
        };
        check(&stream, &case, &mut workspace);
    }
}

fn special_values_follow_the_formulas<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("special_values_follow_the_formulas") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, T::largest(), -T::largest()];
    let n = values.len().pow(2);
    let case = ScatterCase {
        src_dims: vec![2 * n],
        src: (0..n).flat_map(|i| [T::of(values[i / 8]), T::of(values[i % 8])]).collect(),
        index_dims: vec![2 * n],
        index: (0..2 * n).map(|i| (i / 2) as i64).collect(),
        base: None,
        dim: 0,
        dim_size: n + 1,
        reduce: Reduce::Sum,
    };
    let index = Tensor::new(&case.index_dims, case.index.clone()).unwrap();
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let mut workspace = Workspace::new(&gpu).unwrap();
    for composite in Composite::ALL {
        let pairs = run(&stream, composite, &case, &index, &options(&case), &mut workspace).unwrap();
        let given: Vec<T> = pairs.iter().map(|pair| pair[0]).collect();
        let expected = if composite == Composite::Std {
            // Squares of differences overflow in std, and not in the naive twin's float64. So the CPU backend gives the
            // expected values. Both backends must agree exactly, because a sum of two elements is the same in any
            // order.
            let values: Vec<f64> =
                cpu::std(src, &index, &options(&case)).unwrap().data().iter().map(|value| value.exact()).collect();
            Expected { tolerances: vec![0.0; values.len()], values }
        } else {
            naive(composite, &case, &Constants::default_for::<T>())
        };
        assert_near(composite.name(), &given, &expected);
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
    large_groups: large_groups_agree_with_the_naive_twin;
    special_values: special_values_follow_the_formulas;
}

#[test]
fn reports_the_same_first_offender_as_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("reports_the_same_first_offender_as_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let host_src = Tensor::new(&[4], vec![1.0f32, 2.0, 3.0, 4.0]).unwrap();
    let host_index = Tensor::new(&[4], vec![0, 1, 5, -1]).unwrap();
    let src = DeviceTensor::from_host(&stream, &host_src).unwrap();
    let index = DeviceTensor::from_host(&stream, &host_index).unwrap();
    let options = CompositeOptions::new().dim_size(3);
    let expected = cpu::softmax(&host_src, &host_index, &options).unwrap_err();
    assert_eq!(gpu::softmax(&stream, &src, &index, &options).err(), Some(expected));
}

#[test]
fn without_dim_size_the_largest_index_decides() {
    let Some(gpu) = gpu_or_skip("without_dim_size_the_largest_index_decides") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[2], vec![1.0f32, 1.0]).unwrap()).unwrap();
    let index = DeviceTensor::from_host(&stream, &Tensor::new(&[2], vec![2, 2]).unwrap()).unwrap();
    let out = gpu::std(&stream, &src, &index, &CompositeOptions::new()).unwrap();
    assert_eq!(out.to_host(&stream).unwrap().data(), [0.0; 3]);
}
