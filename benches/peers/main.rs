//! `cargo bench --bench peers`: the cells of the comparison with torch_scatter on a GPU, as lines of CSV: operator,
//! index pattern, rows, columns, milliseconds. `torch_scatter_times.py` beside this prints the same lines for
//! torch_scatter; run both on one machine. Words behind `--` choose lines: only lines with one of the words are
//! measured.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each.

#[path = "../sizes/mod.rs"]
mod sizes;

use std::time::Duration;

use half::f16;
use lazy_cuda_driver::sys;
use sizes::{COMPARED, COMPARED_COLUMNS, floats};
use tensorrt_scatter::{
    BadIndex, GatherCooOptions, GatherCsrOptions, Reduce, Scalar, ScatterOptions, SegmentCooOptions, SegmentCsrOptions,
    Shape, Tensor,
    gpu::{self, DeviceTensor, Event, Gpu, Stream, Workspace},
};

/// More than any second-level cache holds.
const FLUSHED_BYTES: usize = 256 << 20;
const REPETITIONS: usize = 31;

struct Timer {
    stream: Stream,
    workspace: Workspace,
    flushed: DeviceTensor<u8>,
    /// Only lines with one of these words are printed. Without words, all lines are.
    words: Vec<String>,
    /// The part of a line between the operator and the time.
    sizes: String,
}

/// Every operator that is measured.
const OPERATORS: [&str; 11] = [
    "scatter sum half",
    "scatter sum",
    "scatter mean",
    "scatter max",
    "segment_coo sum",
    "segment_coo max",
    "segment_csr sum",
    "segment_csr max",
    "segment_csr mean",
    "gather_coo",
    "gather_csr",
];

impl Timer {
    /// Whether a line is to be printed.
    fn is_wanted(&self, operator: &str) -> bool {
        let line = format!("{operator},{}", self.sizes);
        self.words.is_empty() || self.words.iter().any(|word| line.contains(word))
    }

    fn print_median(&mut self, operator: &str, mut run: impl FnMut(&Stream, &mut Workspace)) {
        if !self.is_wanted(operator) {
            return;
        }
        let (start, end) = (Event::new(self.stream.gpu()).unwrap(), Event::new(self.stream.gpu()).unwrap());
        run(&self.stream, &mut self.workspace);
        let mut times: Vec<Duration> = (0..REPETITIONS)
            .map(|_| {
                // It takes so long that the launches below are queued before it ends. So the time does not include the
                // cost of a launch.
                let (address, stream) = (self.flushed.address(), self.stream.as_raw());
                // SAFETY: the buffer is ours, of that length, and outlives the stream's work.
                let answer = unsafe { sys::cuMemsetD8Async(address, 1, FLUSHED_BYTES, stream) };
                assert_eq!(answer, sys::SUCCESS);
                start.record(&self.stream).unwrap();
                run(&self.stream, &mut self.workspace);
                end.record(&self.stream).unwrap();
                end.elapsed_since(&start).unwrap()
            })
            .collect();
        times.sort();
        println!("{operator},{},{:.4}", self.sizes, times[REPETITIONS / 2].as_secs_f64() * 1e3);
    }

    fn scatter<T: Scalar>(
        &mut self,
        operator: &str,
        src: &DeviceTensor<T>,
        index: &DeviceTensor<i64>,
        groups: usize,
        reduce: Reduce,
    ) {
        let options = ScatterOptions::new(reduce).dim(0).dim_size(groups).bad_index(BadIndex::Skip);
        let shape = src.shape().with_axis(0, groups).unwrap();
        let mut out = DeviceTensor::zeros(&self.stream, shape).unwrap();
        let mut arg = DeviceTensor::zeros(&self.stream, shape).unwrap();
        self.print_median(operator, |stream, workspace| {
            let arg = reduce.has_arg().then_some(&mut arg);
            gpu::scatter_into(stream, src, index, None, &options, &mut out, arg, workspace).unwrap();
        })
    }

