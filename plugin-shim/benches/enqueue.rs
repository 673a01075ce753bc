//! The host time of an enqueue, for every plugin and both generations: the time of the calling thread, in the library
//! and in the driver.
//!
//! ```text
//! cargo bench -p tensorrt-scatter-plugin --bench enqueue -- [--library PATH] [--stand-in]
//! ```
//!
//! `--library` names another build's libtensorrt_scatter_plugin.so, to compare with. `--stand-in` uses a driver on
//! which nothing runs. That needs no GPU, and the time is then the library's own. Each line has the layer, its launches
//! (with the stand-in alone), and the median time in microseconds: with the same addresses at each call, and with
//! outputs whose addresses change from call to call.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/driver/mod.rs"]
mod driver;

use std::{
    env,
    path::{Path, PathBuf},
    time::Instant,
};

use common::{
    Library,
    layers::{Layer, Third, Value, layers},
    library_path,
    prepared::{Enqueue, Prepared},
    tensors::{FLOAT, INT32_TYPE, Tensor},
    v2, v3,
};
use driver::{Driver, FOLDER};
use driver_stand_in::{Compiled, DRIVER, StandIn};

/// The calls between two readings of the clock. They are so few that the driver's queue of launches never fills up.
const CALLS: usize = 32;

/// The number of readings of the clock; the median of the times is printed.
const BATCHES: usize = 101;

/// Layers of a usual size. For them, other algorithms are chosen than for the small layers of the tests' table.
static LARGE: [Layer; 4] = [
    large(
        c"TRTS_Scatter",
        &[(c"dim", Value::Int(0)), (c"dim_size", Value::Int(10_000))],
        &[&[100_000, 64], &[100_000]],
    ),
    large(
        c"TRTS_Scatter",
        &[(c"dim", Value::Int(0)), (c"dim_size", Value::Int(10_000)), (c"reduce", Value::Text("mean"))],
        &[&[100_000, 64], &[100_000]],
    ),
    large(c"TRTS_SegmentCOO", &[(c"dim_size", Value::Int(10_000))], &[&[100_000, 64], &[100_000]]),
    large(c"TRTS_SegmentCSR", &[], &[&[100_000, 64], &[10_001]]),
];

const fn large(
    plugin: &'static std::ffi::CStr,
    attributes: &'static [(&'static std::ffi::CStr, Value)],
    inputs: &'static [&'static [i64]],
) -> Layer {
    let out: &[i64] = &[10_000, 64];
    let (arg_out, groups, indptr) = (None, None, None);
    Layer { plugin, attributes, third: Third::None, inputs, out, arg_out, groups, indptr, symbolic: (&[], "") }
}

fn main() {
    let mut library = library_path as fn() -> PathBuf;
    let mut given = None;
    let mut compiled = None;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--library" => given = arguments.next(),
            "--stand-in" => compiled = Some(Compiled::driver(FOLDER)),
            // Cargo adds this argument.
            "--bench" => {}
            other => panic!("unknown argument {other}; expected --library PATH or --stand-in"),
        }
    }
    let path = given.map_or_else(&mut library, PathBuf::from);
    let stand_in = compiled.as_ref().map(|compiled| StandIn::open(compiled.path()));
    let driver = match Driver::open(compiled.as_ref().map_or(Path::new(DRIVER), Compiled::path)) {
        Ok(driver) => driver,
        Err(why) => {
            println!("SKIPPED: {why}; --stand-in measures without a GPU");
            return;
        }
    };
    println!("{}", path.display());
    println!("| generation | layer | launches | us, same addresses | us, changing addresses |");
    println!("|---|---|---|---|---|");
    let library = Library::open(&path);
    let mut medians = [vec![], vec![]];
    for generation in [2, 3] {
        for layer in layers(generation).chain(&LARGE) {
            let mut enqueue = prepare(&library, &driver, layer, generation);
            let launches = stand_in.as_ref().map(|stand_in| {
                let before = stand_in.launches();
                enqueue.call();
                stand_in.launches() - before
            });
            let times = [false, true].map(|changing| time(&driver, &mut enqueue, changing));
            medians.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
            println!(
                "| V{generation} | {} | {} | {:.2} | {:.2} |",
                describe(layer),
                launches.map_or_else(|| "?".to_owned(), |launches| launches.to_string()),
                times[0],
                times[1]
            );
        }
    }
    let [same, changing] = medians.map(median);
    println!("| | median of all | | {same:.2} | {changing:.2} |");
}

