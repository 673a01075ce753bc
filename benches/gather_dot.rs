//! `cargo bench --bench gather_dot`: the scores of a graph's edges on a GPU, in one step and beside the two gather_coo
//! that only copy the rows which it reads, as lines of CSV: operator, edges, nodes, columns, milliseconds. Words behind
//! `--` choose lines: only lines with one of the words are measured.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each.

mod sizes;
mod timer;

use half::f16;
use sizes::floats;
use tensorrt_scatter::{
    BadIndex, Combine, Float, GatherCooOptions, GatherDotOptions, Shape,
    gpu::{self, DeviceTensor, DeviceWeight},
};
use timer::Timer;

/// The edges and the nodes of a graph whose edges join any two nodes.
const EDGES: usize = 1 << 22;
const NODES: usize = 1 << 18;

/// The columns, and the heads that they are divided into.
const HEADS: [(usize, usize); 9] =
    [(16, 1), (16, 8), (33, 1), (64, 1), (64, 8), (64, 64), (128, 8), (256, 1), (256, 8)];

/// Both ends of each edge, in device memory.
struct Ends {
    sources: DeviceTensor<i32>,
    destinations: DeviceTensor<i32>,
}

impl Timer {
    fn times<T: Float>(
        &mut self,
        name: &str,
        ends: &Ends,
        src: &DeviceTensor<T>,
        weight: &DeviceTensor<T>,
        heads: usize,
    ) {
        let Ends { sources, destinations } = ends;
        let columns = src.shape().dims()[1];
        let zeros =
            |timer: &Self, dims: &[usize]| DeviceTensor::<T>::zeros(&timer.stream, Shape::new(dims).unwrap()).unwrap();
        let mut scores = zeros(self, &[EDGES, heads]);
        for combine in Combine::ALL {
            let options = GatherDotOptions::new(combine).heads(heads).bad_index(BadIndex::Skip);
            self.print_median(&format!("gather_dot {combine}{name}"), |stream, workspace| {
                // A weight is what GATv2 has beside a sum.
                let weight = (combine == Combine::Add).then_some(DeviceWeight::Same(weight));
                let out = &mut scores;
                gpu::gather_dot_into(stream, src, sources, src, destinations, weight, &options, out, workspace)
                    .unwrap();
            });
        }
        let mut rows = [zeros(self, &[EDGES, columns]), zeros(self, &[EDGES, columns])];
        let options = GatherCooOptions::new().bad_index(BadIndex::Skip);
        self.print_median(&format!("gather_coo twice{name}"), |stream, workspace| {
            for (index, rows) in [sources, destinations].into_iter().zip(&mut rows) {
                gpu::gather_coo_into(stream, src, index, &options, rows, workspace).unwrap();
            }
        });
    }
}

/// Nodes in no order: a step that shares no factor with their number visits them all.
fn ends(step: usize) -> Vec<i32> {
    (0..EDGES).map(|edge| (edge.wrapping_mul(step) + edge / NODES * 7) as i32 & (NODES as i32 - 1)).collect()
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("gather_dot") else { return };
    let ends =
        Ends { sources: timer.upload(&[EDGES], ends(7_919)), destinations: timer.upload(&[EDGES], ends(104_729)) };
    for (columns, heads) in HEADS {
        timer.sizes = format!("{EDGES},{NODES},{columns} in {heads} heads");
        let (src, weight) = (floats(NODES * columns), floats(columns));
        let halves = |values: &[f32]| values.iter().map(|&value| f16::from_f32(value)).collect();
        let half_src = timer.upload(&[NODES, columns], halves(&src));
        let half_weight = timer.upload(&[columns], halves(&weight));
        timer.times(" half", &ends, &half_src, &half_weight, heads);
        let (src, weight) = (timer.upload(&[NODES, columns], src), timer.upload(&[columns], weight));
        timer.times("", &ends, &src, &weight, heads);
    }
}
