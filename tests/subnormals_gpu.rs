//! How subnormal values are computed: the table of docs/NUMERICS.md, on the CPU and, where there is one, on a GPU.

mod support;

use half::{bf16, f16};
use support::gpu_or_skip;
use tensorrt_scatter::{
    AttentionCsrOptions, BadIndex, Combine, CompositeOptions, Error, Float, GatherCooOptions, GatherDotOptions, Reduce,
    Reduced, Scalar, ScatterOptions, SegmentCooOptions, SegmentCsrOptions, Tensor, Weight, cpu,
    gpu::{self, DeviceTensor, DeviceWeight, Stream},
};

/// Where a call runs.
enum Backend {
    Cpu,
    Gpu(Stream),
}

impl Backend {
    fn to_device<T: Scalar>(stream: &Stream, tensor: &Tensor<T>) -> DeviceTensor<T> {
        DeviceTensor::from_host(stream, tensor).unwrap()
    }

    fn scatter<T: Scalar>(
        &self,
        src: &Tensor<T>,
        index: &Tensor<i64>,
        base: Option<&Tensor<T>>,
        options: &ScatterOptions,
    ) -> Vec<T> {
        match self {
            Self::Cpu => cpu::scatter(src, index, base.map(Tensor::view), options).unwrap().out.into_data(),
            Self::Gpu(stream) => {
                let (src, index) = (Self::to_device(stream, src), Self::to_device(stream, index));
                let base = base.map(|base| Self::to_device(stream, base));
                let result: Result<Reduced<DeviceTensor<T>, DeviceTensor<i64>>, Error> =
                    gpu::scatter(stream, &src, &index, base.as_ref(), options);
                result.unwrap().out.to_host(stream).unwrap().into_data()
            }
        }
    }

    fn segment_csr<T: Scalar>(&self, src: &Tensor<T>, indptr: &Tensor<i64>, reduce: Reduce) -> Vec<T> {
        let options = SegmentCsrOptions::new(reduce);
        match self {
            Self::Cpu => cpu::segment_csr(src, indptr, &options).unwrap().out.into_data(),
            Self::Gpu(stream) => {
                let (src, indptr) = (Self::to_device(stream, src), Self::to_device(stream, indptr));
                let reduced = gpu::segment_csr(stream, &src, &indptr, &options).unwrap();
                reduced.out.to_host(stream).unwrap().into_data()
            }
        }
    }

    fn segment_coo<T: Scalar>(&self, src: &Tensor<T>, index: &Tensor<i64>, reduce: Reduce) -> Vec<T> {
        let options = SegmentCooOptions::new(reduce).bad_index(BadIndex::Error);
        match self {
            Self::Cpu => cpu::segment_coo(src, index, None, &options).unwrap().out.into_data(),
            Self::Gpu(stream) => {
                let (src, index) = (Self::to_device(stream, src), Self::to_device(stream, index));
                let reduced = gpu::segment_coo(stream, &src, &index, None, &options).unwrap();
                reduced.out.to_host(stream).unwrap().into_data()
            }
        }
    }

    fn gather_coo<T: Scalar>(&self, src: &Tensor<T>, index: &Tensor<i64>) -> Vec<T> {
        let options = GatherCooOptions::new();
        match self {
            Self::Cpu => cpu::gather_coo(src, index, &options).unwrap().into_data(),
            Self::Gpu(stream) => {
                let (src, index) = (Self::to_device(stream, src), Self::to_device(stream, index));
                gpu::gather_coo(stream, &src, &index, &options).unwrap().to_host(stream).unwrap().into_data()
            }
        }
    }

    fn softmax<T: Float>(&self, src: &Tensor<T>, index: &Tensor<i64>) -> Vec<T> {
        let options = CompositeOptions::new();
        match self {
            Self::Cpu => cpu::softmax(src, index, &options).unwrap().into_data(),
            Self::Gpu(stream) => {
                let (src, index) = (Self::to_device(stream, src), Self::to_device(stream, index));
                gpu::softmax(stream, &src, &index, &options).unwrap().to_host(stream).unwrap().into_data()
            }
        }
    }

