//! `cargo bench --bench gather_segment`: the sum of a graph layer on a GPU, as lines of CSV: operator, graph, edges, columns,
//! milliseconds. `torch_times.py` beside this prints the same lines for cuSPARSE and torch_scatter; run both on one
//! machine. Words behind `--` choose lines: only lines with one of the words are measured.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each. Before a graph
//! is timed, the results are compared with gather_coo and segment_csr one after the other.

#[path = "../sizes/mod.rs"]
mod sizes;

use std::time::Duration;

use half::f16;
use lazy_cuda_driver::sys;
use sizes::{GRAPHS, Graph, floats};
use tensorrt_scatter::{
    BadIndex, GatherCooOptions, GatherSegmentCsrOptions, Reduce, Scalar, SegmentCsrOptions, Shape, Tensor,
    gpu::{self, DeviceTensor, DeviceWeight, Event, Gpu, Stream, Workspace},
};

/// More than any second-level cache holds.
const FLUSHED_BYTES: usize = 256 << 20;
const REPETITIONS: usize = 31;

struct Timer {
    stream: Stream,
    workspace: Workspace,
    flushed: DeviceTensor<u8>,
    words: Vec<String>,
    /// The part of a line between the operator and the time.
    sizes: String,
}

impl Timer {
    fn print_median(&mut self, operator: &str, mut run: impl FnMut(&Stream, &mut Workspace)) {
        let line = format!("{operator},{}", self.sizes);
        if !self.words.is_empty() && !self.words.iter().any(|word| line.contains(word)) {
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
        println!("{line},{:.4}", times[REPETITIONS / 2].as_secs_f64() * 1e3);
    }

    fn upload<T: bytemuck::Pod>(&self, dims: &[usize], values: Vec<T>) -> DeviceTensor<T> {
        DeviceTensor::from_host(&self.stream, &Tensor::new(dims, values).unwrap()).unwrap()
    }

    fn layer<T: Scalar>(&mut self, name: &str, edges: &Edges, src: &DeviceTensor<T>, weight: &DeviceTensor<T>) {
        let mut out = DeviceTensor::zeros(&self.stream, *src.shape()).unwrap();
        let mut arg = DeviceTensor::zeros(&self.stream, *src.shape()).unwrap();
        let Edges { sources, indptr } = edges;
        for (what, reduce, weight) in [
            ("weighted sum", Reduce::Sum, Some(DeviceWeight::Same(weight))),
            ("sum", Reduce::Sum, None),
            ("max", Reduce::Max, None),
        ] {
            let options = GatherSegmentCsrOptions::new(reduce).bad_index(BadIndex::Skip);
            self.print_median(&format!("gather_segment_csr {what}{name}"), |stream, workspace| {
                let arg = reduce.has_arg().then_some(&mut arg);
                gpu::gather_segment_csr_into(stream, src, sources, indptr, weight, &options, &mut out, arg, workspace)
                    .unwrap();
            });
        }
    }

    /// Compares gather_segment_csr with gather_coo and segment_csr, on whole numbers: their sums are exact.
    fn compare(&mut self, graph: &Graph, edges: &Edges) {
        let columns = 8;
        let numbers = (0..graph.nodes * columns).map(|i| (i % 61) as f32 - 30.0).collect();
        let src = self.upload(&[graph.nodes, columns], numbers);
        let Edges { sources, indptr } = edges;
        let skip = BadIndex::Skip;
        for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Min, Reduce::Max] {
            let options = GatherSegmentCsrOptions::new(reduce).bad_index(skip);
            let fused = gpu::gather_segment_csr(&self.stream, &src, sources, indptr, None, &options).unwrap();
            let gather = GatherCooOptions::new().bad_index(skip);
            let rows = gpu::gather_coo(&self.stream, &src, sources, &gather).unwrap();
            let segments = SegmentCsrOptions::new(reduce).bad_index(skip);
            let composed = gpu::segment_csr(&self.stream, &rows, indptr, &segments).unwrap();
            let host = |tensor: &DeviceTensor<f32>| tensor.to_host(&self.stream).unwrap();
            assert!(host(&fused.out) == host(&composed.out), "{} {reduce}", graph.name);
            let args = [fused.arg_out, composed.arg_out].map(|arg| arg.map(|arg| arg.to_host(&self.stream).unwrap()));
            assert!(args[0] == args[1], "{} {reduce}: arg_out", graph.name);
        }
    }
}

/// The edges of a graph in device memory, sorted by destination.
struct Edges {
    sources: DeviceTensor<i32>,
    indptr: DeviceTensor<i32>,
}

fn main() {
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => return println!("SKIPPED: gather_segment: {error}"),
    };
    let stream = Stream::new(&gpu).unwrap();
    let workspace = Workspace::new(&gpu).unwrap();
    let flushed = DeviceTensor::zeros(&stream, Shape::new(&[FLUSHED_BYTES]).unwrap()).unwrap();
    let words = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut timer = Timer { stream, workspace, flushed, words, sizes: String::new() };
    for graph in GRAPHS {
        let edges = Edges {
            sources: timer.upload(&[graph.edges], graph.sources()),
            indptr: timer.upload(&[graph.nodes + 1], graph.destinations().indptr()),
        };
        timer.compare(graph, &edges);
        for &columns in graph.columns {
            timer.sizes = format!("{},{},{columns}", graph.name, graph.edges);
            let (src, weight) = (floats(graph.nodes * columns), floats(graph.edges));
            let halves = |values: &[f32]| values.iter().map(|&value| f16::from_f32(value)).collect();
            let half_src = timer.upload(&[graph.nodes, columns], halves(&src));
            let half_weight = timer.upload(&[graph.edges], halves(&weight));
            timer.layer(" half", &edges, &half_src, &half_weight);
            let src = timer.upload(&[graph.nodes, columns], src);
            let weight = timer.upload(&[graph.edges], weight);
            timer.layer("", &edges, &src, &weight);
            let gather = GatherCooOptions::new().bad_index(BadIndex::Skip);
            let segments = SegmentCsrOptions::new(Reduce::Sum).bad_index(BadIndex::Skip);
            let mut rows = DeviceTensor::zeros(&timer.stream, Shape::new(&[graph.edges, columns]).unwrap()).unwrap();
            let mut out = DeviceTensor::zeros(&timer.stream, *src.shape()).unwrap();
            timer.print_median("gather_coo and segment_csr sum", |stream, workspace| {
                gpu::gather_coo_into(stream, &src, &edges.sources, &gather, &mut rows, workspace).unwrap();
                gpu::segment_csr_into(stream, &rows, &edges.indptr, &segments, &mut out, None, workspace).unwrap();
            });
        }
    }
}
