//! `cargo bench --bench attention_csr`: attention over the neighbours of a graph's nodes on a GPU, in one step and in
//! two (softmax_csr, then gather_segment_csr with the softmaxes as weights), as lines of CSV: operator, graph, edges,
//! columns, milliseconds. Words behind `--` choose lines: only lines with one of the words are measured.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each. The two results
//! are compared before a graph is timed.

mod sizes;
mod timer;

use half::f16;
use sizes::{GRAPHS, Graph, floats};
use tensorrt_scatter::{
    AttentionCsrOptions, BadIndex, CompositeCsrOptions, Float, GatherSegmentCsrOptions, Reduce, Shape,
    gpu::{self, DeviceTensor, DeviceWeight},
};
use timer::Timer;

/// The columns, and the heads that they are divided into.
const HEADS: [(usize, usize); 4] = [(16, 1), (64, 1), (64, 8), (256, 4)];

/// The edges of a graph in device memory, sorted by destination.
struct Edges {
    sources: DeviceTensor<i32>,
    indptr: DeviceTensor<i32>,
}

impl Timer {
    /// Times both ways. The results are in the order of the lines.
    fn both<T: Float>(
        &mut self,
        name: &str,
        edges: &Edges,
        src: &DeviceTensor<T>,
        score: &DeviceTensor<T>,
    ) -> [DeviceTensor<T>; 2] {
        let Edges { sources, indptr } = edges;
        let zeros = |timer: &Self, shape: Shape| DeviceTensor::zeros(&timer.stream, shape).unwrap();
        let shape = Shape::new(&[indptr.shape().element_count() - 1, src.shape().dims()[1]]).unwrap();
        let (mut in_one, mut in_two) = (zeros(self, shape), zeros(self, shape));
        let mut softmax = zeros(self, *score.shape());
        let options = AttentionCsrOptions::new().bad_index(BadIndex::Skip);
        self.print_median(&format!("attention_csr{name}"), |stream, workspace| {
            let score = DeviceWeight::Same(score);
            gpu::attention_csr_into(stream, src, sources, indptr, score, &options, &mut in_one, workspace).unwrap();
        });
        let softmax_options = CompositeCsrOptions::new().bad_index(BadIndex::Skip);
        let sum = GatherSegmentCsrOptions::new(Reduce::Sum).bad_index(BadIndex::Skip);
        self.print_median(&format!("softmax_csr and gather_segment_csr{name}"), |stream, workspace| {
            gpu::softmax_csr_into(stream, score, indptr, &softmax_options, &mut softmax, workspace).unwrap();
            let weight = Some(DeviceWeight::Same(&softmax));
            let out = &mut in_two;
            gpu::gather_segment_csr_into(stream, src, sources, indptr, weight, &sum, out, None, workspace).unwrap();
        });
        [in_one, in_two]
    }

    fn compare(&self, graph: &Graph, results: &[DeviceTensor<f32>; 2]) {
        let [in_one, in_two] = [0, 1].map(|i: usize| results[i].to_host(&self.stream).unwrap());
        for (at, (one, two)) in in_one.data().iter().zip(in_two.data()).enumerate() {
            assert!((one - two).abs() <= 1e-4 * two.abs() + 1e-4, "{}[{at}] is {one}, in two steps {two}", graph.name);
        }
    }
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("attention_csr") else { return };
    for graph in GRAPHS {
        let edges = Edges {
            sources: timer.upload(&[graph.edges], graph.sources()),
            indptr: timer.upload(&[graph.nodes + 1], graph.destinations().indptr()),
        };
        for (columns, heads) in HEADS.into_iter().filter(|(columns, _)| graph.columns.contains(columns)) {
            timer.sizes = format!("{},{},{columns} in {heads} heads", graph.name, graph.edges);
            let (src, score) = (floats(graph.nodes * columns), floats(graph.edges * heads));
            let halves = |values: &[f32]| values.iter().map(|&value| f16::from_f32(value)).collect();
            let half_src = timer.upload(&[graph.nodes, columns], halves(&src));
            let half_score = timer.upload(&[graph.edges, heads], halves(&score));
            timer.both(" half", &edges, &half_src, &half_score);
            let src = timer.upload(&[graph.nodes, columns], src);
            let score = timer.upload(&[graph.edges, heads], score);
            let results = timer.both("", &edges, &src, &score);
            timer.compare(graph, &results);
        }
    }
}
