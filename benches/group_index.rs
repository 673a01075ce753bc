//! `cargo bench --bench group_index`: group_index on a GPU, as lines of CSV: operator, graph, edges, columns, milliseconds.
//! The index is the destination of each edge, in any order.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each. Before an index
//! is timed, the result is compared with that of the CPU backend.

mod sizes;
mod timer;

use sizes::GRAPHS;
use tensorrt_scatter::{BadIndex, GroupIndexOptions, Index, Shape, Tensor, cpu, gpu, gpu::DeviceTensor};
use timer::Timer;

fn measure<I: Index>(timer: &mut Timer, name: &str, index: Vec<I>, groups: usize) {
    let on_device = timer.upload(&[index.len()], index.clone());
    let index = Tensor::new(&[index.len()], index).unwrap();
    let options = GroupIndexOptions::new().dim_size(groups).bad_index(BadIndex::Skip);
    let given = gpu::group_index(&timer.stream, &on_device, &options).unwrap();
    let expected = cpu::group_index(&index, &options).unwrap();
    assert!(given.perm.to_host(&timer.stream).unwrap() == expected.perm, "{name}: perm");
    assert!(given.indptr.to_host(&timer.stream).unwrap() == expected.indptr, "{name}: indptr");
    let mut perm = DeviceTensor::zeros(&timer.stream, *index.shape()).unwrap();
    let mut indptr = DeviceTensor::zeros(&timer.stream, Shape::new(&[groups + 1]).unwrap()).unwrap();
    timer.print_median(name, |stream, workspace| {
        gpu::group_index_into(stream, &on_device, &options, &mut perm, &mut indptr, workspace).unwrap();
    });
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("group_index") else { return };
    for graph in GRAPHS {
        timer.sizes = format!("{},{},1", graph.name, graph.edges);
        let index = graph.destinations().index();
        let wide = index.iter().map(|&index| i64::from(index)).collect();
        measure(&mut timer, "group_index", index, graph.nodes);
        measure(&mut timer, "group_index int64", wide, graph.nodes);
    }
}
