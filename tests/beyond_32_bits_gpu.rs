//! Tensors whose positions do not fit 32 bits: 2^33 elements, on a GPU with room for them. Skipped, and counted so,
//! where there is none. Every element of every result is compared with what a formula says it is.
//!
//! Meant for `--release`: the host fills, sends and looks over tens of gigabytes (at most 32 GiB at a time), which
//! takes a minute or two there.

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytemuck::cast_slice;
use half::f16;
use rayon::prelude::*;
use support::gpu_or_skip;
use tensorrt_scatter::{
    BadIndex, Error, GatherCooOptions, IndexType, Reduce, Reduced, ScalarType, ScatterOptions, ScatterPlan,
    SegmentCsrOptions, Shape, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Gpu, ReductionPointers, Stream},
};

/// What the larger test takes, 32 GiB of index and 16 GiB of values, with room for scratch space (2 GiB for the
/// segments) and for what the driver keeps.
const NEEDED_BYTES: usize = 56 << 30;

/// Neither of the tests leaves room, on the device or on the host, for the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The bits of 0, 1 and 2 as float16.
const BITS: [u16; 3] = [0, 0x3c00, 0x4000];

/// `src` [rows, columns] and the groups of its rows, from which every result follows by counting.
///
/// Row r = j * groups + g is the j-th of group g. In column c it is not 0 where j = g + c modulo `period`; there it is
/// 1, and 2 in the upper half of the rows. So each group and each run of rows has few elements that are not 0 (the
/// sums are exact), positions in the upper half say so in their values, and those that are 2^32 apart are not alike.
#[derive(Clone, Copy)]
struct Pattern {
    rows: usize,
    columns: usize,
    groups: usize,
    period: usize,
    /// For the segments of csr: segment s is the rows from s * rows / segments on.
    segments: usize,
}

impl Pattern {
    /// The first row of the upper half.
    fn half(&self) -> usize {
        self.rows / 2
    }

    fn dims(&self) -> Vec<usize> {
        self.dims_of(self.rows)
    }

    fn dims_of(&self, rows: usize) -> Vec<usize> {
        if self.columns == 1 { vec![rows] } else { vec![rows, self.columns] }
    }

    /// The bits of src, as float16.
    fn src(&self) -> Vec<u16> {
        let mut src = vec![0; self.rows * self.columns];
        src.par_chunks_mut(self.groups * self.columns).enumerate().for_each(|(j, chunk)| {
            for (g, row) in chunk.chunks_mut(self.columns).enumerate() {
                let value = BITS[if j * self.groups + g < self.half() { 1 } else { 2 }];
                // Column c with j = g + c modulo the period.
                let first = (j % self.period + self.period - g % self.period) % self.period;
                row.iter_mut().skip(first).step_by(self.period).for_each(|element| *element = value);
            }
        });
        src
    }

    /// The group of each row.
    fn index(&self) -> Vec<i32> {
        let period: Vec<i32> = (0..self.groups as i32).collect();
        let mut index = vec![0; self.rows];
        index.par_chunks_mut(self.groups).for_each(|chunk| chunk.copy_from_slice(&period[..chunk.len()]));
        index
    }

    /// The first row of a segment.
    fn start(&self, segment: usize) -> usize {
        (segment as u128 * self.rows as u128 / self.segments as u128) as usize
    }

    fn indptr(&self) -> Vec<i64> {
        (0..=self.segments).map(|segment| self.start(segment) as i64).collect()
    }

    /// What j is modulo the period where column c of row j * groups + g is not 0.
    fn j_of(&self, g: usize, c: usize) -> usize {
        (g + c) % self.period
    }

    /// What g is there.
    fn g_of(&self, j: usize, c: usize) -> usize {
        (j % self.period + self.period - c % self.period) % self.period
    }

    /// How many of a column's elements in rows before `row` are not 0.
    fn count_before(&self, row: usize, c: usize) -> usize {
        // How many g below `end` are as they must be for this j.
        let count = |j: usize, end: usize| end.saturating_sub(self.g_of(j, c)).div_ceil(self.period);
        let j = row / self.groups;
        // Over a whole period of j each g comes once.
        let periods = j / self.period * self.groups;
        let rest: usize = (0..j % self.period).map(|j| count(j, self.groups)).sum();
        periods + rest + count(j, row % self.groups)
    }

