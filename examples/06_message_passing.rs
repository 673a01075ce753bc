//! Lesson 6: message passing without messages. A graph layer reads a row for each edge, weighs it and reduces the rows of
//! each node. One operator does all three, so that nothing of edges times columns is stored.
//!
//! `cargo run --example 06_message_passing`

use tensorrt_scatter::{
    AttentionCsrOptions, CompositeCsrOptions, Error, GatherScatterOptions, GatherSegmentCsrOptions, GroupIndexOptions,
    Reduce, Tensor, Weight, cpu,
};

const NODES: usize = 3;
const HEADS: usize = 2;

fn main() -> Result<(), Error> {
    // Four edges in any order, and two columns for each node [nodes, columns].
    let source = Tensor::new(&[4], vec![2, 0, 1, 2])?;
    let target = Tensor::new(&[4], vec![1, 0, 0, 0])?;
    let features = Tensor::new(&[NODES, 2], vec![10.0f32, 1.0, 20.0, 2.0, 30.0, 3.0])?;

    // A graph convolution: the sum of the sources' rows, each times the weight of its edge.
    let weight = Tensor::new(&[4], vec![1.0f32, 0.5, 0.25, 0.25])?;
    let options = GatherScatterOptions::new(Reduce::Sum).dim_size(NODES);
    let sum = cpu::gather_scatter(&features, &source, &target, Some(Weight::Same(weight.view())), &options)?;
    println!("sum [nodes, columns] {:?}", sum.out.data());

    // Several layers over the same edges: sort the edges by their target once. `perm` says which edge comes next, and
    // `indptr` where the edges of each node begin.
    let order = cpu::group_index(&target, &GroupIndexOptions::new().dim_size(NODES))?;
    let in_order = |values: &[i32]| order.perm.data().iter().map(|&edge| values[edge as usize]).collect();
    let sorted_source = Tensor::new(&[4], in_order(source.data()))?;
    for reduce in [Reduce::Mean, Reduce::Max] {
        let options = GatherSegmentCsrOptions::new(reduce);
        let result = cpu::gather_segment_csr(&features, &sorted_source, &order.indptr, None, &options)?;
        println!("{reduce} [nodes, columns] {:?}", result.out.data());
    }

    // Attention: the weights are the softmax of the edges' scores over all edges into a node. Each head has a score of
    // its own, and K / H of the K columns. These scores are in the order of `perm`.
    let score = Tensor::new(&[4, HEADS], vec![1.0f32, 0.0, 2.0, 0.0, 3.0, 0.0, -5.0, 7.0])?;
    let softmax = cpu::softmax_csr(&score, &order.indptr, &CompositeCsrOptions::new())?;
    println!("softmax [edges, heads] {:?}", softmax.data());
    let (score, options) = (Weight::Same(score.view()), AttentionCsrOptions::new());
    let attended = cpu::attention_csr(&features, &sorted_source, &order.indptr, score, &options)?;
    println!("attended [nodes, columns] {:?}", attended.data());
    Ok(())
}