    fn logsumexp<T: Float>(&self, src: &Tensor<T>, index: &Tensor<i64>) -> Vec<T> {
        let options = CompositeOptions::new();
        match self {
            Self::Cpu => cpu::logsumexp(src, index, &options).unwrap().into_data(),
            Self::Gpu(stream) => {
                let (src, index) = (Self::to_device(stream, src), Self::to_device(stream, index));
                gpu::logsumexp(stream, &src, &index, &options).unwrap().to_host(stream).unwrap().into_data()
            }
        }
    }

    fn std<T: Float>(&self, src: &Tensor<T>, index: &Tensor<i64>) -> Vec<T> {
        let options = CompositeOptions::new();
        match self {
            Self::Cpu => cpu::std(src, index, &options).unwrap().into_data(),
            Self::Gpu(stream) => {
                let (src, index) = (Self::to_device(stream, src), Self::to_device(stream, index));
                gpu::std(stream, &src, &index, &options).unwrap().to_host(stream).unwrap().into_data()
            }
        }
    }

    /// The score of one row of each: the sum of all their elements.
    fn gather_dot<T: Float>(&self, src: &Tensor<T>, other: &Tensor<T>) -> Vec<T> {
        let (options, index) = (GatherDotOptions::new(Combine::Add).negative_slope(1.0), tensor(&[1], vec![0i64]));
        match self {
            Self::Cpu => cpu::gather_dot(src, &index, other, &index, None, &options).unwrap().into_data(),
            Self::Gpu(stream) => {
                let (src, other) = (Self::to_device(stream, src), Self::to_device(stream, other));
                let index = Self::to_device(stream, &index);
                let out = gpu::gather_dot(stream, &src, &index, &other, &index, None, &options);
                out.unwrap().to_host(stream).unwrap().into_data()
            }
        }
    }

    /// Attention over one segment of all rows, by the scores.
    fn attention<T: Float>(&self, src: &Tensor<T>, score: &Tensor<T>) -> Vec<T> {
        let (options, count) = (AttentionCsrOptions::new(), src.data().len() as i64);
        let (index, indptr) = (tensor(&[src.data().len()], (0..count).collect()), tensor(&[2], vec![0, count]));
        match self {
            Self::Cpu => {
                cpu::attention_csr(src, &index, &indptr, Weight::Same(score.view()), &options).unwrap().into_data()
            }
            Self::Gpu(stream) => {
                let (src, score) = (Self::to_device(stream, src), Self::to_device(stream, score));
                let (index, indptr) = (Self::to_device(stream, &index), Self::to_device(stream, &indptr));
                let out = gpu::attention_csr(stream, &src, &index, &indptr, DeviceWeight::Same(&score), &options);
                out.unwrap().to_host(stream).unwrap().into_data()
            }
        }
    }

    /// Whether `red.add.f32` adds float32 and bfloat16 up.
    fn flushes(&self) -> bool {
        matches!(self, Self::Gpu(_))
    }
}

fn tensor<T: Scalar>(dims: &[usize], data: Vec<T>) -> Tensor<T> {
    Tensor::new(dims, data).unwrap()
}

/// The value with these bits.
fn bits<T: Scalar>(word: u64) -> T {
    bytemuck::pod_read_unaligned(&word.to_le_bytes()[..size_of::<T>()])
}

/// `count` times the smallest value above 0. Subnormal if `count` is small.
fn subnormal<T: Scalar>(count: usize) -> T {
    bits(count as u64)
}

fn is_same<T: Scalar>(given: T, expected: T) -> bool {
    bytemuck::bytes_of(&given) == bytemuck::bytes_of(&expected)
}