    /// How many of those are of group `g`.
    fn count_in_group_before(&self, row: usize, g: usize, c: usize) -> usize {
        let elements = row.saturating_sub(g).div_ceil(self.groups);
        elements.saturating_sub(self.j_of(g, c)).div_ceil(self.period)
    }

    /// The first row from `row` on where a column is not 0.
    fn first_from(&self, row: usize, c: usize) -> usize {
        let (j, g) = (row / self.groups, row % self.groups);
        let next = g + (self.g_of(j, c) + self.period - g % self.period) % self.period;
        if next < self.groups { j * self.groups + next } else { (j + 1) * self.groups + self.g_of(j + 1, c) }
    }

    /// The same among the rows of group `g`.
    fn first_in_group_from(&self, row: usize, g: usize, c: usize) -> usize {
        let j = row.saturating_sub(g).div_ceil(self.groups);
        let next = j + (self.j_of(g, c) + self.period - j % self.period) % self.period;
        next * self.groups + g
    }

    fn group_sum(&self, g: usize, c: usize) -> usize {
        2 * self.count_in_group_before(self.rows, g, c) - self.count_in_group_before(self.half(), g, c)
    }

    /// The maximum of a group and its position: a 2, as every group has one.
    fn group_max(&self, g: usize, c: usize) -> (usize, usize) {
        (2, self.first_in_group_from(self.half(), g, c))
    }

    fn segment_sum(&self, segment: usize, c: usize) -> usize {
        let (start, end) = (self.start(segment), self.start(segment + 1));
        let ones_and_twos = self.count_before(end, c) - self.count_before(start, c);
        let twos = self.count_before(end.max(self.half()), c) - self.count_before(start.max(self.half()), c);
        ones_and_twos + twos
    }

    /// The maximum of a segment and its position: a 2 where it has one, and otherwise a 1.
    fn segment_max(&self, segment: usize, c: usize) -> (usize, usize) {
        let (start, end) = (self.start(segment), self.start(segment + 1));
        let two = self.first_from(start.max(self.half()), c);
        if two < end { (2, two) } else { (1, self.first_from(start, c)) }
    }

    /// The bits of the table that is gathered from: all elements of a column are different.
    fn table(&self) -> Vec<u16> {
        (0..self.groups * self.columns).map(|i| (i / self.columns * 31 + i % self.columns) as u16).collect()
    }

    fn check_sums(&self, what: &str, out: &[f16], expected: impl Fn(&Self, usize, usize) -> usize) {
        for (i, value) in out.iter().enumerate() {
            let expected = expected(self, i / self.columns, i % self.columns);
            assert_eq!(value.to_f64(), expected as f64, "{what}: element {i}");
        }
    }

    fn check_max(
        &self,
        what: &str,
        result: &Reduced<&[f16], &[i64]>,
        expected: impl Fn(&Self, usize, usize) -> (usize, usize),
    ) {
        let arg_out = result.arg_out.expect("max has positions");
        assert_eq!(result.out.len(), arg_out.len());
        for (i, (value, &arg)) in result.out.iter().zip(arg_out).enumerate() {
            let expected = expected(self, i / self.columns, i % self.columns);
            assert_eq!((value.to_f64(), arg), (expected.0 as f64, expected.1 as i64), "{what}: element {i}");
        }
    }

    /// Checks rows gathered from the table by the index, of which the last element may have been bad.
    fn check_gathered(&self, out: &[f16], table: &[u16], last_is_bad: bool) {
        let out: &[u16] = cast_slice(out);
        let (good, bad) = out.split_at((self.rows - usize::from(last_is_bad)) * self.columns);
        good.par_chunks(table.len()).enumerate().for_each(|(j, chunk)| {
            assert!(chunk == &table[..chunk.len()], "gather_coo: rows from {} on", j * self.groups);
        });
        assert!(bad.iter().all(|&bits| bits == 0), "gather_coo: the row of the bad index");
    }
}

/// Sends a tensor to the device.
fn upload<T: bytemuck::Pod>(stream: &Stream, dims: &[usize], data: &[T]) -> DeviceTensor<T> {
    DeviceTensor::from_host(stream, TensorView::new(dims, data).unwrap()).unwrap()
}

