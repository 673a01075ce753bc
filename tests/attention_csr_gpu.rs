//! The GPU backend's attention_csr against the naive twin and the CPU backend. Skipped, and counted as skipped, where
//! there is no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    assert_same,
    attentions::{attention_cases, expected, large_case, scores, special_values},
    backends::DeviceWeights,
    cases::Indices,
    composite::{Expected, FloatElement, assert_near},
    gather_segments::{GatherSegmentCase, WeightValues, Weights},
    gpu_or_skip,
};
use tensorrt_scatter::{
    AttentionCsrOptions, BadIndex, Error, Index, Tensor, TensorView, Weight, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

/// Runs a case on the GPU in two forms: the call that allocates the result, and the call that writes to the caller's
/// buffer, which is full of another value. Both give the same bits.
fn run<T: FloatElement, I: Index>(
    stream: &Stream,
    case: &GatherSegmentCase<T>,
    bad_index: BadIndex,
    narrow: fn(i64) -> I,
) -> Result<Vec<T>, Error> {
    let src = DeviceTensor::from_host(stream, TensorView::new(&case.src_dims, &case.src)?)?;
    let upload = |dims: &[usize], values: &[i64]| {
        DeviceTensor::from_host(stream, &Tensor::new(dims, values.iter().map(|&value| narrow(value)).collect())?)
    };
    let (index, indptr) = (upload(&case.index_dims, &case.index)?, upload(&case.indptr_dims, &case.indptr)?);
    let scores = DeviceWeights::upload(stream, scores(case))?;
    let options = AttentionCsrOptions::new().bad_index(bad_index);
    let owned = gpu::attention_csr(stream, &src, &index, &indptr, scores.weight(), &options)?;
    let mut out = DeviceTensor::from_host(stream, &Tensor::full(*owned.shape(), T::of(77.0))?)?;
    let mut workspace = Workspace::new(stream.gpu())?;
    gpu::attention_csr_into(stream, &src, &index, &indptr, scores.weight(), &options, &mut out, &mut workspace)?;
    let (owned, into) = (owned.to_host(stream)?.into_data(), out.to_host(stream)?.into_data());
    assert_same("attention_csr_into", &into, &owned);
    Ok(owned)
}

/// The results for both types of indices, which have the same bits.
fn run_both<T: FloatElement>(stream: &Stream, case: &GatherSegmentCase<T>, bad_index: BadIndex) -> Vec<T> {
    let wide = run(stream, case, bad_index, |index| index).unwrap();
    let narrow = run(stream, case, bad_index, |index| index as i32).unwrap();
    assert_same("int32", &narrow, &wide);
    wide
}

#[track_caller]
fn check<T: FloatElement>(stream: &Stream, case: &GatherSegmentCase<T>) {
    let given = run_both(stream, case, BadIndex::Skip);
    assert_near(&format!("{} of {:?}", T::TYPE, case.src_dims), &given, &expected(case));
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("agrees_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    // The failing case is in the message; a file beside the sources cannot be written where only the test runs.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&attention_cases::<T>(6, 15, Indices::SomeBad), |case| {
            check(&stream, &case);
            Ok(())
        })
        .unwrap();
    for columns in [1, 8] {
        for case in special_values::<T>(columns) {
            check(&stream, &case);
        }
    }
}

fn large_segments_agree_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("large_segments_agree_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let length = 2003;
    for indptr in [vec![0, length], (0..=40).map(|n| n * n * length / 1600).collect()] {
        for (columns, heads) in [(1, 1), (3, 3), (8, 2), (33, 1), (64, 8), (264, 1)] {
            let mut case = large_case::<T>(columns, heads, &indptr, length as usize);
            check(&stream, &case);
            case.index.iter_mut().step_by(97).for_each(|index| *index = -1);
            check(&stream, &case);
        }
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
    large_segments: large_segments_agree_with_the_naive_twin;
}

/// Millions of elements, in segments of about 16, skewed, and in one: beyond what the emulated grid runs.
#[test]
fn millions_of_elements_agree_with_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("millions_of_elements_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let length: i64 = 1_000_003;
    let skewed = |n: i64| (length as f64 * (n as f64 / 60_000.0).powi(4)) as i64;
    for indptr in
        [(0..=60_000).map(|n| n * length / 60_000).collect(), (0..=60_000).map(skewed).collect(), vec![0, length]]
    {
        for (columns, heads) in [(4, 1), (64, 8), (33, 3)] {
            let case = large_case::<f32>(columns, heads, &indptr, length as usize);
            // In float64, because the CPU adds millions of numbers one by one.
            let src: Vec<f64> = case.src.iter().map(|&value| value.into()).collect();
            let Weights { dims, values: WeightValues::Same(values) } = scores(&case) else {
                unreachable!("of float32")
            };
            let values: Vec<f64> = values.iter().map(|&value| value.into()).collect();
            let src = TensorView::new(&case.src_dims, &src).unwrap();
            let index = TensorView::new(&case.index_dims, &case.index).unwrap();
            let indptr = TensorView::new(&case.indptr_dims, &case.indptr).unwrap();
            let score = Weight::Same(TensorView::new(dims, &values).unwrap());
            let values =
                cpu::attention_csr(src, index, indptr, score, &AttentionCsrOptions::new()).unwrap().into_data();
            let tolerances = values.iter().map(|value| 1e-4 * value.abs() + 1e-4).collect();
            let given = run_both(&stream, &case, BadIndex::Error);
            assert_near(&format!("{columns} columns"), &given, &Expected { values, tolerances });
        }
    }
}

#[test]
fn reports_the_same_first_offender_as_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("reports_the_same_first_offender_as_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (index, indptr) in [(vec![0, 997, 3], vec![0, 3]), (vec![0, 1, 2], vec![0, 2, 1]), (vec![-1, 1, 2], vec![0, 4])]
    {
        let mut case = large_case::<f32>(2, 1, &indptr, 3);
        case.index = index;
        let src = TensorView::new(&case.src_dims, &case.src).unwrap();
        let index = TensorView::new(&case.index_dims, &case.index).unwrap();
        let indptr = TensorView::new(&case.indptr_dims, &case.indptr).unwrap();
        let expected = cpu::attention_csr(src, index, indptr, scores(&case).view(), &AttentionCsrOptions::new());
        assert_eq!(run(&stream, &case, BadIndex::Error, |index| index).err(), expected.err());
    }
}

#[test]
fn an_indptr_that_decreases_harms_nothing() {
    let Some(gpu) = gpu_or_skip("an_indptr_that_decreases_harms_nothing") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for indptr in [vec![0, 40_000, 10_000, 50_000], vec![50_000, 0], vec![i64::MAX, i64::MIN, i64::MAX, 0, 50_000, -7]]
    {
        // What is in the results is not specified.
        let case = large_case::<f32>(8, 2, &indptr, 50_000);
        let upload = |dims: &[usize], values: &[i64]| {
            DeviceTensor::from_host(&stream, &Tensor::new(dims, values.to_vec()).unwrap()).unwrap()
        };
        let src = DeviceTensor::from_host(&stream, TensorView::new(&case.src_dims, &case.src).unwrap()).unwrap();
        let (index, indptr) = (upload(&case.index_dims, &case.index), upload(&case.indptr_dims, &case.indptr));
        let scores = DeviceWeights::upload(&stream, scores(&case)).unwrap();
        let options = AttentionCsrOptions::new().bad_index(BadIndex::Skip);
        gpu::attention_csr(&stream, &src, &index, &indptr, scores.weight(), &options)
            .unwrap()
            .to_host(&stream)
            .unwrap();
    }
}
