//! Tensors whose positions do not fit 32 bits: 2^33 elements, on a GPU with room for them. Skipped, and counted as
//! skipped, where there is none. Every element of every result is compared with a formula.
//!
//! Meant for `--release`: the host fills, copies and compares hundreds of gigabytes (at most 64 GiB at a time), which
//! takes some minutes.

mod pattern;
#[path = "../support/mod.rs"]
mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytemuck::{Pod, cast_slice};
use half::f16;
use pattern::Pattern;
use support::gpu_or_skip;
use tensorrt_scatter::{
    BadIndex, Composite, CompositeOptions, Error, GatherCooOptions, GatherCsrOptions, Index, IndexType, Reduce,
    Reduced, ScalarType, ScatterOptions, ScatterPlan, SegmentCooOptions, SegmentCsrOptions, Shape, Tensor, TensorView,
    cpu,
    gpu::{self, DeviceTensor, Gpu, Stream, raw::ReductionPointers},
};

/// What the tests with an int32 index take: 32 GiB of index, 16 GiB of values and 16 GiB of result, with room for
/// scratch space and for what the driver keeps.
const NEEDED_BYTES: usize = 68 << 30;

/// The same with 64 GiB of int64 index, and 2 GiB of scratch for the segments.
const NEEDED_BYTES_WITH_INT64: usize = 84 << 30;

/// A test fills most of the memory of the device and of the host, so one test runs at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// 65,521 and 65,537 are prime: groups and segments start at no round address.
const LONG_AXIS: Pattern = Pattern { rows: 1 << 33, columns: 1, groups: 65_521, period: 128, segments: 65_537 };

/// So are 4,093 and 4,099.
const LONG_ROWS: Pattern = Pattern { rows: 1 << 23, columns: 1 << 10, groups: 4093, period: 16, segments: 4099 };

/// The device, for one test at a time, if it has room.
fn large_gpu_or_skip(test: &str, needed_bytes: usize) -> Option<(Gpu, MutexGuard<'static, ()>)> {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let gpu = gpu_or_skip(test)?;
    let free = gpu.free_bytes().unwrap();
    if free < needed_bytes {
        println!("SKIPPED: {test}: {needed_bytes} bytes of free device memory are needed");
        return None;
    }
    Some((gpu, alone))
}

/// Sends a tensor to the device.
fn upload<T: Pod>(stream: &Stream, dims: &[usize], data: &[T]) -> DeviceTensor<T> {
    DeviceTensor::from_host(stream, TensorView::new(dims, data).unwrap()).unwrap()
}

fn upload_src(stream: &Stream, pattern: &Pattern) -> DeviceTensor<f16> {
    upload(stream, &pattern.dims(), cast_slice::<u16, f16>(&pattern.src()))
}

/// Sends the group of each row. The last row's index is bad.
fn upload_index_with_a_bad_end<I: Index>(stream: &Stream, pattern: &Pattern, of: impl Fn(i32) -> I) -> DeviceTensor<I> {
    let mut index = pattern.index(|group| of(group as i32));
    *index.last_mut().unwrap() = of(-1);
    upload(stream, &[pattern.rows], &index)
}

/// Checked calls have to look at the whole index to find the bad one at its end.
fn check_that_the_bad_end_is_found<I: Index>(
    stream: &Stream,
    pattern: &Pattern,
    src: &DeviceTensor<f16>,
    index: &DeviceTensor<I>,
) {
    let checked = ScatterOptions::new(Reduce::Sum).dim_size(pattern.groups);
    let refused = gpu::scatter(stream, src, index, None, &checked).err();
    let (position, shape) = (pattern.rows as u64 - 1, *index.shape());
    assert_eq!(
        refused,
        Some(Error::IndexOutOfRange { input: "index", position, value: -1, size: pattern.groups, shape })
    );
}

fn scatter_options(pattern: &Pattern, reduce: Reduce) -> ScatterOptions {
    ScatterOptions::new(reduce).dim(0).dim_size(pattern.groups).bad_index(BadIndex::Skip)
}

fn check_scatter_sum<I: Index>(stream: &Stream, pattern: &Pattern, src: &DeviceTensor<f16>, index: &DeviceTensor<I>) {
    let sums = gpu::scatter(stream, src, index, None, &scatter_options(pattern, Reduce::Sum)).unwrap();
    pattern.check_sums("scatter sum", sums.out.to_host(stream).unwrap().data(), Pattern::group_sum);
}