/// The device, for one test at a time, if it has room.
fn large_gpu_or_skip(test: &str) -> Option<(Gpu, MutexGuard<'static, ()>)> {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let gpu = gpu_or_skip(test)?;
    let free = gpu.free_bytes().unwrap();
    if free < NEEDED_BYTES {
        println!("SKIPPED: {test}: {NEEDED_BYTES} bytes of free device memory are needed");
        return None;
    }
    Some((gpu, alone))
}

fn check_segments(stream: &Stream, pattern: &Pattern, src: &DeviceTensor<f16>) {
    let indptr = upload(stream, &[pattern.segments + 1], &pattern.indptr());
    let sums = gpu::segment_csr(stream, src, &indptr, &SegmentCsrOptions::new(Reduce::Sum)).unwrap();
    let sums = sums.out.to_host(stream).unwrap();
    pattern.check_sums("segment_csr sum", sums.data(), Pattern::segment_sum);
    let max = gpu::segment_csr(stream, src, &indptr, &SegmentCsrOptions::new(Reduce::Max)).unwrap();
    let (out, arg_out) = (max.out.to_host(stream).unwrap(), max.arg_out.unwrap().to_host(stream).unwrap());
    let max = Reduced { out: out.data(), arg_out: Some(arg_out.data()) };
    pattern.check_max("segment_csr max", &max, Pattern::segment_max);
}

#[test]
fn rows_whose_elements_lie_beyond_2_to_the_32() {
    let test = "rows_whose_elements_lie_beyond_2_to_the_32";
    let Some((gpu, _alone)) = large_gpu_or_skip(test) else { return };
    let stream = Stream::new(&gpu).unwrap();
    // 4,093 and 4,099 are prime: groups and segments start at no round address.
    let pattern = Pattern { rows: 1 << 23, columns: 1 << 10, groups: 4093, period: 16, segments: 4099 };
    let src = upload(&stream, &pattern.dims(), cast_slice::<u16, f16>(&pattern.src()));
    let index: Vec<i64> = pattern.index().into_iter().map(i64::from).collect();
    let index = upload(&stream, &[pattern.rows], &index);

    let options = |reduce| ScatterOptions::new(reduce).dim(0).dim_size(pattern.groups);
    let sums = gpu::scatter(&stream, &src, &index, None, &options(Reduce::Sum)).unwrap();
    pattern.check_sums("scatter sum", sums.out.to_host(&stream).unwrap().data(), Pattern::group_sum);
    let max = gpu::scatter(&stream, &src, &index, None, &options(Reduce::Max)).unwrap();
    let (out, arg_out) = (max.out.to_host(&stream).unwrap(), max.arg_out.unwrap().to_host(&stream).unwrap());
    let max = Reduced { out: out.data(), arg_out: Some(arg_out.data()) };
    pattern.check_max("scatter max", &max, Pattern::group_max);
    check_segments(&stream, &pattern, &src);

    drop(src);
    let table = pattern.table();
    let from = upload(&stream, &pattern.dims_of(pattern.groups), cast_slice::<u16, f16>(&table));
    let gathered = gpu::gather_coo(&stream, &from, &index, &GatherCooOptions::new()).unwrap();
    pattern.check_gathered(gathered.to_host(&stream).unwrap().data(), &table, false);
}

