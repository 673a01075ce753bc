//! The first enqueue of a plugin, captured in a CUDA graph. This is a process of its own with this one test, and every
//! enqueue in it is captured. So no other call has loaded a kernel.

#[path = "../common/mod.rs"]
mod common;
#[path = "../enqueue_on_gpu/element.rs"]
mod element;
#[path = "../../../tests/support/gpu.rs"]
mod gpu;
#[path = "../enqueue_on_gpu/graph.rs"]
mod graph;
#[path = "../enqueue_on_gpu/plugin.rs"]
mod plugin;
#[allow(dead_code, reason = "this program uses a part")]
#[path = "../enqueue_on_gpu/work.rs"]
mod work;

use common::{
    Session, plugin_library,
    random::Random,
    tensors::{INT32_TYPE, INT64_TYPE},
};
use element::Element;
use gpu::gpu_or_skip;
use graph::Graph;
use half::f16;
use plugin::{Creators, Generation};
use tensorrt_scatter::{Float, Reduce, ReduceOperator, gpu::Stream};
use work::{Layer, Weighted, Work};

/// A first enqueue of each generation, captured and then run.
fn check<T: Element>(stream: &Stream, creators: &Creators, work: &Work<T>) {
    for generation in [Generation::V2, Generation::V3] {
        for index in [INT32_TYPE, INT64_TYPE].into_iter().filter(|&index| generation.has(index)) {
            let layer = Layer::new(stream, creators.plugin(generation, work.plugin, &work.fields), work, index);
            // Nothing runs while it is captured, so the result is still poisoned.
            let graph = Graph::capture(stream, || layer.enqueue(stream));
            graph.launch(stream);
            layer.compare(stream, work);
        }
    }
}

/// dim, src, index and the number of groups. Their sizes choose other algorithms than those of `work`.
const LARGE_SCATTERS: [work::ScatterCase; 4] = [
    (0, &[20_000, 64], &[20_000], 4_000),
    (0, &[200_000], &[200_000], 50_000),
    (0, &[50_000, 3], &[50_000], 10_000),
    (0, &[30_000, 12], &[30_000], 7),
];

/// The same for segments.
const LARGE_SEGMENTS: [work::SegmentCase; 3] =
    [(&[100_000, 32], &[100_000], 9_000), (&[300_000], &[300_000], 60_000), (&[100_000, 4], &[100_000], 3)];

fn check_all<T: Element + Float>(stream: &Stream, creators: &Creators, random: &mut Random) {
    work::for_each::<T>(random, &mut |work| check(stream, creators, &work));
    // A product of that many values is out of T's range.
    for reduce in ReduceOperator::Scatter.reductions().filter(|&reduce| reduce != Reduce::Mul) {
        for (dim, src, index, groups) in LARGE_SCATTERS {
            check(stream, creators, &Work::<T>::scatter(random, reduce, dim, src, index, groups, false));
        }
    }
    for (src, index, rows) in LARGE_SEGMENTS {
        for reduce in ReduceOperator::SegmentCoo.reductions() {
            check(stream, creators, &Work::<T>::segment_coo(random, reduce, src, index, rows, false));
        }
        for reduce in ReduceOperator::SegmentCsr.reductions() {
            check(stream, creators, &Work::<T>::segment_csr(random, reduce, src, index, rows, false));
        }
        for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
            let weighted = Weighted::Same;
            check(stream, creators, &Work::<T>::gather_segment_csr(random, reduce, src, index, rows, weighted));
        }
        for reduce in ReduceOperator::GatherScatter.reductions() {
            let weighted = Weighted::Same;
            check(stream, creators, &Work::<T>::gather_scatter(random, reduce, src, index, rows, weighted));
        }
        for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
            let weighted = Weighted::Same;
            check(stream, creators, &Work::<T>::gather_segment_coo(random, reduce, src, index, rows, weighted));
        }
        check(stream, creators, &Work::<T>::gather_coo(random, src, index, rows, false));
        check(stream, creators, &Work::<T>::gather_csr(random, src, index, rows, false));
        for work in Work::<T>::composites_csr(random, src, index, rows) {
            check(stream, creators, &work);
        }
    }
    check(stream, creators, &Work::<T>::group_index(random, &[300_000], 60_000));
    work::for_each_composite::<T>(random, &mut |work| check(stream, creators, &work));
}

#[test]
fn the_first_enqueue_can_be_captured() {
    let _session = Session::start();
    let Some(gpu) = gpu_or_skip("the_first_enqueue_can_be_captured") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let (creators, mut random) = (Creators::of(&plugin_library()), Random(4));
    check_all::<f32>(&stream, &creators, &mut random);
    check_all::<f16>(&stream, &creators, &mut random);
}
