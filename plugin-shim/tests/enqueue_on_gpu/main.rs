//! enqueue of every plugin on a GPU, of both generations, against the CPU backend. This process has no TensorRT, so the
//! library hands out the creators of both.

#[path = "../common/mod.rs"]
mod common;
mod element;
#[path = "../../../tests/support/gpu.rs"]
mod gpu;
mod plugin;
mod work;

use std::collections::BTreeSet;

use common::{
    Field, Session, chars, int,
    layers::PLUGINS,
    plugin_library,
    random::Random,
    tensors::{INT32_TYPE, INT64_TYPE, VALUE_TYPES, tensorrt_type},
};
use element::Element;
use gpu::gpu_or_skip;
use half::{bf16, f16};
use plugin::{Creators, Generation};
use tensorrt_scatter::{Float, Reduce, Scalar, ScalarType, gpu::Stream};
use work::{Layer, Weighted, Work};

/// A stream; None on a machine without a GPU.
fn stream(test: &str) -> Option<Stream> {
    Some(Stream::new(&gpu_or_skip(test)?).unwrap())
}

/// Runs a layer twice, with every generation and every type of the index. The second run must not depend on what the
/// first one left.
fn check<T: Element>(stream: &Stream, creators: &Creators, work: &Work<T>) {
    for generation in [Generation::V2, Generation::V3] {
        for index in [INT32_TYPE, INT64_TYPE] {
            if generation.has(tensorrt_type(T::TYPE)) && generation.has(index) {
                let layer = Layer::new(stream, creators.plugin(generation, work.plugin, &work.fields), work, index);
                layer.enqueue(stream);
                layer.enqueue(stream);
                layer.compare(stream, work);
            }
        }
    }
}

fn every_operator<T: Element>(test: &str) {
    let _session = Session::start();
    let Some(stream) = stream(test) else { return };
    let (creators, mut random) = (Creators::of(&plugin_library()), Random(1));
    work::for_each::<T>(&mut random, &mut |work| check(&stream, &creators, &work));
}

fn every_composite<T: Element + Float>(test: &str) {
    let _session = Session::start();
    let Some(stream) = stream(test) else { return };
    let (creators, mut random) = (Creators::of(&plugin_library()), Random(2));
    work::for_each_composite::<T>(&mut random, &mut |work| check(&stream, &creators, &work));
}

macro_rules! for_types {
    ($function:ident, $types:ident: $($name:ident $type:ty),+) => {
        $(#[test]
        fn $name() {
            $function::<$type>(stringify!($name));
        })+

        const $types: &[ScalarType] = &[$(<$type>::TYPE),+];
    };
}

for_types!(every_operator, TYPES: floats f32, halves f16, int32s i32, bfloat16s bf16, int64s i64);
for_types!(every_composite, FLOATS: composites_of_floats f32, composites_of_halves f16, composites_of_bfloat16s bf16);

#[test]
fn every_type_and_every_plugin_is_under_test() {
    let types = VALUE_TYPES.map(|(_, scalar)| scalar);
    assert_eq!(TYPES, types);
    assert_eq!(FLOATS, types.into_iter().filter(|scalar| scalar.is_float()).collect::<Vec<_>>());
    let (mut random, mut names) = (Random(1), BTreeSet::new());
    work::for_each::<f32>(&mut random, &mut |work| {
        names.insert(work.plugin);
    });
    work::for_each_composite::<f32>(&mut random, &mut |work| {
        names.insert(work.plugin);
    });
    assert_eq!(names, PLUGINS.into_iter().map(|(name, _)| name).collect());
}

