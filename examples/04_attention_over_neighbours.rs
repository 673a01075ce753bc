//! Lesson 4: attention over neighbours. The weight of an edge is the softmax of its score over all edges into the same
//! node; the output of a node is the weighted sum of the features of the edges' sources.
//!
//! `cargo run --example 04_attention_over_neighbours`

use tensorrt_scatter::{CompositeOptions, Error, GatherCooOptions, Reduce, ScatterOptions, Tensor, cpu};

const NODES: usize = 3;
const HEADS: usize = 2;

fn main() -> Result<(), Error> {
    let source = Tensor::new(&[4], vec![0, 1, 2, 2])?;
    let target = Tensor::new(&[4], vec![0, 0, 0, 1])?;
    // Scores [edges, heads], and one feature a head [nodes, heads].
    let scores = Tensor::new(&[4, HEADS], vec![1.0f32, 0.0, 2.0, 0.0, 3.0, 0.0, -5.0, 7.0])?;
    let features = Tensor::new(&[NODES, HEADS], vec![10.0f32, 1.0, 20.0, 2.0, 30.0, 3.0])?;

    // One call replaces max, gather, exp, sum, gather and divide.
    let weights = cpu::softmax(&scores, &target, &CompositeOptions::new().dim(0).dim_size(NODES))?;
    println!("weights [edges, heads] {:?}", weights.data());

    let values = cpu::gather_coo(&features, &source, &GatherCooOptions::new())?;
    let weighed = weights.data().iter().zip(values.data()).map(|(weight, value)| weight * value).collect();
    let weighed = Tensor::new(&[4, HEADS], weighed)?;
    let attended = cpu::scatter(&weighed, &target, None, &ScatterOptions::new(Reduce::Sum).dim(0).dim_size(NODES))?;
    println!("attended [nodes, heads] {:?}", attended.out.data());
    Ok(())
}
