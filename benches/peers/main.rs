//! `cargo bench --bench peers`: the cells of the comparison with torch_scatter on a GPU, as lines of CSV: operator,
//! index pattern, rows, columns, milliseconds. `torch_scatter_times.py` beside this prints the same lines for
//! torch_scatter, torch and CuPy; run both on one machine. Words behind `--` choose lines: only lines with one of the words are
//! measured.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each.

#[path = "../sizes/mod.rs"]
mod sizes;
#[path = "../timer/mod.rs"]
mod timer;

use half::f16;
use sizes::{COMPARED, SCATTERED_COLUMNS, floats};
use tensorrt_scatter::{
    BadIndex, GatherCooOptions, GatherCsrOptions, Reduce, Scalar, ScatterOptions, SegmentCooOptions, SegmentCsrOptions,
    Shape,
    gpu::{self, DeviceTensor, Stream},
};
use timer::Timer;

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
    fn new(timer: &Timer, mut index: Vec<i64>, groups: usize) -> Self {
        index.sort_unstable();
        let indptr = (0..=groups as i64).map(|group| index.partition_point(|&i| i < group) as i64).collect();
        let on_device = |values: Vec<i64>| timer.upload(&[values.len()], values);
        Self { index: on_device(index), indptr: on_device(indptr) }
    }
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("peers") else { return };
    for (size, columns) in COMPARED {
        let (rows, groups) = (size.rows, size.groups);
        let index: Vec<i64> = size.index().into_iter().map(i64::from).collect();
        let sorted = Sorted::new(&timer, index.clone(), groups);
        let index = timer.upload(&[rows], index);
        let more = if size.name == "uniform" { SCATTERED_COLUMNS } else { &[] };
        for &columns in columns.iter().chain(more) {
            timer.sizes = format!("{},{rows},{columns}", size.name);
            if !OPERATORS.iter().any(|operator| timer.is_wanted(operator)) {
                continue;
            }
            let src = floats(rows * columns);
            if columns < 256 {
                let half: Vec<f16> = src.iter().map(|&value| f16::from_f32(value)).collect();
                let half = timer.upload(&[rows, columns], half);
                timer.scatter("scatter sum half", &half, &index, groups, Reduce::Sum);
            }
            let src = timer.upload(&[rows, columns], src);
            timer.scatter("scatter sum", &src, &index, groups, Reduce::Sum);
            timer.scatter("scatter mean", &src, &index, groups, Reduce::Mean);
            timer.scatter("scatter max", &src, &index, groups, Reduce::Max);
            if !more.contains(&columns) {
                timer.sorted(&src, &sorted, groups);
            }
        }
    }
}
