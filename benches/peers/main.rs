//! `cargo bench --bench peers`: the cells of the comparison with torch_scatter on a GPU, as lines of CSV:
//! operator, index pattern, rows, columns, milliseconds. `torch_scatter_times.py` beside this prints the same lines for
//! torch_scatter; run both on one machine.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each.

use std::time::Duration;

use half::f16;
use tensorrt_scatter::{
    BadIndex, Reduce, Scalar, ScatterOptions, Shape, Tensor,
    gpu::{self, DeviceTensor, Event, Gpu, Stream, Workspace},
};

/// Rows and groups of each pattern, and how the indices are drawn: groups * u^power.
const PATTERNS: [(&str, usize, usize, i32); 4] = [
    ("uniform", 1 << 22, 1 << 18, 1),
    ("few", 1 << 22, 1 << 10, 1),
    ("skewed", 1 << 22, 1 << 18, 4),
    ("sweep", 35_000, 10_000, 1),
];
const COLUMNS: [usize; 5] = [1, 4, 16, 64, 256];
/// More than any second-level cache holds.
const FLUSHED_BYTES: usize = 256 << 20;
const REPETITIONS: usize = 31;

/// 31 well-mixed bits: a multiplicative hash.
fn hash(i: u64) -> u64 {
    (i ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

struct Timer {
    stream: Stream,
    workspace: Workspace,
    flushed: Shape,
}

impl Timer {
    fn median(&mut self, mut run: impl FnMut(&Stream, &mut Workspace)) -> f64 {
        let (start, end) = (Event::new(self.stream.gpu()).unwrap(), Event::new(self.stream.gpu()).unwrap());
        run(&self.stream, &mut self.workspace);
        let mut times: Vec<Duration> = (0..REPETITIONS)
            .map(|_| {
                drop(DeviceTensor::<u8>::zeros(&self.stream, self.flushed).unwrap());
                start.record(&self.stream).unwrap();
                run(&self.stream, &mut self.workspace);
                end.record(&self.stream).unwrap();
                end.elapsed_since(&start).unwrap()
            })
            .collect();
        times.sort();
        times[REPETITIONS / 2].as_secs_f64() * 1e3
    }

    fn scatter<T: Scalar>(
        &mut self,
        src: &DeviceTensor<T>,
        index: &DeviceTensor<i64>,
        groups: usize,
        reduce: Reduce,
    ) -> f64 {
        let options = ScatterOptions::new(reduce).dim(0).dim_size(groups).bad_index(BadIndex::Skip);
        let shape = src.shape().with_axis(0, groups).unwrap();
        let mut out = DeviceTensor::zeros(&self.stream, shape).unwrap();
        let mut arg = DeviceTensor::zeros(&self.stream, shape).unwrap();
        self.median(|stream, workspace| {
            let arg = reduce.has_arg().then_some(&mut arg);
            gpu::scatter_into(stream, src, index, None, &options, &mut out, arg, workspace).unwrap();
        })
    }
}

fn main() {
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => return println!("SKIPPED: peers: {error}"),
    };
    let stream = Stream::new(&gpu).unwrap();
    let workspace = Workspace::new(&gpu).unwrap();
    let mut timer = Timer { stream, workspace, flushed: Shape::new(&[FLUSHED_BYTES]).unwrap() };
    for (pattern, rows, groups, power) in PATTERNS {
        let index = (0..rows as u64).map(|i| {
            let u = hash(i) as f64 / (1u64 << 31) as f64;
            (u.powi(power) * groups as f64) as i64
        });
        let index = Tensor::new(&[rows], index.collect()).unwrap();
        let index = DeviceTensor::from_host(&timer.stream, &index).unwrap();
        for columns in COLUMNS {
            let values = (0..(rows * columns) as u64).map(|i| hash(i) as f32 / (1u64 << 30) as f32 - 1.0);
            let src = Tensor::new(&[rows, columns], values.collect()).unwrap();
            let print = |operator: &str, time: f64| println!("{operator},{pattern},{rows},{columns},{time:.4}");
            if columns < 256 {
                let half: Vec<f16> = src.data().iter().map(|&value| f16::from_f32(value)).collect();
                let half = Tensor::new(&[rows, columns], half).unwrap();
                let half = DeviceTensor::from_host(&timer.stream, &half).unwrap();
                print("scatter sum half", timer.scatter(&half, &index, groups, Reduce::Sum));
            }
            let src = DeviceTensor::from_host(&timer.stream, &src).unwrap();
            print("scatter sum", timer.scatter(&src, &index, groups, Reduce::Sum));
            print("scatter max", timer.scatter(&src, &index, groups, Reduce::Max));
        }
    }
}
