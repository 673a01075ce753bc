//! `cargo bench --bench gather_segment`: the sum of a graph layer on a GPU, by an indptr (gather_segment_csr) and by
//! sorted destinations (gather_segment_coo), as lines of CSV: operator, graph, edges, columns, milliseconds.
//! `torch_times.py` beside this prints the same lines for cuSPARSE and torch_scatter; run both on one machine. Words
//! behind `--` choose lines: only lines with one of the words are measured.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each. Before a graph
//! is timed, the results are compared with gather_coo and segment_csr one after the other.

#[path = "../sizes/mod.rs"]
mod sizes;
#[path = "../timer/mod.rs"]
mod timer;

use half::f16;
use sizes::{GRAPHS, Graph, floats};
use tensorrt_scatter::{
    BadIndex, GatherCooOptions, GatherSegmentCooOptions, GatherSegmentCsrOptions, Reduce, Scalar, SegmentCsrOptions,
    Shape,
    gpu::{self, DeviceTensor, DeviceWeight},
};
use timer::Timer;

impl Timer {
    fn layer<T: Scalar>(&mut self, name: &str, edges: &Edges, src: &DeviceTensor<T>, weight: &DeviceTensor<T>) {
        let mut out = DeviceTensor::zeros(&self.stream, *src.shape()).unwrap();
        let mut arg = DeviceTensor::zeros(&self.stream, *src.shape()).unwrap();
        let Edges { sources, indptr, destinations } = edges;
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
            let options = GatherSegmentCooOptions::new(reduce).bad_index(BadIndex::Skip);
            self.print_median(&format!("gather_segment_coo {what}{name}"), |stream, workspace| {
                let (out, arg) = (&mut out, reduce.has_arg().then_some(&mut arg));
                gpu::gather_segment_coo_into(stream, src, sources, destinations, weight, &options, out, arg, workspace)
                    .unwrap();
            });
        }
    }

    /// Compares gather_segment_csr with gather_coo and segment_csr, on whole numbers: their sums are exact.
    fn compare(&mut self, graph: &Graph, edges: &Edges) {
        let columns = 8;
        let numbers = (0..graph.nodes * columns).map(|i| (i % 61) as f32 - 30.0).collect();
        let src = self.upload(&[graph.nodes, columns], numbers);
        let Edges { sources, indptr, destinations } = edges;
        let skip = BadIndex::Skip;
        for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Min, Reduce::Max] {
            let options = GatherSegmentCsrOptions::new(reduce).bad_index(skip);
            let fused = gpu::gather_segment_csr(&self.stream, &src, sources, indptr, None, &options).unwrap();
            let options = GatherSegmentCooOptions::new(reduce).dim_size(graph.nodes).bad_index(skip);
            let by_index = gpu::gather_segment_coo(&self.stream, &src, sources, destinations, None, &options).unwrap();
            let gather = GatherCooOptions::new().bad_index(skip);
            let rows = gpu::gather_coo(&self.stream, &src, sources, &gather).unwrap();
            let segments = SegmentCsrOptions::new(reduce).bad_index(skip);
            let composed = gpu::segment_csr(&self.stream, &rows, indptr, &segments).unwrap();
            let host = |tensor: &DeviceTensor<f32>| tensor.to_host(&self.stream).unwrap();
            let args = [fused.arg_out, by_index.arg_out, composed.arg_out];
            let args = args.map(|arg| arg.map(|arg| arg.to_host(&self.stream).unwrap()));
            for (given, arg) in [fused.out, by_index.out].iter().zip(&args) {
                assert!(host(given) == host(&composed.out), "{} {reduce}", graph.name);
                assert!(*arg == args[2], "{} {reduce}: arg_out", graph.name);
            }
        }
    }
}

/// The edges of a graph in device memory, sorted by destination.
struct Edges {
    sources: DeviceTensor<i32>,
    indptr: DeviceTensor<i32>,
    destinations: DeviceTensor<i32>,
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("gather_segment") else { return };
    for graph in GRAPHS {
        let edges = Edges {
            sources: timer.upload(&[graph.edges], graph.sources()),
            indptr: timer.upload(&[graph.nodes + 1], graph.destinations().indptr()),
            destinations: timer.upload(&[graph.edges], graph.destinations().sorted_index()),
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
