//! What an enqueue costs the thread that calls it. The driver is a stand-in on which nothing runs, so no GPU is needed;
//! each test is a process of its own, since a process has one driver. There is no TensorRT, so the library hands out
//! the creators of both generations.

mod common;
mod driver;

use std::{ffi::CStr, path::Path, ptr, sync::mpsc, thread, time::Duration};

use common::{
    Field, Library, chars, int,
    layers::{Layer, PLUGINS, layers},
    plugin_library,
    prepared::{Enqueue, Prepared},
    tensors::{FLOAT, HALF, INDEX_TYPES, INT32_TYPE, Tensor, VALUE_TYPES_OF_8, tensor},
    v2, v3,
};
use driver::{Driver, allocations, run_counting_allocations};
use driver_stand_in::{DRIVER, StandIn};
use tensorrt_scatter::{Reduce, ReduceOperator};

/// The tests, each of which runs the function of its name in `in_child` in a process of its own.
macro_rules! in_processes {
    ($($test:ident)+) => {
        $(#[test]
        fn $test() {
            in_process(stringify!($test), in_child::$test);
        })+
    };
}

in_processes! {
    a_change_of_shapes_lists_no_kernels_again
    changing_shapes_give_the_launches_of_a_new_plugin
    threads_may_share_a_plugin
    the_second_enqueue_allocates_nothing
    an_enqueue_does_not_wait_for_another_plugins_kernels
}

/// A test for each plugin. Each runs in a process of its own, so that it does not find kernels that another test has
/// loaded.
macro_rules! loaded_ahead {
    ($($test:ident: $plugin:literal)+) => {
        $(#[test]
        fn $test() {
            in_process(stringify!($test), |host| in_child::check_loaded_ahead(host, $plugin));
        })+

        #[test]
        fn every_plugin_has_a_test_of_what_is_loaded_ahead() {
            assert_eq!([$($plugin),+], PLUGINS.map(|(name, _)| name));
        }
    };
}

loaded_ahead! {
    kernels_of_scatter_are_loaded_ahead: c"TRTS_Scatter"
    kernels_of_segment_coo_are_loaded_ahead: c"TRTS_SegmentCOO"
    kernels_of_segment_csr_are_loaded_ahead: c"TRTS_SegmentCSR"
    kernels_of_gather_coo_are_loaded_ahead: c"TRTS_GatherCOO"
    kernels_of_gather_csr_are_loaded_ahead: c"TRTS_GatherCSR"
    kernels_of_softmax_are_loaded_ahead: c"TRTS_ScatterSoftmax"
    kernels_of_log_softmax_are_loaded_ahead: c"TRTS_ScatterLogSoftmax"
    kernels_of_logsumexp_are_loaded_ahead: c"TRTS_ScatterLogSumExp"
    kernels_of_std_are_loaded_ahead: c"TRTS_ScatterStd"
    kernels_of_gather_segment_csr_are_loaded_ahead: c"TRTS_GatherSegmentCSR"
    kernels_of_group_index_are_loaded_ahead: c"TRTS_GroupIndex"
    kernels_of_gather_scatter_are_loaded_ahead: c"TRTS_GatherScatter"
    kernels_of_softmax_csr_are_loaded_ahead: c"TRTS_SoftmaxCSR"
    kernels_of_log_softmax_csr_are_loaded_ahead: c"TRTS_LogSoftmaxCSR"
    kernels_of_logsumexp_csr_are_loaded_ahead: c"TRTS_LogSumExpCSR"
    kernels_of_std_csr_are_loaded_ahead: c"TRTS_StdCSR"
    kernels_of_attention_csr_are_loaded_ahead: c"TRTS_AttentionCSR"
    kernels_of_gather_segment_coo_are_loaded_ahead: c"TRTS_GatherSegmentCOO"
    kernels_of_gather_dot_are_loaded_ahead: c"TRTS_GatherDot"
    kernels_of_an_alias_are_loaded_ahead: c"SegmentCSR"
    kernels_of_bev_pool_are_loaded_ahead: c"bev_pool_v2"
    kernels_of_another_bev_pool_are_loaded_ahead: c"BEVPoolV2TRT"
}

fn in_process(test: &str, body: impl FnOnce(&Host)) {
    run_counting_allocations(test, |stand_in| {
        let driver = Driver::open(Path::new(DRIVER)).unwrap();
        body(&Host { library: &plugin_library(), driver: &driver, stand_in });
    });
}