/// Downloads maxima and their positions, and compares them.
fn check_max(
    stream: &Stream,
    pattern: &Pattern,
    operator: &str,
    max: Reduced<DeviceTensor<f16>, DeviceTensor<i64>>,
    expected: impl Fn(&Pattern, usize, usize) -> (usize, usize),
) {
    let (out, arg_out) = (max.out.to_host(stream).unwrap(), max.arg_out.unwrap().to_host(stream).unwrap());
    let max = Reduced { out: out.data(), arg_out: Some(arg_out.data()) };
    pattern.check_max(operator, &max, expected);
}

fn check_scatter(stream: &Stream, pattern: &Pattern, src: &DeviceTensor<f16>, index: &DeviceTensor<i64>) {
    check_scatter_sum(stream, pattern, src, index);
    let max = gpu::scatter(stream, src, index, None, &scatter_options(pattern, Reduce::Max)).unwrap();
    check_max(stream, pattern, "scatter max", max, Pattern::group_max);
}

fn check_segment_csr(stream: &Stream, pattern: &Pattern, src: &DeviceTensor<f16>) {
    let indptr = upload(stream, &[pattern.segments + 1], &pattern.indptr());
    let sums = gpu::segment_csr(stream, src, &indptr, &SegmentCsrOptions::new(Reduce::Sum)).unwrap();
    let sums = sums.out.to_host(stream).unwrap();
    pattern.check_sums("segment_csr sum", sums.data(), Pattern::segment_sum);
    let max = gpu::segment_csr(stream, src, &indptr, &SegmentCsrOptions::new(Reduce::Max)).unwrap();
    check_max(stream, pattern, "segment_csr max", max, Pattern::segment_max);
}

fn segment_coo_options(pattern: &Pattern, reduce: Reduce) -> SegmentCooOptions {
    SegmentCooOptions::new(reduce).dim_size(pattern.segments)
}

fn check_segment_coo_sum<I: Index>(
    stream: &Stream,
    pattern: &Pattern,
    src: &DeviceTensor<f16>,
    index: &DeviceTensor<I>,
) {
    let sums = gpu::segment_coo(stream, src, index, None, &segment_coo_options(pattern, Reduce::Sum)).unwrap();
    let sums = sums.out.to_host(stream).unwrap();
    pattern.check_sums("segment_coo sum", sums.data(), Pattern::segment_sum);
}

fn check_segment_coo(stream: &Stream, pattern: &Pattern, src: &DeviceTensor<f16>) {
    let index = upload(stream, &[pattern.rows], &pattern.sorted_index(|segment| segment as i64));
    check_segment_coo_sum(stream, pattern, src, &index);
    let max = gpu::segment_coo(stream, src, &index, None, &segment_coo_options(pattern, Reduce::Max)).unwrap();
    check_max(stream, pattern, "segment_coo max", max, Pattern::segment_max);
}

fn check_composites<I: Index>(
    stream: &Stream,
    pattern: &Pattern,
    src: &DeviceTensor<f16>,
    index: &DeviceTensor<I>,
    last_is_bad: bool,
) {
    let options = CompositeOptions::new().dim(0).dim_size(pattern.groups).bad_index(BadIndex::Skip);
    for composite in Composite::ALL {
        let out = match composite {
            Composite::Softmax => gpu::softmax(stream, src, index, &options),
            Composite::LogSoftmax => gpu::log_softmax(stream, src, index, &options),
            Composite::LogSumExp => gpu::logsumexp(stream, src, index, &options),
            Composite::Std => gpu::std(stream, src, index, &options),
        };
        pattern.check_composite(composite, out.unwrap().to_host(stream).unwrap().data(), last_is_bad);
    }
}

fn check_gather_coo<I: Index>(stream: &Stream, pattern: &Pattern, index: &DeviceTensor<I>, last_is_bad: bool) {
    let table = pattern.table(pattern.groups);
    let src = upload(stream, &pattern.dims_of(pattern.groups), cast_slice::<u16, f16>(&table));
    let options = GatherCooOptions::new().bad_index(BadIndex::Skip);
    let out = gpu::gather_coo(stream, &src, index, &options).unwrap().to_host(stream).unwrap();
    pattern.check_gathered_by_index(out.data(), &table, last_is_bad);
}

