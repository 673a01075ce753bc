//! Lines of CSV with the times of operators on a GPU: the clock of the benchmarks that are compared with other libraries.

use std::time::Duration;

use bytemuck::Pod;
use lazy_cuda_driver::sys;
use tensorrt_scatter::{
    Shape, Tensor,
    gpu::{DeviceTensor, Event, Gpu, Stream, Workspace},
};

/// More than any second-level cache holds.
const FLUSHED_BYTES: usize = 256 << 20;
const REPETITIONS: usize = 31;

pub struct Timer {
    pub stream: Stream,
    workspace: Workspace,
    flushed: DeviceTensor<u8>,
    /// Only lines with one of these words are printed. Without words, all lines are.
    words: Vec<String>,
    /// The part of a line between the operator and the time.
    pub sizes: String,
}

impl Timer {
    /// On the first device, for the words of the command line. Without a device it prints why, and returns None.
    pub fn new_or_skip(benchmark: &str) -> Option<Self> {
        let gpu = match Gpu::new(0) {
            Ok(gpu) => gpu,
            Err(error) => {
                println!("SKIPPED: {benchmark}: {error}");
                return None;
            }
        };
        let stream = Stream::new(&gpu).unwrap();
        let workspace = Workspace::new(&gpu).unwrap();
        let flushed = DeviceTensor::zeros(&stream, Shape::new(&[FLUSHED_BYTES]).unwrap()).unwrap();
        let words = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
        Some(Self { stream, workspace, flushed, words, sizes: String::new() })
    }

    /// Whether a line is to be printed.
    pub fn is_wanted(&self, operator: &str) -> bool {
        let line = format!("{operator},{}", self.sizes);
        self.words.is_empty() || self.words.iter().any(|word| line.contains(word.as_str()))
    }

    /// Prints the median time of a run, if the line is wanted.
    pub fn print_median(&mut self, operator: &str, mut run: impl FnMut(&Stream, &mut Workspace)) {
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

    /// A tensor of the given sizes in device memory.
    #[allow(dead_code, reason = "each benchmark uses its own part")]
    pub fn upload<T: Pod>(&self, dims: &[usize], values: Vec<T>) -> DeviceTensor<T> {
        DeviceTensor::from_host(&self.stream, &Tensor::new(dims, values).unwrap()).unwrap()
    }
}