/// The driver and the library in a test's process.
struct Host<'a> {
    library: &'a Library,
    driver: &'a Driver,
    /// The same driver, as the stand-in that counts calls.
    stand_in: &'a StandIn,
}

/// The bytes of a place that every tensor and workspace of these tests fits in.
const ROOM: usize = 1 << 20;

/// A plugin of a layer, created and configured.
fn configured(library: &Library, layer: &'static Layer, generation: i32, values: i32, index: i32) -> Plugin {
    let (inputs, outputs) = (layer.input_tensors(values, index), layer.output_tensors(values));
    let plugin = Plugin::new(library, layer, generation);
    plugin.configure(&inputs, &outputs);
    plugin
}

enum Plugin {
    V2(v2::Plugin),
    V3(v3::Plugin),
}

impl Plugin {
    fn new(library: &Library, layer: &'static Layer, generation: i32) -> Self {
        let (name, fields) = (layer.plugin.to_str().unwrap(), layer.fields());
        if generation == 2 {
            let mut creators = library.creators(c"getPluginCreators").into_iter().map(v2::Creator);
            Self::V2(creators.find(|creator| creator.name() == name).unwrap().create(c"host", &fields).unwrap())
        } else {
            let mut creators = library.creators(c"getCreators").into_iter().map(v3::Creator);
            let creator = creators.find(|creator| creator.name() == name).unwrap();
            Self::V3(creator.create(c"host", &fields, v3::Phase::Runtime).unwrap())
        }
    }

    fn configure(&self, inputs: &[Tensor], outputs: &[Tensor]) {
        match self {
            Self::V2(plugin) => {
                plugin.configure(inputs, outputs);
                assert_eq!(plugin.initialize(), 0);
            }
            Self::V3(plugin) => assert_eq!(plugin.shape_change(inputs, outputs), 0),
        }
    }

    fn placed(self, driver: &Driver, inputs: &[Tensor], outputs: &[Tensor]) -> Enqueue {
        let place =
            |tensors: &[Tensor]| tensors.iter().map(|tensor| (tensor.clone(), driver.zeros(ROOM))).collect::<Vec<_>>();
        let (inputs, outputs) = (place(inputs), place(outputs));
        let (workspace, stream) = (driver.zeros(ROOM), driver.new_stream());
        match self {
            Self::V2(plugin) => Enqueue::V2(plugin, Prepared::new(&inputs, &outputs, workspace, stream)),
            Self::V3(plugin) => Enqueue::V3(plugin, Prepared::new(&inputs, &outputs, workspace, stream)),
        }
    }
}

/// The tensors of a layer of the table. The first axis of src and out is `times` times as long.
fn sized(layer: &Layer, values: i32, times: i64) -> (Vec<Tensor>, Vec<Tensor>) {
    let (mut inputs, mut outputs) = (layer.input_tensors(values, INT32_TYPE), layer.output_tensors(values));
    for tensor in inputs.iter_mut().chain(&mut outputs).filter(|tensor| tensor.dims.len() > 1) {
        tensor.dims[0] *= times;
    }
    (inputs, outputs)
}

/// `TRTS_Scatter`s of the table whose index has one axis, and does not grow with src's first one.
fn scatters() -> impl Iterator<Item = &'static Layer> {
    layers(3).filter(|layer| layer.plugin == c"TRTS_Scatter" && layer.inputs.len() == 2)
}

#[test]
fn every_plugin_with_a_choice_of_reductions_is_of_an_operator_that_has_them() {
    for (name, attributes) in PLUGINS {
        let has_choice = attributes.iter().any(|&(attribute, _)| attribute == "reduce");
        assert_eq!(in_child::reduce_operator(name.to_str().unwrap()).is_some(), has_choice, "{name:?}");
    }
}

mod in_child {
    use super::*;

    pub fn a_change_of_shapes_lists_no_kernels_again(&Host { library, stand_in, .. }: &Host) {
        for layer in scatters() {
            let plugin = configured(library, layer, 3, FLOAT, INT32_TYPE);
            let (compilations, before) = (stand_in.compilations(), allocations());
            let (inputs, outputs) = sized(layer, FLOAT, 3);
            plugin.configure(&inputs, &outputs);
            // Checking and planning takes a few; to list the kernels of an operator takes dozens of plans and names.
            let taken = allocations() - before;
            assert!(taken < 50, "{}: {taken} allocations", layer.who());
            assert_eq!(stand_in.compilations(), compilations, "{}", layer.who());
        }
    }