fn check_gather_csr(stream: &Stream, pattern: &Pattern) {
    let table = pattern.table(pattern.segments);
    let src = upload(stream, &pattern.dims_of(pattern.segments), cast_slice::<u16, f16>(&table));
    let indptr = upload(stream, &[pattern.segments + 1], &pattern.indptr());
    let out = gpu::gather_csr(stream, &src, &indptr, &GatherCsrOptions::new()).unwrap().to_host(stream).unwrap();
    pattern.check_gathered_by_segment(out.data(), &table);
}

#[test]
fn rows_whose_elements_lie_beyond_2_to_the_32() {
    let test = "rows_whose_elements_lie_beyond_2_to_the_32";
    let Some((gpu, _alone)) = large_gpu_or_skip(test, NEEDED_BYTES) else { return };
    let stream = Stream::new(&gpu).unwrap();
    let pattern = LONG_ROWS;
    let index = upload(&stream, &[pattern.rows], &pattern.index(|group| group as i64));
    {
        let src = upload_src(&stream, &pattern);
        check_scatter(&stream, &pattern, &src, &index);
        check_segment_csr(&stream, &pattern, &src);
        check_segment_coo(&stream, &pattern, &src);
        check_composites(&stream, &pattern, &src, &index, false);
    }
    check_gather_coo(&stream, &pattern, &index, false);
    check_gather_csr(&stream, &pattern);
}

#[test]
fn an_axis_longer_than_2_to_the_32() {
    let test = "an_axis_longer_than_2_to_the_32";
    let Some((gpu, _alone)) = large_gpu_or_skip(test, NEEDED_BYTES) else { return };
    let stream = Stream::new(&gpu).unwrap();
    let pattern = LONG_AXIS;
    let too_narrow = Some(Error::ArgOutTooNarrow { length: pattern.rows });
    let src = upload_src(&stream, &pattern);
    check_segment_csr(&stream, &pattern, &src);
    {
        let index = upload(&stream, &[pattern.rows], &pattern.sorted_index(|segment| segment as i32));
        check_segment_coo_sum(&stream, &pattern, &src, &index);
        let refused = gpu::segment_coo(&stream, &src, &index, None, &segment_coo_options(&pattern, Reduce::Max)).err();
        assert_eq!(refused, too_narrow, "int32 holds no such position");
    }
    let index = upload_index_with_a_bad_end(&stream, &pattern, |group| group);
    check_that_the_bad_end_is_found(&stream, &pattern, &src, &index);
    check_scatter_sum(&stream, &pattern, &src, &index);
    let refused = gpu::scatter(&stream, &src, &index, None, &scatter_options(&pattern, Reduce::Max)).err();
    assert_eq!(refused, too_narrow, "int32 holds no such position");
    let max = scatter_max_with_wide_positions(&stream, &pattern, &src, &index);
    check_max(&stream, &pattern, "scatter max", max, Pattern::group_max);
    check_composites(&stream, &pattern, &src, &index, true);
    drop(src);
    check_gather_coo(&stream, &pattern, &index, true);
    drop(index);
    check_gather_csr(&stream, &pattern);
}

#[test]
fn an_int64_index_longer_than_2_to_the_32() {
    let test = "an_int64_index_longer_than_2_to_the_32";
    let Some((gpu, _alone)) = large_gpu_or_skip(test, NEEDED_BYTES_WITH_INT64) else { return };
    let stream = Stream::new(&gpu).unwrap();
    let pattern = LONG_AXIS;
    let src = upload_src(&stream, &pattern);
    check_segment_coo(&stream, &pattern, &src);
    let index = upload_index_with_a_bad_end(&stream, &pattern, i64::from);
    check_that_the_bad_end_is_found(&stream, &pattern, &src, &index);
    check_scatter(&stream, &pattern, &src, &index);
    drop(src);
    check_gather_coo(&stream, &pattern, &index, true);
}

