//! Lesson 3: a layer of a graph neural network. The output of a node is the mean of its neighbours' features,
//! multiplied by a matrix: gather by the sources of the edges, then reduce by their targets.
//!
//! `cargo run --example 03_graph_mean_aggregation`

use tensorrt_scatter::{Error, GatherCooOptions, Reduce, ScatterOptions, Tensor, cpu};

const NODES: usize = 4;
const FEATURES: usize = 2;

fn main() -> Result<(), Error> {
    let features = Tensor::new(&[NODES, FEATURES], vec![1.0f32, 0.0, 0.0, 1.0, 2.0, 2.0, -1.0, 3.0])?;
    // Edges, source to target. Node 3 has no incoming edge.
    let source = Tensor::new(&[5], vec![0, 1, 2, 3, 0])?;
    let target = Tensor::new(&[5], vec![1, 0, 0, 2, 2])?;

    // Messages [edges, features]: the features of each edge's source.
    let messages = cpu::gather_coo(&features, &source, &GatherCooOptions::new())?;
    // Aggregated [nodes, features]: the mean over the edges into the node; 0 for a node without such edges.
    let mean = ScatterOptions::new(Reduce::Mean).dim(0).dim_size(NODES);
    let aggregated = cpu::scatter(&messages, &target, None, &mean)?.out;

    let weights = [[0.5f32, -1.0], [1.0, 0.25]];
    for (node, row) in aggregated.data().chunks_exact(FEATURES).enumerate() {
        let output = weights.map(|column| column.iter().zip(row).map(|(w, x)| w * x).sum::<f32>().max(0.0));
        println!("node {node}: mean of its neighbours {row:?}, after the layer {output:?}");
    }
    Ok(())
}