/// One plugin whose number of groups is a shape tensor's, which changes from run to run.
#[test]
fn the_number_of_groups_changes_between_runs() {
    let _session = Session::start();
    let Some(stream) = stream("the_number_of_groups_changes_between_runs") else { return };
    let (creators, mut random) = (Creators::of(&plugin_library()), Random(3));
    let fields: [Field; 3] = [int(c"dim", &1), int(c"dim_size_input", &1), chars(c"reduce", "max")];
    let mut plugin = Some(creators.plugin(Generation::V3, c"TRTS_Scatter", &fields));
    for groups in [100, 7, 300, 0] {
        let work = Work::<f32>::scatter(&mut random, Reduce::Max, 1, &[2, 300, 4], &[300], groups, false);
        let layer = Layer::new(&stream, plugin.take().unwrap(), &work, INT32_TYPE);
        layer.enqueue(&stream);
        layer.compare(&stream, &work);
        plugin = Some(layer.plugin);
    }
    let mut plugin = None;
    for groups in [100, 7, 300, 0] {
        let [softmax, ..] = Work::<f32>::composites(&mut random, 1, &[2, 300, 4], &[300], groups);
        let work = softmax.with_groups_output(groups);
        let new = || creators.plugin(Generation::V3, work.plugin, &work.fields);
        let layer = Layer::new(&stream, plugin.take().unwrap_or_else(new), &work, INT32_TYPE);
        layer.enqueue(&stream);
        layer.compare(&stream, &work);
        plugin = Some(layer.plugin);
    }
    let fields: [Field; 1] = [int(c"dim_size_input", &1)];
    let mut plugin = Some(creators.plugin(Generation::V3, c"TRTS_GroupIndex", &fields));
    for groups in [100, 7, 30_000, 0] {
        let work = Work::<f32>::group_index(&mut random, &[3, 50_000], groups);
        let layer = Layer::new(&stream, plugin.take().unwrap(), &work, INT64_TYPE);
        layer.enqueue(&stream);
        layer.compare(&stream, &work);
        plugin = Some(layer.plugin);
    }
}

#[test]
fn positions_can_be_int64() {
    let _session = Session::start();
    let Some(stream) = stream("positions_can_be_int64") else { return };
    let (creators, mut random) = (Creators::of(&plugin_library()), Random(5));
    let (dim, src, index, groups) = work::SCATTERS[1];
    let (segment_src, segment_index, segments) = work::SEGMENTS[1];
    for reduce in [Reduce::Min, Reduce::Max] {
        for work in [
            Work::<f32>::scatter(&mut random, reduce, dim, src, index, groups, true),
            Work::segment_coo(&mut random, reduce, segment_src, segment_index, segments, true),
            Work::segment_csr(&mut random, reduce, segment_src, segment_index, segments, false),
            Work::gather_segment_csr(&mut random, reduce, segment_src, segment_index, segments, Weighted::Same),
            Work::gather_scatter(&mut random, reduce, segment_src, segment_index, segments, Weighted::Same),
            Work::gather_segment_coo(&mut random, reduce, segment_src, segment_index, segments, Weighted::Same),
        ] {
            let work = work.with_wide_positions();
            let plugin = creators.plugin(Generation::V3, work.plugin, &work.fields);
            let layer = Layer::new(&stream, plugin, &work, INT32_TYPE);
            layer.enqueue(&stream);
            layer.compare(&stream, &work);
        }
    }
}

/// Sums of floats that are not exact have the same bits every time, on request.
#[test]
fn deterministic_sums_repeat() {
    let _session = Session::start();
    let Some(stream) = stream("deterministic_sums_repeat") else { return };
    let (creators, mut random) = (Creators::of(&plugin_library()), Random(6));
    let work = Work::<f32>::thirds(&mut random, &[1, 30_000, 4], &[30_000], 10);
    let plugin = creators.plugin(Generation::V3, work.plugin, &work.fields);
    let layer = Layer::new(&stream, plugin, &work, INT32_TYPE);
    layer.enqueue(&stream);
    layer.compare(&stream, &work);
    let first = layer.out(&stream);
    for _ in 0..20 {
        layer.enqueue(&stream);
        assert_eq!(layer.out(&stream), first);
    }
}

/// Threads with streams, plugins and workspaces of their own, all at once.
#[test]
fn many_streams_at_once() {
    // Enough for two streams to meet in every kernel. More rounds would take racecheck minutes.
    const THREADS: u64 = 4;
    const ROUNDS: usize = 2;
    let _session = Session::start();
    let Some(first) = stream("many_streams_at_once") else { return };
    let creators = Creators::of(&plugin_library());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (creators, gpu) = (&creators, first.gpu().clone());
            scope.spawn(move || {
                gpu.bind().unwrap();
                let stream = Stream::new(&gpu).unwrap();
                for _ in 0..ROUNDS {
                    work::for_each::<f32>(&mut Random(thread), &mut |work| {
                        let plugin = creators.plugin(Generation::V3, work.plugin, &work.fields);
                        let layer = Layer::new(&stream, plugin, &work, INT32_TYPE);
                        layer.enqueue(&stream);
                        layer.compare(&stream, &work);
                    });
                }
            });
        }
    });
}