/// Scatter max by an int32 index with int64 positions, which the safe calls do not have.
fn scatter_max_with_wide_positions(
    stream: &Stream,
    pattern: &Pattern,
    src: &DeviceTensor<f16>,
    index: &DeviceTensor<i32>,
) -> Reduced<DeviceTensor<f16>, DeviceTensor<i64>> {
    let options = scatter_options(pattern, Reduce::Max);
    let plan = ScatterPlan::new(src.shape(), index.shape(), None, &options).unwrap();
    let workspace_bytes = plan.workspace_bytes(ScalarType::F16);
    let workspace = DeviceTensor::<u8>::zeros(stream, Shape::new(&[workspace_bytes]).unwrap()).unwrap();
    let out = DeviceTensor::zeros(stream, *plan.out_shape()).unwrap();
    let arg_out = DeviceTensor::zeros(stream, *plan.out_shape()).unwrap();
    let pointers = ReductionPointers {
        scalar: ScalarType::F16,
        index_type: IndexType::I32,
        arg_type: IndexType::I64,
        src: src.address(),
        index: index.address(),
        base: None,
        out: out.address(),
        arg_out: Some(arg_out.address()),
        workspace: workspace.address(),
        workspace_bytes,
    };
    stream.gpu().bind().unwrap();
    // SAFETY: the tensors have the plan's shapes and live on the stream's device, whose context was made current;
    // freeing the scratch space waits for the work.
    unsafe { gpu::raw::scatter_raw(stream.gpu().kernels(), &plan, &pointers, stream.as_raw()) }.unwrap();
    Reduced { out, arg_out: Some(arg_out) }
}

/// Checks the formulas against the CPU backend, on the same patterns with fewer rows.
#[test]
fn the_formulas_agree_with_the_cpu_backend() {
    for (rows, columns) in [(4096, 1), (5000, 1), (1024, 7), (1023, 16)] {
        let pattern = Pattern { rows, columns, groups: 61, period: 4, segments: 67 };
        let src = pattern.src();
        let src = TensorView::new(&pattern.dims(), cast_slice::<u16, f16>(&src)).unwrap();
        let index = Tensor::new(&[rows], pattern.index(|group| group as i64)).unwrap();
        let options = |reduce| ScatterOptions::new(reduce).dim(0).dim_size(pattern.groups);
        let sums = cpu::scatter(src, &index, None, &options(Reduce::Sum)).unwrap();
        pattern.check_sums("scatter sum", sums.out.data(), Pattern::group_sum);
        let max = cpu::scatter(src, &index, None, &options(Reduce::Max)).unwrap();
        let max = Reduced { out: max.out.data(), arg_out: max.arg_out.as_ref().map(Tensor::data) };
        pattern.check_max("scatter max", &max, Pattern::group_max);

        let options = CompositeOptions::new().dim(0).dim_size(pattern.groups);
        for composite in Composite::ALL {
            let out = match composite {
                Composite::Softmax => cpu::softmax(src, &index, &options),
                Composite::LogSoftmax => cpu::log_softmax(src, &index, &options),
                Composite::LogSumExp => cpu::logsumexp(src, &index, &options),
                Composite::Std => cpu::std(src, &index, &options),
            };
            pattern.check_composite(composite, out.unwrap().data(), false);
        }

        let indptr = Tensor::new(&[pattern.segments + 1], pattern.indptr()).unwrap();
        let sums = cpu::segment_csr(src, &indptr, &SegmentCsrOptions::new(Reduce::Sum)).unwrap();
        pattern.check_sums("segment_csr sum", sums.out.data(), Pattern::segment_sum);
        let max = cpu::segment_csr(src, &indptr, &SegmentCsrOptions::new(Reduce::Max)).unwrap();
        let max = Reduced { out: max.out.data(), arg_out: max.arg_out.as_ref().map(Tensor::data) };
        pattern.check_max("segment_csr max", &max, Pattern::segment_max);

        let sorted = Tensor::new(&[rows], pattern.sorted_index(|segment| segment as i64)).unwrap();
        let sums = cpu::segment_coo(src, &sorted, None, &segment_coo_options(&pattern, Reduce::Sum)).unwrap();
        pattern.check_sums("segment_coo sum", sums.out.data(), Pattern::segment_sum);

        let table = pattern.table(pattern.groups);
        let from = TensorView::new(&pattern.dims_of(pattern.groups), cast_slice::<u16, f16>(&table)).unwrap();
        let gathered = cpu::gather_coo(from, &index, &GatherCooOptions::new()).unwrap();
        pattern.check_gathered_by_index(gathered.data(), &table, false);

        let table = pattern.table(pattern.segments);
        let from = TensorView::new(&pattern.dims_of(pattern.segments), cast_slice::<u16, f16>(&table)).unwrap();
        let gathered = cpu::gather_csr(from, &indptr, &GatherCsrOptions::new()).unwrap();
        pattern.check_gathered_by_segment(gathered.data(), &table);
    }
}
