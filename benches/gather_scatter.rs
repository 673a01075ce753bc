//! `cargo bench --bench gather_scatter`: the sum of a graph layer whose edges are in any order, on a GPU, as lines of
//! CSV: operator, graph, edges, columns, milliseconds. Words behind `--` choose lines: only lines with one of the words
//! are measured.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each. Before a graph
//! is timed, the results are compared with gather_coo and scatter one after the other.

mod sizes;
mod timer;

use half::f16;
use sizes::{GRAPHS, Graph, floats};
use tensorrt_scatter::{
    BadIndex, GatherCooOptions, GatherScatterOptions, Reduce, Scalar, ScatterOptions, Shape,
    gpu::{self, DeviceTensor, DeviceWeight},
};
use timer::Timer;

/// The edges of a graph in device memory, in any order.
struct Edges {
    sources: DeviceTensor<i32>,
    destinations: DeviceTensor<i32>,
}

impl Timer {
    fn layer<T: Scalar>(&mut self, name: &str, edges: &Edges, src: &DeviceTensor<T>, weight: &DeviceTensor<T>) {
        let mut out = DeviceTensor::zeros(&self.stream, *src.shape()).unwrap();
        let mut arg = DeviceTensor::zeros(&self.stream, *src.shape()).unwrap();
        let Edges { sources, destinations } = edges;
        for (what, reduce, weight) in [
            ("weighted sum", Reduce::Sum, Some(DeviceWeight::Same(weight))),
            ("sum", Reduce::Sum, None),
            ("max", Reduce::Max, None),
        ] {
            let options = GatherScatterOptions::new(reduce).bad_index(BadIndex::Skip);
            self.print_median(&format!("gather_scatter {what}{name}"), |stream, workspace| {
                let (out, arg) = (&mut out, reduce.has_arg().then_some(&mut arg));
                gpu::gather_scatter_into(stream, src, sources, destinations, weight, &options, out, arg, workspace)
                    .unwrap();
            });
        }
    }

    /// gather_coo and scatter one after the other, whose rows that are read are stored.
    fn two_steps<T: Scalar>(&mut self, name: &str, edges: &Edges, src: &DeviceTensor<T>) {
        let gather = GatherCooOptions::new().bad_index(BadIndex::Skip);
        let scatter = ScatterOptions::new(Reduce::Sum).dim(0).bad_index(BadIndex::Skip);
        let shape = Shape::new(&[edges.sources.shape().element_count(), src.shape().dims()[1]]).unwrap();
        let mut rows = DeviceTensor::zeros(&self.stream, shape).unwrap();
        let mut out = DeviceTensor::zeros(&self.stream, *src.shape()).unwrap();
        self.print_median(&format!("gather_coo and scatter sum{name}"), |stream, workspace| {
            gpu::gather_coo_into(stream, src, &edges.sources, &gather, &mut rows, workspace).unwrap();
            gpu::scatter_into(stream, &rows, &edges.destinations, None, &scatter, &mut out, None, workspace).unwrap();
        });
    }

    /// Compares gather_scatter with gather_coo and scatter, on whole numbers: their sums are exact.
    fn compare(&mut self, graph: &Graph, edges: &Edges) {
        let columns = 8;
        let numbers = (0..graph.nodes * columns).map(|i| (i % 61) as f32 - 30.0).collect();
        let src = self.upload(&[graph.nodes, columns], numbers);
        let Edges { sources, destinations } = edges;
        let skip = BadIndex::Skip;
        for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Min, Reduce::Max] {
            let options = GatherScatterOptions::new(reduce).dim_size(graph.nodes).bad_index(skip);
            let fused = gpu::gather_scatter(&self.stream, &src, sources, destinations, None, &options).unwrap();
            let gather = GatherCooOptions::new().bad_index(skip);
            let rows = gpu::gather_coo(&self.stream, &src, sources, &gather).unwrap();
            let scatter = ScatterOptions::new(reduce).dim(0).dim_size(graph.nodes).bad_index(skip);
            let composed = gpu::scatter(&self.stream, &rows, destinations, None, &scatter).unwrap();
            let host = |tensor: &DeviceTensor<f32>| tensor.to_host(&self.stream).unwrap();
            assert!(host(&fused.out) == host(&composed.out), "{} {reduce}", graph.name);
            let args = [fused.arg_out, composed.arg_out].map(|arg| arg.map(|arg| arg.to_host(&self.stream).unwrap()));
            assert!(args[0] == args[1], "{} {reduce}: arg_out", graph.name);
        }
    }
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("gather_scatter") else { return };
    for graph in GRAPHS {
        let edges = Edges {
            sources: timer.upload(&[graph.edges], graph.sources()),
            destinations: timer.upload(&[graph.edges], graph.destinations().index()),
        };
        timer.compare(graph, &edges);
        for &columns in graph.columns {
            timer.sizes = format!("{},{},{columns}", graph.name, graph.edges);
            let (src, weight) = (floats(graph.nodes * columns), floats(graph.edges));
            let halves = |values: &[f32]| values.iter().map(|&value| f16::from_f32(value)).collect();
            let half_src = timer.upload(&[graph.nodes, columns], halves(&src));
            let half_weight = timer.upload(&[graph.edges], halves(&weight));
            timer.layer(" half", &edges, &half_src, &half_weight);
            timer.two_steps(" half", &edges, &half_src);
            let src = timer.upload(&[graph.nodes, columns], src);
            let weight = timer.upload(&[graph.edges], weight);
            timer.layer("", &edges, &src, &weight);
            timer.two_steps("", &edges, &src);
        }
    }
}