#[track_caller]
fn assert_all<T: Scalar>(what: &str, given: &[T], expected: T) {
    for (position, &given) in given.iter().enumerate() {
        assert!(is_same(given, expected), "{what} of {}: [{position}] is {given:?}, expected {expected:?}", T::TYPE);
    }
}

/// Shapes that lead to each of the ways to add up: rows, columns, groups. Whole rows of a warp with one column and with
/// packs, packs that fill no warp, columns that fill no packs, and groups so few that blocks keep sums of their own.
const SHAPES: [[usize; 3]; 6] =
    [[4_000, 1, 1_000], [4_000, 64, 1_000], [4_000, 12, 1_000], [4_000, 3, 1_000], [40_000, 4, 8], [40_000, 1, 8]];

/// Sums of `rows / groups` subnormal values each; `small` is the value, `sum` their sum by IEEE 754.
fn sums<T: Scalar>(backend: &Backend, is_flushed: bool) {
    for [rows, columns, groups] in SHAPES {
        let per_group = rows / groups;
        // A bfloat16 has 127 subnormal values: few of its smallest ones add up without rounding.
        if T::TYPE.bytes() == 2 && per_group > 100 {
            continue;
        }
        let src = tensor(&[rows, columns], vec![subnormal::<T>(1); rows * columns]);
        let by_row = tensor(&[rows, 1], (0..rows).map(|row| (row % groups) as i64).collect());
        let by_element =
            tensor(&[rows, columns], (0..rows * columns).map(|at| (at / columns % groups) as i64).collect());
        let sum = subnormal::<T>(per_group);
        for (kind, index) in [("by row", &by_row), ("by element", &by_element)] {
            let what = format!("sum {kind} of {rows} x {columns} into {groups}");
            let options = ScatterOptions::new(Reduce::Sum).dim(0);
            let expected = if is_flushed { T::zeroed() } else { sum };
            assert_all(&what, &backend.scatter(&src, index, None, &options), expected);
            let options = options.deterministic(true);
            assert_all(&format!("deterministic {what}"), &backend.scatter(&src, index, None, &options), sum);
        }
        let sorted = tensor(&[rows], (0..rows).map(|row| (row / per_group) as i64).collect());
        let bounds = tensor(&[groups + 1], (0..=groups).map(|group| (group * per_group) as i64).collect());
        assert_all("segment_coo", &backend.segment_coo(&src, &sorted, Reduce::Sum), sum);
        assert_all("segment_csr", &backend.segment_csr(&src, &bounds, Reduce::Sum), sum);
    }
}

