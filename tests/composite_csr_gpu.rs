//! Softmax, log_softmax, logsumexp and std over segments on the GPU backend against the naive twins and the CPU backend.
//! Skipped, and counted as skipped, where there is no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    assert_same,
    cases::Indices,
    composite::{Constants, Expected, FloatElement, assert_near},
    composite_csr::{composite_csr_cases, expected, large_case, special_values},
    gpu_or_skip,
    segments::{Lengths, SegmentCase},
};
use tensorrt_scatter::{
    BadIndex, Composite, CompositeCsrOptions, Error, Index, Reduce, Shape, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

/// Runs a composite on the GPU in two forms: the call that allocates the result, and the call that writes to the
/// caller's buffer, which is full of another value. Both give the same bits.
fn run<T: FloatElement, I: Index>(
    stream: &Stream,
    composite: Composite,
    case: &SegmentCase<T>,
    indptr: Vec<I>,
    options: &CompositeCsrOptions,
) -> Result<Vec<T>, Error> {
    let src = DeviceTensor::from_host(stream, TensorView::new(&case.src_dims, &case.src)?)?;
    let indptr = DeviceTensor::from_host(stream, &Tensor::new(&case.index_dims, indptr)?)?;
    let owned = match composite {
        Composite::Softmax => gpu::softmax_csr(stream, &src, &indptr, options),
        Composite::LogSoftmax => gpu::log_softmax_csr(stream, &src, &indptr, options),
        Composite::LogSumExp => gpu::logsumexp_csr(stream, &src, &indptr, options),
        Composite::Std => gpu::std_csr(stream, &src, &indptr, options),
    }?;
    let mut out = DeviceTensor::from_host(stream, &Tensor::full(*owned.shape(), T::of(77.0))?)?;
    let mut workspace = Workspace::new(stream.gpu())?;
    let workspace = &mut workspace;
    match composite {
        Composite::Softmax => gpu::softmax_csr_into(stream, &src, &indptr, options, &mut out, workspace),
        Composite::LogSoftmax => gpu::log_softmax_csr_into(stream, &src, &indptr, options, &mut out, workspace),
        Composite::LogSumExp => gpu::logsumexp_csr_into(stream, &src, &indptr, options, &mut out, workspace),
        Composite::Std => gpu::std_csr_into(stream, &src, &indptr, options, &mut out, workspace),
    }?;
    let (owned, into) = (owned.to_host(stream)?.into_data(), out.to_host(stream)?.into_data());
    assert_same(composite.name(), &into, &owned);
    Ok(owned)
}

/// The results for both types of indptr, which have the same bits.
fn run_both<T: FloatElement>(
    stream: &Stream,
    composite: Composite,
    case: &SegmentCase<T>,
    options: &CompositeCsrOptions,
) -> Vec<T> {
    let narrow = case.index.iter().map(|&entry| entry.clamp(i32::MIN.into(), i32::MAX.into()) as i32).collect();
    let narrow = run::<T, i32>(stream, composite, case, narrow, options).unwrap();
    let wide = run(stream, composite, case, case.index.clone(), options).unwrap();
    assert_same(composite.name(), &wide, &narrow);
    wide
}

#[track_caller]
fn check<T: FloatElement>(stream: &Stream, case: &SegmentCase<T>) {
    for composite in Composite::ALL {
        let given = run_both(stream, composite, case, &CompositeCsrOptions::new().bad_index(BadIndex::Skip));
        let what = format!("{} of {:?}", composite.name(), case.src_dims);
        assert_near(&what, &given, &expected(composite, case, &Constants::default_for::<T>()));
    }
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("agrees_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    // A failing case is not kept in a file, because a machine that only runs the tests has no sources. The message has
    // the case.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&composite_csr_cases::<T>(6, 60, Indices::SomeBad), |case| {
            check(&stream, &case);
            Ok(())
        })
        .unwrap();
}

fn large_segments_agree_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("large_segments_agree_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for lengths in Lengths::ALL {
        for (b, e, k, n) in [
            (1, 100_003, 1, 50),
            (1, 20_011, 3, 1_000),
            (3, 10_007, 5, 7),
            (1, 50_021, 8, 300),
            (2, 3_001, 33, 100),
            (1, 2_003, 127, 2),
        ] {
            check(&stream, &large_case::<T>((b, e, k, n), lengths));
        }
    }
}