    /// The operators over sorted rows: `src` [rows, columns] into groups, and [groups, columns] out to rows.
    fn sorted(&mut self, src: &DeviceTensor<f32>, sorted: &Sorted, groups: usize) {
        let (rows, columns) = (src.shape().dims()[0], src.shape().dims()[1]);
        let zeros = |stream: &Stream, rows| DeviceTensor::zeros(stream, Shape::new(&[rows, columns]).unwrap()).unwrap();
        let mut reduced = zeros(&self.stream, groups);
        let mut gathered = zeros(&self.stream, rows);
        let few = zeros(&self.stream, groups);
        let mut arg = DeviceTensor::zeros(&self.stream, *reduced.shape()).unwrap();
        let coo = |reduce| SegmentCooOptions::new(reduce).dim_size(groups).bad_index(BadIndex::Skip);
        let csr = |reduce| SegmentCsrOptions::new(reduce).bad_index(BadIndex::Skip);
        let gather_coo = GatherCooOptions::new().bad_index(BadIndex::Skip);
        let gather_csr = GatherCsrOptions::new().size(rows).bad_index(BadIndex::Skip);
        let (index, indptr) = (&sorted.index, &sorted.indptr);
        self.print_median("segment_coo sum", |stream, workspace| {
            let options = coo(Reduce::Sum);
            gpu::segment_coo_into(stream, src, index, None, &options, &mut reduced, None, workspace).unwrap();
        });
        self.print_median("segment_coo max", |stream, workspace| {
            let options = coo(Reduce::Max);
            gpu::segment_coo_into(stream, src, index, None, &options, &mut reduced, Some(&mut arg), workspace).unwrap();
        });
        self.print_median("segment_csr sum", |stream, workspace| {
            gpu::segment_csr_into(stream, src, indptr, &csr(Reduce::Sum), &mut reduced, None, workspace).unwrap();
        });
        self.print_median("segment_csr max", |stream, workspace| {
            let arg = Some(&mut arg);
            gpu::segment_csr_into(stream, src, indptr, &csr(Reduce::Max), &mut reduced, arg, workspace).unwrap();
        });
        self.print_median("segment_csr mean", |stream, workspace| {
            gpu::segment_csr_into(stream, src, indptr, &csr(Reduce::Mean), &mut reduced, None, workspace).unwrap();
        });
        self.print_median("gather_coo", |stream, workspace| {
            gpu::gather_coo_into(stream, &few, index, &gather_coo, &mut gathered, workspace).unwrap();
        });
        self.print_median("gather_csr", |stream, workspace| {
            gpu::gather_csr_into(stream, &few, indptr, &gather_csr, &mut gathered, workspace).unwrap();
        });
    }
}

/// A sorted index, and the same groups as an indptr.
struct Sorted {
    index: DeviceTensor<i64>,
    indptr: DeviceTensor<i64>,
}

impl Sorted {
    fn new(stream: &Stream, mut index: Vec<i64>, groups: usize) -> Self {
        index.sort_unstable();
        let indptr = (0..=groups as i64).map(|group| index.partition_point(|&i| i < group) as i64).collect();
        let on_device =
            |values: Vec<i64>| DeviceTensor::from_host(stream, &Tensor::new(&[values.len()], values).unwrap()).unwrap();
        Self { index: on_device(index), indptr: on_device(indptr) }
    }
}

fn main() {
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => return println!("SKIPPED: peers: {error}"),
    };
    let stream = Stream::new(&gpu).unwrap();
    let workspace = Workspace::new(&gpu).unwrap();
    let flushed = DeviceTensor::zeros(&stream, Shape::new(&[FLUSHED_BYTES]).unwrap()).unwrap();
    let words = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut timer = Timer { stream, workspace, flushed, words, sizes: String::new() };
    for size in COMPARED {
        let (rows, groups) = (size.rows, size.groups);
        let index: Vec<i64> = size.index().into_iter().map(i64::from).collect();
        let sorted = Sorted::new(&timer.stream, index.clone(), groups);
        let index = Tensor::new(&[rows], index).unwrap();
        let index = DeviceTensor::from_host(&timer.stream, &index).unwrap();
        for columns in COMPARED_COLUMNS {
            timer.sizes = format!("{},{rows},{columns}", size.name);
            if !OPERATORS.iter().any(|operator| timer.is_wanted(operator)) {
                continue;
            }
            let src = Tensor::new(&[rows, columns], floats(rows * columns)).unwrap();
            if columns < 256 {
                let half: Vec<f16> = src.data().iter().map(|&value| f16::from_f32(value)).collect();
                let half = Tensor::new(&[rows, columns], half).unwrap();
                let half = DeviceTensor::from_host(&timer.stream, &half).unwrap();
                timer.scatter("scatter sum half", &half, &index, groups, Reduce::Sum);
            }
            let src = DeviceTensor::from_host(&timer.stream, &src).unwrap();
            timer.scatter("scatter sum", &src, &index, groups, Reduce::Sum);
            timer.scatter("scatter mean", &src, &index, groups, Reduce::Mean);
            timer.scatter("scatter max", &src, &index, groups, Reduce::Max);
            timer.sorted(&src, &sorted, groups);
        }
    }
}