    pub fn changing_shapes_give_the_launches_of_a_new_plugin(&Host { library, driver, stand_in }: &Host) {
        for layer in scatters() {
            let blocks = |enqueue: &Enqueue| {
                let before = (stand_in.launches(), stand_in.blocks());
                assert_eq!(enqueue.call(), 0);
                (stand_in.launches() - before.0, stand_in.blocks() - before.1)
            };
            // So large that the numbers of blocks differ.
            let sizes = [1, 1000, 1];
            let of_new = sizes.map(|times| {
                let (inputs, outputs) = sized(layer, FLOAT, times);
                let plugin = Plugin::new(library, layer, 3);
                plugin.configure(&inputs, &outputs);
                blocks(&plugin.placed(driver, &inputs, &outputs))
            });
            assert_ne!(of_new[0], of_new[1]);
            let (inputs, outputs) = sized(layer, FLOAT, 1);
            let mut enqueue = configured(library, layer, 3, FLOAT, INT32_TYPE).placed(driver, &inputs, &outputs);
            for (times, expected) in sizes.into_iter().zip(of_new) {
                let (inputs, outputs) = sized(layer, FLOAT, times);
                enqueue.describe(&inputs, &outputs);
                assert_eq!(blocks(&enqueue), expected, "{}", layer.who());
            }
            // A type that does not fit is refused, even if the types before fitted.
            let (mut inputs, outputs) = sized(layer, FLOAT, 1);
            inputs[1].data_type = FLOAT;
            enqueue.describe(&inputs, &outputs);
            assert_ne!(enqueue.call(), 0);
        }
    }

    pub fn threads_may_share_a_plugin(&Host { library, driver, stand_in }: &Host) {
        const ROUNDS: usize = 200;
        let layer = scatters().next().unwrap();
        let Plugin::V3(plugin) = configured(library, layer, 3, FLOAT, INT32_TYPE) else { unreachable!() };
        let blocks = |times| {
            let (inputs, outputs) = sized(layer, FLOAT, times);
            let new = configured(library, layer, 3, FLOAT, INT32_TYPE).placed(driver, &inputs, &outputs);
            let before = stand_in.blocks();
            assert_eq!(new.call(), 0);
            stand_in.blocks() - before
        };
        let expected = (blocks(1) + blocks(1000)) * ROUNDS as i64;
        let before = stand_in.blocks();
        let shared = Shared(&plugin);
        thread::scope(|scope| {
            for times in [1, 1000] {
                scope.spawn(move || {
                    driver.make_current();
                    let (inputs, outputs) = sized(layer, FLOAT, times);
                    let place = |tensors: &[Tensor]| {
                        tensors.iter().map(|tensor| (tensor.clone(), driver.zeros(ROOM))).collect::<Vec<_>>()
                    };
                    let prepared =
                        Prepared::new(&place(&inputs), &place(&outputs), driver.zeros(ROOM), driver.new_stream());
                    for _ in 0..ROUNDS {
                        assert_eq!(shared.plugin().enqueue_prepared(&prepared), 0);
                    }
                });
            }
        });
        assert_eq!(stand_in.blocks() - before, expected);
    }

    pub fn the_second_enqueue_allocates_nothing(&Host { library, driver, .. }: &Host) {
        for generation in [2, 3] {
            let is_told = |data_type: &i32| generation == 3 || VALUE_TYPES_OF_8.contains(data_type);
            for layer in layers(generation) {
                for values in layer.value_types().into_iter().filter(is_told) {
                    for index in INDEX_TYPES.into_iter().filter(is_told) {
                        let plugin = configured(library, layer, generation, values, index);
                        let (inputs, outputs) = (layer.input_tensors(values, index), layer.output_tensors(values));
                        let mut enqueue = plugin.placed(driver, &inputs, &outputs);
                        assert_eq!(enqueue.call(), 0);
                        let before = allocations();
                        assert_eq!(enqueue.call(), 0);
                        enqueue.addresses()[1].iter_mut().for_each(|address| *address += 8);
                        assert_eq!(enqueue.call(), 0);
                        assert_eq!(allocations() - before, 0, "{generation} {} {values} {index}", layer.who());
                    }
                }
            }
        }
    }