/// What holds for all floating-point types; `smallest_normal` is the type's.
fn everything_else<T: Float>(backend: &Backend, smallest_normal: T, is_flushed: bool) {
    let smallest = subnormal::<T>(1);
    let one_group = tensor(&[2], vec![0, 0]);
    let pair = tensor(&[2], vec![smallest_normal, T::zeroed()]);
    // Half of the smallest normal value is subnormal, and has one bit.
    let half = bits::<T>(word(smallest_normal) / 2);
    let scatter = |reduce| ScatterOptions::new(reduce).dim_size(1);
    assert_all("mean, subnormal quotient", &backend.scatter(&pair, &one_group, None, &scatter(Reduce::Mean)), half);

    let alone = tensor(&[1], vec![smallest]);
    let its_group = tensor(&[1], vec![0]);
    for reduce in [Reduce::Mul, Reduce::Min, Reduce::Max] {
        let given = backend.scatter(&alone, &its_group, None, &scatter(reduce));
        assert_all(reduce.name(), &given, smallest);
    }
    let mean = backend.scatter(&alone, &its_group, None, &scatter(Reduce::Mean));
    assert_all("mean", &mean, if is_flushed { T::zeroed() } else { smallest });
    let mean = backend.scatter(&alone, &its_group, None, &scatter(Reduce::Mean).deterministic(true));
    assert_all("deterministic mean", &mean, smallest);

    // Nothing is added to the second group.
    let base = tensor(&[2], vec![smallest; 2]);
    let given = backend.scatter(&alone, &its_group, Some(&base), &ScatterOptions::new(Reduce::Sum));
    let added = if is_flushed { T::zeroed() } else { subnormal(2) };
    assert_all("sum from base", &given[..1], added);
    assert_all("base without elements", &given[1..], smallest);

    let bounds = tensor(&[2], vec![0, 1]);
    for reduce in [Reduce::Mean, Reduce::Min, Reduce::Max] {
        assert_all("segment_csr", &backend.segment_csr(&alone, &bounds, reduce), smallest);
        assert_all("segment_coo", &backend.segment_coo(&alone, &its_group, reduce), smallest);
    }
    assert_all("gather_coo", &backend.gather_coo(&alone, &its_group), smallest);
    // Each row has the factor 1 / 4, whichever comes first: that or the sum.
    let rows = tensor(&[4], vec![subnormal::<T>(4); 4]);
    assert_all("attention_csr", &backend.attention(&rows, &tensor(&[4], vec![T::zeroed(); 4])), subnormal(4));
    let pair = tensor(&[1, 2], vec![smallest; 2]);
    let zeros = tensor(&[1, 2], vec![T::zeroed(); 2]);
    assert_all("gather_dot", &backend.gather_dot(&pair, &zeros), subnormal(2));
    // exp(0) = 1, whose logarithm is 0 beside an eps of 10^-12 in all types but float64.
    if !is_float64::<T>() {
        assert_all("logsumexp", &backend.logsumexp(&alone, &its_group), smallest);
    }
}

fn is_float64<T: Scalar>() -> bool {
    T::TYPE.bytes() == 8
}

fn word<T: Scalar>(value: T) -> u64 {
    let mut word = [0; 8];
    word[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&value));
    u64::from_le_bytes(word)
}

fn check(backend: &Backend) {
    let flushes = backend.flushes();
    sums::<f32>(backend, flushes);
    sums::<bf16>(backend, flushes);
    sums::<f16>(backend, false);
    sums::<f64>(backend, false);
    everything_else::<f32>(backend, f32::MIN_POSITIVE, flushes);
    everything_else::<bf16>(backend, bf16::MIN_POSITIVE, flushes);
    everything_else::<f16>(backend, f16::MIN_POSITIVE, false);
    everything_else::<f64>(backend, f64::MIN_POSITIVE, false);

    // exp(-95) is subnormal, and in a sum with exp(0) nothing.
    let index = tensor(&[2], vec![0, 0]);
    let softmax = backend.softmax(&tensor(&[2], vec![0.0f32, -95.0]), &index)[1];
    assert!(softmax.is_subnormal() && (softmax / 5.521e-42 - 1.0).abs() < 1e-2, "softmax is {softmax:e}");

    // Squares of 10^-40 are subnormal, their root is not.
    let std = backend.std(&tensor(&[2], vec![1e-20f32, -1e-20]), &index)[0];
    let expected = if flushes { 0.0 } else { 2f32.sqrt() * 1e-20 };
    assert!((std - expected).abs() <= 1e-4 * expected, "std is {std:e}, expected {expected:e}");
    let std = backend.std(&tensor(&[2], vec![1e-160f64, -1e-160]), &index)[0];
    assert!((std / (2f64.sqrt() * 1e-160) - 1.0).abs() < 1e-3, "std of float64 is {std:e}");
}

#[test]
fn subnormal_values_are_kept_on_the_cpu() {
    check(&Backend::Cpu);
}

#[test]
fn subnormal_sums_of_scatter_alone_are_flushed_on_a_gpu() {
    let Some(gpu) = gpu_or_skip("subnormal_sums_of_scatter_alone_are_flushed_on_a_gpu") else { return };
    check(&Backend::Gpu(Stream::new(&gpu).unwrap()));
}
