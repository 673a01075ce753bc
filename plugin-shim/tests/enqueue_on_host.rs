//! What an enqueue costs the thread that calls it. The driver is a stand-in on which nothing runs, so no GPU is needed;
//! each test is a process of its own, since a process has one driver. There is no TensorRT, so the library hands out
//! the creators of both generations.

mod common;

use std::{path::Path, thread};

use common::{
    Library,
    layers::{Layer, layers},
    plugin_library,
    prepared::{Enqueue, Prepared},
    stand_in::{DRIVER, Driver, allocations, is_child, run_with_stand_ins},
    tensors::{FLOAT, INT32_TYPE, Tensor},
    v2, v3,
};

/// The tests and their child processes: each runs the ignored test of its name.
macro_rules! in_processes {
    ($($test:ident)+) => {
        $(#[test]
        fn $test() {
            run_with_stand_ins(concat!("children::", stringify!($test)));
        })+

        mod children {
            use super::{is_child, library_and_driver};

            $(#[test]
            #[ignore = "runs in a process that another test starts"]
            fn $test() {
                if is_child(stringify!($test)) {
                    let (library, driver) = library_and_driver();
                    super::in_child::$test(&library, &driver);
                }
            })+
        }
    };
}

in_processes! {
    a_change_of_shapes_lists_no_kernels_again
    changing_shapes_give_the_launches_of_a_new_plugin
    threads_may_share_a_plugin
}

fn library_and_driver() -> (Library, Driver) {
    (plugin_library(), Driver::open(Path::new(DRIVER)).unwrap())
}

/// A place that every tensor and workspace of these tests fits in.
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

/// The tensors of a layer of the table, with a first axis of src and out that is so many times as long.
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

mod in_child {
    use super::*;

    pub fn a_change_of_shapes_lists_no_kernels_again(library: &Library, driver: &Driver) {
        for layer in scatters() {
            let plugin = configured(library, layer, 3, FLOAT, INT32_TYPE);
            let (compilations, before) = (driver.compilations(), allocations());
            let (inputs, outputs) = sized(layer, FLOAT, 3);
            plugin.configure(&inputs, &outputs);
            // Checking and planning takes a few; to list the kernels of an operator takes dozens of plans and names.
            let taken = allocations() - before;
            assert!(taken < 50, "{}: {taken} allocations", layer.who());
            assert_eq!(driver.compilations(), compilations, "{}", layer.who());
        }
    }

    pub fn changing_shapes_give_the_launches_of_a_new_plugin(library: &Library, driver: &Driver) {
        for layer in scatters() {
            let blocks = |enqueue: &Enqueue| {
                let before = (driver.launches(), driver.blocks());
                assert_eq!(enqueue.call(), 0);
                (driver.launches() - before.0, driver.blocks() - before.1)
            };
            // As large as makes the numbers of blocks differ.
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
            // Whatever fitted before, a type that does not is refused.
            let (mut inputs, outputs) = sized(layer, FLOAT, 1);
            inputs[1].data_type = FLOAT;
            enqueue.describe(&inputs, &outputs);
            assert_ne!(enqueue.call(), 0);
        }
    }

    pub fn threads_may_share_a_plugin(library: &Library, driver: &Driver) {
        const ROUNDS: usize = 200;
        let layer = scatters().next().unwrap();
        let Plugin::V3(plugin) = configured(library, layer, 3, FLOAT, INT32_TYPE) else { unreachable!() };
        let blocks = |times| {
            let (inputs, outputs) = sized(layer, FLOAT, times);
            let new = configured(library, layer, 3, FLOAT, INT32_TYPE).placed(driver, &inputs, &outputs);
            let before = driver.blocks();
            assert_eq!(new.call(), 0);
            driver.blocks() - before
        };
        let expected = (blocks(1) + blocks(1000)) * ROUNDS as i64;
        let before = driver.blocks();
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
        assert_eq!(driver.blocks() - before, expected);
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
}