    pub fn an_enqueue_does_not_wait_for_another_plugins_kernels(&Host { library, driver, stand_in }: &Host) {
        let layer = scatters().next().unwrap();
        let (inputs, outputs) = sized(layer, FLOAT, 1);
        let loaded = configured(library, layer, 3, FLOAT, INT32_TYPE).placed(driver, &inputs, &outputs);
        assert_eq!(loaded.call(), 0);
        let Plugin::V3(unloaded) = Plugin::new(library, layer, 3) else { unreachable!() };
        let unloaded = Shared(&unloaded);
        let before = stand_in.compilations();
        stand_in.set("compiling_waits", 1);
        thread::scope(|scope| {
            scope.spawn(move || {
                driver.make_current();
                let (inputs, outputs) = (layer.input_tensors(HALF, INT32_TYPE), layer.output_tensors(HALF));
                assert_eq!(unloaded.plugin().shape_change(&inputs, &outputs), 0);
            });
            while stand_in.compilations() == before {
                thread::yield_now();
            }
            // If it had to wait, it would wait until the compiler continues.
            let (done, is_done) = mpsc::channel();
            let loaded = SharedEnqueue(&loaded);
            scope.spawn(move || {
                driver.make_current();
                assert_eq!(loaded.get().call(), 0);
                done.send(()).unwrap();
            });
            let in_time = is_done.recv_timeout(Duration::from_secs(10));
            stand_in.set("compiling_waits", 0);
            in_time.expect("the enqueue waited for another plugin's kernels");
        });
    }

    /// Once a plugin was configured for some shapes, no enqueue of other shapes of the same types compiles anything.
    pub fn check_loaded_ahead(host: &Host, plugin: &CStr) {
        let name = plugin.to_str().unwrap();
        let mut creators = host.library.creators(c"getCreators").into_iter().map(v3::Creator);
        let creator = creators.find(|creator| creator.name() == name).unwrap();
        let layer = layers(3).find(|layer| layer.plugin == plugin).unwrap();
        let reductions: Vec<_> =
            reduce_operator(name).map_or_else(|| vec![None], |operator| operator.reductions().map(Some).collect());
        let has_choice = creator.fields().iter().any(|attribute| attribute.name() == "deterministic");
        let deterministic: &[i32] = if has_choice { &[0, 1] } else { &[0] };
        let places = [(); 5].map(|()| host.driver.room(LARGE_ROOM));
        for reduce in reductions {
            for &deterministic in deterministic {
                for values in layer.value_types() {
                    for index in INDEX_TYPES {
                        for sizes in SHAPES {
                            let case = Case { name, reduce, deterministic, types: [values, index], sizes };
                            case.check(host, creator, &places);
                        }
                    }
                }
            }
        }
    }

    /// The operator whose reductions a plugin has: `TRTS_SegmentCSR` has those of segment_csr, and so has `SegmentCSR`.
    pub fn reduce_operator(plugin: &str) -> Option<ReduceOperator> {
        let is_of = |operator: &ReduceOperator| {
            plugin.trim_start_matches("TRTS_").eq_ignore_ascii_case(&operator.name().replace('_', ""))
        };
        ReduceOperator::ALL.into_iter().find(is_of)
    }

    /// The bytes of a place that every tensor and workspace of `SHAPES` fits in.
    const LARGE_ROOM: usize = 12 << 30;

    /// Elements, columns and groups. There are few and many groups, every width of a row for which there are other
    /// kernels, and short and long segments.
    const SHAPES: [(i64, i64, i64); 20] = [
        (100, 1, 40),
        (100, 3, 40),
        (100, 4, 40),
        (100, 64, 40),
        (1, 1, 1),
        (4_096, 1, 2),
        (4_096, 4, 2),
        (35_000, 64, 4_000),
        (35_000, 12, 4_000),
        (100_000, 3, 9_000),
        (100_000, 5, 60_000),
        (200_000, 1, 50_000),
        (1_000_000, 1, 100_000),
        (1_000_000, 1, 3),
        (1_000_000, 2, 500_000),
        (1_000_000, 16, 100),
        (1_000_000, 64, 90_000),
        (1_000_000, 256, 90_000),
        (10_000_000, 128, 1_000_000),
        (10_000_000, 7, 1_000_000),
    ];