fn special_values_follow_the_formulas<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("special_values_follow_the_formulas") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for columns in [1, 8] {
        let case = special_values::<T>(columns);
        // Where squares overflow, std is not specified to be that of another order of additions.
        for composite in [Composite::Softmax, Composite::LogSoftmax, Composite::LogSumExp] {
            let given = run_both(&stream, composite, &case, &CompositeCsrOptions::new());
            assert_near(composite.name(), &given, &expected(composite, &case, &Constants::default_for::<T>()));
        }
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
    large_segments: large_segments_agree_with_the_naive_twin;
    special_values: special_values_follow_the_formulas;
}

/// Millions of elements, in segments of about 16 and in one: beyond what the emulated grid runs.
#[test]
fn millions_of_elements_agree_with_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("millions_of_elements_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let options = CompositeCsrOptions::new();
    for (e, k, n) in [(4_000_037, 1, 250_000), (1_000_003, 8, 60_000), (300_007, 33, 20_000)] {
        for lengths in Lengths::ALL {
            let case = large_case::<f32>((1, e, k, n), lengths);
            // In float64, because the CPU adds millions of numbers one by one.
            let src: Vec<f64> = case.src.iter().map(|&value| value.into()).collect();
            let src = TensorView::new(&case.src_dims, &src).unwrap();
            let indptr = TensorView::new(&case.index_dims, &case.index).unwrap();
            for composite in Composite::ALL {
                let (on_cpu, least) = match composite {
                    // The values of a large segment are small.
                    Composite::Softmax => (cpu::softmax_csr(src, indptr, &options), 0.0),
                    Composite::LogSoftmax => (cpu::log_softmax_csr(src, indptr, &options), 1e-5),
                    Composite::LogSumExp => (cpu::logsumexp_csr(src, indptr, &options), 1e-5),
                    Composite::Std => (cpu::std_csr(src, indptr, &options), 1e-5),
                };
                let values = on_cpu.unwrap().into_data();
                let tolerances = values.iter().map(|value| 1e-4 * value.abs() + least).collect();
                let given = run_both(&stream, composite, &case, &options);
                let what = format!("{} of {e} x {k}, {lengths:?}", composite.name());
                assert_near(&what, &given, &Expected { values, tolerances });
            }
        }
    }
}

#[test]
fn reports_the_same_first_offender_as_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("reports_the_same_first_offender_as_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for indptr in [vec![0, 2, 1, 4], vec![0, 5], vec![-1, 4]] {
        let case = SegmentCase::csr(1, vec![1.0f32, 2.0, 3.0, 4.0], indptr.clone(), Reduce::Sum);
        let src = TensorView::new(&case.src_dims, &case.src).unwrap();
        let on_host = Tensor::new(&case.index_dims, indptr.clone()).unwrap();
        let expected = cpu::softmax_csr(src, &on_host, &CompositeCsrOptions::new()).unwrap_err();
        let refused = run(&stream, Composite::Softmax, &case, indptr, &CompositeCsrOptions::new());
        assert_eq!(refused.err(), Some(expected));
    }
}

#[test]
fn an_indptr_that_decreases_harms_nothing() {
    let Some(gpu) = gpu_or_skip("an_indptr_that_decreases_harms_nothing") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let src = DeviceTensor::from_host(&stream, &Tensor::full(Shape::new(&[50_000, 4]).unwrap(), 1.0f32).unwrap());
    let src = src.unwrap();
    let options = CompositeCsrOptions::new().bad_index(BadIndex::Skip);
    for indptr in [vec![0, 40_000, 10_000, 50_000], vec![50_000, 0], vec![i64::MAX, i64::MIN, i64::MAX, 0, 50_000, -7]]
    {
        let indptr = DeviceTensor::from_host(&stream, &Tensor::new(&[indptr.len()], indptr).unwrap()).unwrap();
        gpu::softmax_csr(&stream, &src, &indptr, &options).unwrap().to_host(&stream).unwrap();
        gpu::std_csr(&stream, &src, &indptr, &options).unwrap().to_host(&stream).unwrap();
    }
}