#[test]
fn an_axis_longer_than_2_to_the_32() {
    let test = "an_axis_longer_than_2_to_the_32";
    let Some((gpu, _alone)) = large_gpu_or_skip(test) else { return };
    let stream = Stream::new(&gpu).unwrap();
    // 65,521 and 65,537 are prime, as above.
    let pattern = Pattern { rows: 1 << 33, columns: 1, groups: 65_521, period: 128, segments: 65_537 };
    let last = pattern.rows - 1;
    let src = {
        let src = pattern.src();
        assert_eq!(src[last], 0, "the element with the bad index must be one that no result misses");
        upload(&stream, &pattern.dims(), cast_slice::<u16, f16>(&src))
    };
    check_segments(&stream, &pattern, &src);

    // The last index is bad: checked calls have to look that far to find it.
    let index = {
        let mut index = pattern.index();
        index[last] = -1;
        upload(&stream, &[pattern.rows], &index)
    };
    let options = |reduce| ScatterOptions::new(reduce).dim_size(pattern.groups).bad_index(BadIndex::Skip);
    let checked = options(Reduce::Sum).bad_index(BadIndex::Error);
    let refused = gpu::scatter(&stream, &src, &index, None, &checked).err();
    let shape = *index.shape();
    let expected = Error::IndexOutOfRange { position: last as u64, value: -1, size: pattern.groups, shape };
    assert_eq!(refused, Some(expected));

    let sums = gpu::scatter(&stream, &src, &index, None, &options(Reduce::Sum)).unwrap();
    pattern.check_sums("scatter sum", sums.out.to_host(&stream).unwrap().data(), Pattern::group_sum);
    let refused = gpu::scatter(&stream, &src, &index, None, &options(Reduce::Max)).err();
    assert_eq!(refused, Some(Error::ArgOutTooNarrow { length: pattern.rows }), "int32 holds no such position");
    let (out, arg_out) = scatter_max_with_wide_positions(&stream, &pattern, &src, &index);
    let max = Reduced { out: out.data(), arg_out: Some(arg_out.data()) };
    pattern.check_max("scatter max", &max, Pattern::group_max);

    drop(src);
    let table = pattern.table();
    let from = upload(&stream, &[pattern.groups], cast_slice::<u16, f16>(&table));
    let options = GatherCooOptions::new().bad_index(BadIndex::Skip);
    let gathered = gpu::gather_coo(&stream, &from, &index, &options).unwrap();
    pattern.check_gathered(gathered.to_host(&stream).unwrap().data(), &table, true);
}

/// Scatter max by an int32 index with int64 positions, which the safe calls do not have: an int64 index would take
/// another 32 GiB.
fn scatter_max_with_wide_positions(
    stream: &Stream,
    pattern: &Pattern,
    src: &DeviceTensor<f16>,
    index: &DeviceTensor<i32>,
) -> (Tensor<f16>, Tensor<i64>) {
    let options = ScatterOptions::new(Reduce::Max).dim_size(pattern.groups);
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
    // SAFETY: the tensors have the plan's shapes and live on the stream's device, whose context was made current; they
    // outlive the work, as the copies to the host wait for it.
    unsafe { gpu::scatter_raw(stream.gpu().kernels(), &plan, &pointers, stream.as_raw()) }.unwrap();
    (out.to_host(stream).unwrap(), arg_out.to_host(stream).unwrap())
}

/// The formulas themselves, where the CPU backend can follow: the same patterns, smaller.
#[test]
fn the_formulas_agree_with_the_cpu_backend() {
    for (rows, columns) in [(4096, 1), (5000, 1), (1024, 7), (1023, 16)] {
        let pattern = Pattern { rows, columns, groups: 61, period: 4, segments: 67 };
        let src = pattern.src();
        let src = TensorView::new(&pattern.dims(), cast_slice::<u16, f16>(&src)).unwrap();
        let index = pattern.index().into_iter().map(i64::from).collect();
        let index = Tensor::new(&[rows], index).unwrap();
        let options = |reduce| ScatterOptions::new(reduce).dim(0).dim_size(pattern.groups);
        let sums = cpu::scatter(src, &index, None, &options(Reduce::Sum)).unwrap();
        pattern.check_sums("scatter sum", sums.out.data(), Pattern::group_sum);
        let max = cpu::scatter(src, &index, None, &options(Reduce::Max)).unwrap();
        let max = Reduced { out: max.out.data(), arg_out: max.arg_out.as_ref().map(Tensor::data) };
        pattern.check_max("scatter max", &max, Pattern::group_max);

        let indptr = Tensor::new(&[pattern.segments + 1], pattern.indptr()).unwrap();
        let sums = cpu::segment_csr(src, &indptr, &SegmentCsrOptions::new(Reduce::Sum)).unwrap();
        pattern.check_sums("segment_csr sum", sums.out.data(), Pattern::segment_sum);
        let max = cpu::segment_csr(src, &indptr, &SegmentCsrOptions::new(Reduce::Max)).unwrap();
        let max = Reduced { out: max.out.data(), arg_out: max.arg_out.as_ref().map(Tensor::data) };
        pattern.check_max("segment_csr max", &max, Pattern::segment_max);

        let table = pattern.table();
        let from = TensorView::new(&pattern.dims_of(pattern.groups), cast_slice::<u16, f16>(&table)).unwrap();
        let gathered = cpu::gather_coo(from, &index, &GatherCooOptions::new()).unwrap();
        pattern.check_gathered(gathered.data(), &table, false);
    }
}
