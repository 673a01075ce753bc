//! `cargo bench --bench tuning`: measures the neighbours of each size in [`Tuning`] on the device, one size at a time.
//!
//! Each line of CSV says: size, case, number, milliseconds, and the time relative to the time of the device's own
//! number. Words behind `--` choose sizes: only sizes whose names have one of the words are measured. Put a number that
//! is faster in every case into `TRTS_TUNING`, or give it to `Gpu::set_tuning`.

mod sizes;
mod support;

use std::time::Duration;

use sizes::{LARGE, SMALL, Size};
use support::{Device, DeviceInputs};
use tensorrt_scatter::{
    BadIndex, GatherCooOptions, GatherCsrOptions, Reduce, ScatterOptions, SegmentCsrOptions,
    gpu::{self, DeviceTensor, Stream, Tuning, Workspace},
};

const REPETITIONS: usize = 15;

/// The runs that are timed together.
const RUNS: u64 = 10;

/// The numbers that are tried, as fractions of the device's own.
const FRACTIONS: [(usize, usize); 5] = [(1, 4), (1, 2), (1, 1), (2, 1), (4, 1)];

struct Case<'a> {
    size: &'a Size,
    inputs: DeviceInputs,
    reduced: DeviceTensor<f32>,
    gathered: DeviceTensor<f32>,
}

impl Case<'_> {
    /// Runs the operator that a number of the tuning is for.
    fn run(&mut self, name: &str, stream: &Stream, workspace: &mut Workspace) {
        let DeviceInputs { src, group_rows, index, sorted_index, indptr } = &self.inputs;
        let skip = BadIndex::Skip;
        if name.starts_with("segment") {
            let options = SegmentCsrOptions::new(Reduce::Sum).bad_index(skip);
            gpu::segment_csr_into(stream, src, indptr, &options, &mut self.reduced, None, workspace)
        } else if name == "gather_prefetch_warps" {
            let options = GatherCooOptions::new().bad_index(skip);
            gpu::gather_coo_into(stream, group_rows, sorted_index, &options, &mut self.gathered, workspace)
        } else if name.starts_with("gather") {
            let options = GatherCsrOptions::new().size(self.size.rows).bad_index(skip);
            gpu::gather_csr_into(stream, group_rows, indptr, &options, &mut self.gathered, workspace)
        } else {
            // This scatter has a fill, and one of the sums that the other cases choose.
            let options = ScatterOptions::new(Reduce::Sum).dim(0).dim_size(self.size.groups).bad_index(skip);
            gpu::scatter_into(stream, src, index, None, &options, &mut self.reduced, None, workspace)
        }
        .expect("the sizes fit together");
    }

    /// The median of single times.
    fn time(&mut self, name: &str, device: &mut Device) -> Duration {
        let mut times: Vec<Duration> = (0..REPETITIONS)
            .map(|_| device.time(RUNS, |stream, workspace| self.run(name, stream, workspace)) / RUNS as u32)
            .collect();
        times.sort();
        times[REPETITIONS / 2]
    }
}

fn main() {
    let Some(mut device) = Device::new_or_skip("tuning") else { return };
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_wanted = |name: &&&str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let names: Vec<&str> = Tuning::NAMES.iter().filter(is_wanted).copied().collect();
    assert!(!names.is_empty(), "no size has one of {words:?} in its name; the names are {}", Tuning::NAMES.join(", "));
    let gpu = device.gpu();
    let own = gpu.tuning();
    println!("# {}: {own}", gpu.name());
    for size in SMALL.iter().chain(LARGE) {
        let mut case = Case {
            size,
            inputs: device.inputs(size),
            reduced: device.zeros(size.groups, size.columns),
            gathered: device.zeros(size.rows, size.columns),
        };
        for name in &names {
            gpu.set_tuning(own);
            // The first time is that of cold caches.
            case.time(name, &mut device);
            let base = case.time(name, &mut device);
            for (by, of) in FRACTIONS {
                let number = (own.get(name).unwrap_or(1) * by / of).clamp(1, i32::MAX as usize);
                gpu.set_tuning(own.with(&format!("{name}={number}")).expect("the name and the number are valid"));
                let time = case.time(name, &mut device);
                let ratio = time.as_secs_f64() / base.as_secs_f64();
                println!("{name},{},{number},{:.4},{ratio:.3}", size.label(), time.as_secs_f64() * 1e3);
            }
        }
    }
}