fn describe(layer: &Layer) -> String {
    let attribute = |(name, value): &(&'static std::ffi::CStr, Value)| match value {
        Value::Int(value) => format!(" {}={value}", name.to_str().unwrap()),
        Value::Float(value) => format!(" {}={value}", name.to_str().unwrap()),
        Value::Text(value) => format!(" {}={value}", name.to_str().unwrap()),
    };
    let attributes: String = layer.attributes.iter().map(attribute).collect();
    format!("{} {:?}{attributes}", layer.plugin.to_str().unwrap(), layer.inputs)
}

/// A plugin of the layer, ready to be enqueued.
fn prepare(library: &Library, driver: &Driver, layer: &'static Layer, generation: i32) -> Enqueue {
    let (inputs, outputs) = (layer.input_tensors(FLOAT, INT32_TYPE), layer.output_tensors(FLOAT));
    let stream = driver.new_stream();
    let place = |tensors: &[Tensor]| -> Vec<_> {
        let bytes = |tensor: &Tensor| tensor.dims.iter().product::<i64>() as usize * 8;
        tensors.iter().map(|tensor| (tensor.clone(), driver.zeros(bytes(tensor)))).collect()
    };
    let (placed_inputs, placed_outputs) = (place(&inputs), place(&outputs));
    let (name, fields) = (layer.plugin.to_str().unwrap(), layer.fields());
    if generation == 2 {
        let mut creators = library.creators(c"getPluginCreators").into_iter().map(v2::Creator);
        let plugin = creators.find(|creator| creator.name() == name).unwrap().create(c"bench", &fields).unwrap();
        plugin.configure(&inputs, &outputs);
        let workspace = driver.zeros(plugin.workspace_size(&inputs, &outputs));
        assert_eq!(plugin.initialize(), 0);
        Enqueue::V2(plugin, Prepared::new(&placed_inputs, &placed_outputs, workspace, stream))
    } else {
        let mut creators = library.creators(c"getCreators").into_iter().map(v3::Creator);
        let creator = creators.find(|creator| creator.name() == name).unwrap();
        let plugin = creator.create(c"bench", &fields, v3::Phase::Runtime).unwrap();
        assert_eq!((plugin.configure(&inputs, &outputs), plugin.shape_change(&inputs, &outputs)), (0, 0));
        let workspace = driver.zeros(plugin.workspace_size(&inputs, &inputs, &outputs));
        Enqueue::V3(plugin, Prepared::new(&placed_inputs, &placed_outputs, workspace, stream))
    }
}

/// The median time of a call, in microseconds.
fn time(driver: &Driver, enqueue: &mut Enqueue, changing: bool) -> f64 {
    let places = enqueue.addresses()[1].to_vec();
    let elsewhere: Vec<_> = places.iter().map(|_| driver.zeros(LARGEST_OUTPUT)).collect();
    let mut batch = || {
        let start = Instant::now();
        for call in 0..CALLS {
            if changing {
                enqueue.addresses()[1].copy_from_slice(if call % 2 == 0 { &elsewhere } else { &places });
            }
            assert_eq!(enqueue.call(), 0);
        }
        let time = start.elapsed().as_secs_f64() * 1e6 / CALLS as f64;
        driver.synchronize();
        time
    };
    batch();
    let times = (0..BATCHES).map(|_| batch()).collect();
    enqueue.addresses()[1].copy_from_slice(&places);
    median(times)
}

/// The bytes of the largest output of any layer here.
const LARGEST_OUTPUT: usize = 10_000 * 64 * 8;

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
