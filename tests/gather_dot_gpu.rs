//! The GPU backend's gather_dot against the naive twin and the CPU backend. Skipped, and counted as skipped, where
//! there is no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    assert_same,
    backends::DeviceWeights,
    cases::Indices,
    composite::FloatElement,
    gather_dots::{GatherDotCase, gather_dot_cases, large_case, scores, special_values},
    gather_segments::Weights,
    gpu_or_skip,
};
use tensorrt_scatter::{
    BadIndex, Combine, Error, Index, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

/// Runs a case on the GPU in two forms: the call that allocates the result, and the call that writes to the caller's
/// buffer, which is full of another value. Both give the same bits.
fn run<T: FloatElement, I: Index>(
    stream: &Stream,
    case: &GatherDotCase<T>,
    bad_index: BadIndex,
    narrow: fn(i64) -> I,
) -> Result<Vec<T>, Error> {
    let values = |dims: &[usize], values: &[T]| DeviceTensor::from_host(stream, TensorView::new(dims, values)?);
    let (src, other) = (values(&case.src_dims, &case.src)?, values(&case.other_dims, &case.other)?);
    let upload = |dims: &[usize], values: &[i64]| {
        DeviceTensor::from_host(stream, &Tensor::new(dims, values.iter().map(|&value| narrow(value)).collect())?)
    };
    let index = upload(&case.index_dims, &case.index)?;
    let other_index = upload(&case.other_index_dims, &case.other_index)?;
    let weights = case.weights.as_ref().map(|weights| DeviceWeights::upload(stream, weights)).transpose()?;
    let weight = || weights.as_ref().map(DeviceWeights::weight);
    let options = case.options().bad_index(bad_index);
    let owned = gpu::gather_dot(stream, &src, &index, &other, &other_index, weight(), &options)?;
    let mut out = DeviceTensor::from_host(stream, &Tensor::full(*owned.shape(), T::of(77.0))?)?;
    let mut workspace = Workspace::new(stream.gpu())?;
    gpu::gather_dot_into(stream, &src, &index, &other, &other_index, weight(), &options, &mut out, &mut workspace)?;
    let (owned, into) = (owned.to_host(stream)?.into_data(), out.to_host(stream)?.into_data());
    assert_same("gather_dot_into", &into, &owned);
    Ok(owned)
}

/// The results for both types of indices, which have the same bits.
fn run_both<T: FloatElement>(stream: &Stream, case: &GatherDotCase<T>, bad_index: BadIndex) -> Vec<T> {
    let wide = run(stream, case, bad_index, |index| index).unwrap();
    let narrow = run(stream, case, bad_index, |index| index as i32).unwrap();
    assert_same("int32", &narrow, &wide);
    wide
}

#[track_caller]
fn check<T: FloatElement>(stream: &Stream, case: &GatherDotCase<T>) {
    let given = run_both(stream, case, BadIndex::Skip);
    assert_same(&format!("{} of {:?}", case.combine, case.src_dims), &given, &scores(case));
}

fn agrees_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("agrees_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    // The failing case is in the message; a file beside the sources cannot be written where only the test runs.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&gather_dot_cases::<T>(6, 15, Indices::SomeBad), |case| {
            check(&stream, &case);
            Ok(())
        })
        .unwrap();
    for combine in Combine::ALL {
        for columns in [1, 8, 37] {
            check(&stream, &special_values::<T>(combine, columns));
        }
    }
}

fn heads_of_every_width_agree_with_the_naive_twin<T: FloatElement>() {
    let Some(gpu) = gpu_or_skip("heads_of_every_width_agree_with_the_naive_twin") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for combine in Combine::ALL {
        for (columns, heads) in [(1, 1), (15, 3), (16, 8), (33, 1), (64, 64), (64, 8), (64, 1), (127, 1), (520, 2)] {
            let mut case = large_case::<T>(combine, columns, heads, 2003);
            check(&stream, &case);
            case.index.iter_mut().step_by(97).for_each(|index| *index = -1);
            case.other_index.iter_mut().step_by(89).for_each(|index| *index = i32::MAX.into());
            check(&stream, &case);
        }
    }
}

for_each_float! {
    naive_twin: agrees_with_the_naive_twin;
    every_width: heads_of_every_width_agree_with_the_naive_twin;
}

/// Millions of pairs: beyond what the emulated grid runs.
#[test]
fn millions_of_pairs_agree_with_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("millions_of_pairs_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (columns, heads) in [(4, 1), (64, 8), (33, 3)] {
        let case = large_case::<f32>(Combine::Add, columns, heads, 1_000_003);
        let src = TensorView::new(&case.src_dims, &case.src).unwrap();
        let index = TensorView::new(&case.index_dims, &case.index).unwrap();
        let other = TensorView::new(&case.other_dims, &case.other).unwrap();
        let other_index = TensorView::new(&case.other_index_dims, &case.other_index).unwrap();
        let weight = case.weights.as_ref().map(Weights::view);
        let expected = cpu::gather_dot(src, index, other, other_index, weight, &case.options()).unwrap();
        assert_same("gather_dot", &run_both(&stream, &case, BadIndex::Error), expected.data());
    }
}

#[test]
fn reports_the_same_first_offender_as_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("reports_the_same_first_offender_as_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (index, other_index) in [(vec![0, 997, 3], vec![0, 400, 1]), (vec![0, 1, 2], vec![0, 330, 331])] {
        let case = GatherDotCase { index, other_index, ..large_case::<f32>(Combine::Mul, 2, 1, 3) };
        let src = TensorView::new(&case.src_dims, &case.src).unwrap();
        let index = TensorView::new(&case.index_dims, &case.index).unwrap();
        let other = TensorView::new(&case.other_dims, &case.other).unwrap();
        let other_index = TensorView::new(&case.other_index_dims, &case.other_index).unwrap();
        let weight = case.weights.as_ref().map(Weights::view);
        let expected = cpu::gather_dot(src, index, other, other_index, weight, &case.options());
        assert_eq!(run(&stream, &case, BadIndex::Error, |index| index).err(), expected.err());
    }
}