    /// A layer: its attributes, the types of the first input and of the index behind it, and elements, columns and
    /// groups.
    #[derive(Debug)]
    struct Case<'a> {
        name: &'a str,
        reduce: Option<Reduce>,
        deterministic: i32,
        types: [i32; 2],
        sizes: (i64, i64, i64),
    }

    impl Case<'_> {
        fn check(&self, host: &Host, creator: v3::Creator, places: &[u64; 5]) {
            let &Case { name, types: [values, index], sizes: (e, k, n), .. } = self;
            let (zero, one, groups, rows) = (0, 1, n as i32, e as i32);
            let is_csr = name.ends_with("CSR");
            let (mut src, mut out) = (tensor(values, &[e, k]), tensor(values, &[n, k]));
            let is_gather_segment = ["TRTS_GatherSegmentCSR", "TRTS_AttentionCSR"].contains(&name);
            let is_bev_pool = ["bev_pool_v2", "BEVPoolV2TRT"].contains(&name);
            let has_destinations = ["TRTS_GatherScatter", "TRTS_GatherSegmentCOO"].contains(&name);
            let bounds = tensor(index, &[if has_destinations { e } else { n + 1 }]);
            let index = if is_csr && !is_gather_segment { bounds.clone() } else { tensor(index, &[e]) };
            let is_gather_dot = name == "TRTS_GatherDot";
            if is_gather_dot {
                (src, out) = (tensor(values, &[n, k]), tensor(values, &[e, 1]));
            } else if is_gather_segment || has_destinations {
                src = tensor(values, &[n, k]);
            } else if name.starts_with("TRTS_Gather") {
                std::mem::swap(&mut src, &mut out);
            } else if name.contains("oftmax") {
                out = src.clone();
            }
            let mut fields = vec![
                int(c"dim", &zero),
                int(c"dim_size", &groups),
                int(c"size", &rows),
                int(c"deterministic", &self.deterministic),
                int(c"out_height", &groups),
                int(c"out_width", &one),
            ];
            fields.extend(self.reduce.map(|reduce| chars(c"reduce", reduce.name())));
            let declared = creator.fields();
            let is_declared = |field: &Field| declared.iter().any(|attribute| attribute.name() == field.name());
            fields.retain(is_declared);
            let plugin = creator.create(c"host", &fields, v3::Phase::Runtime).unwrap();
            let mut outputs = vec![out];
            let has_arg = self.reduce.is_some_and(Reduce::has_arg) && name != "SegmentCSR";
            outputs.extend(has_arg.then(|| tensor(INT32_TYPE, &outputs[0].dims)));
            let mut inputs = vec![src, index];
            if is_gather_segment || has_destinations {
                inputs.extend([bounds, tensor(values, &[e])]);
            } else if is_gather_dot {
                inputs.extend([inputs[0].clone(), inputs[1].clone(), tensor(values, &[k])]);
            } else if name == "TRTS_GroupIndex" {
                inputs = vec![tensor(values, &[e])];
                outputs = vec![tensor(values, &[e]), tensor(values, &[n + 1])];
            } else if is_bev_pool {
                let (points, intervals) = (&inputs[1], tensor(inputs[1].data_type, &[n]));
                let points = [(); 3].map(|()| points.clone());
                let intervals = [intervals.clone(), intervals];
                inputs = [tensor(values, &[e]), tensor(values, &[n, k])]
                    .into_iter()
                    .chain(points)
                    .chain(intervals)
                    .collect();
                outputs = vec![tensor(values, &[1, n, 1, k])];
            }
            assert_eq!(plugin.shape_change(&inputs, &outputs), 0, "{self:?}");
            let [src_place, index_place, workspace, of_outputs @ ..] = places;
            // Nothing reads them, so the inputs behind src may lie in one place.
            let of_inputs = [[*src_place].as_slice(), &[*index_place; 6]].concat();
            let placed = |tensors: &[Tensor], places: &[u64]| -> Vec<_> {
                tensors.iter().cloned().zip(places.iter().copied()).collect()
            };
            let (placed_inputs, placed_outputs) = (placed(&inputs, &of_inputs), placed(&outputs, of_outputs));
            let prepared = Prepared::new(&placed_inputs, &placed_outputs, *workspace, ptr::null_mut());
            let before = host.stand_in.compilations();
            assert_eq!(plugin.enqueue_prepared(&prepared), 0, "{self:?}");
            assert_eq!(host.stand_in.compilations(), before, "{self:?}");
        }
    }

    /// A plugin that several threads call.
    #[derive(Clone, Copy)]
    struct Shared<'a>(&'a v3::Plugin);

    // SAFETY: the library lets several threads enqueue a plugin at the same time.
    unsafe impl Send for Shared<'_> {}

    impl<'a> Shared<'a> {
        fn plugin(self) -> &'a v3::Plugin {
            self.0
        }
    }

    /// A plugin that another thread enqueues.
    #[derive(Clone, Copy)]
    struct SharedEnqueue<'a>(&'a Enqueue);

    // SAFETY: as above.
    unsafe impl Send for SharedEnqueue<'_> {}

    impl<'a> SharedEnqueue<'a> {
        fn get(self) -> &'a Enqueue {
            self.0
        }
    }
}
