//! Every plugin on the V2 side, driven as TensorRT 8.6.1 drives it.

mod common;

use std::ffi::CStr;

use common::{
    Session,
    damage::{damage_fields, damaged_bytes},
    host,
    layers::{Layer, PLUGINS, layers},
    plugin_library,
    random::Random,
    skipped,
    tensors::{DimsExprs, INT32_TYPE, INT64_TYPE, Tensor},
    v2::{Creator, Plugin},
    wrong::{wrong_attributes, wrong_shapes},
};

pose_as_tensorrt!(8601, REGISTRY_V8_6_1, LOGGER_V2);

fn creator(plugin: &CStr) -> Creator {
    let creators = plugin_library().creators(c"getPluginCreators").into_iter().map(Creator);
    let name = plugin.to_str().unwrap();
    creators.into_iter().find(|creator| creator.name() == name).unwrap_or_else(|| panic!("no creator of {name}"))
}

fn plugin(layer: &'static Layer) -> Plugin {
    creator(layer.plugin).create(c"layer", &layer.fields()).unwrap_or_else(|| panic!("{}", layer.who()))
}

fn each() -> impl Iterator<Item = (&'static Layer, Plugin)> {
    layers(2).map(|layer| (layer, plugin(layer)))
}

#[test]
fn the_constructor_registers_and_load_library_takes_over() {
    let _session = Session::start();
    host::the_constructor_registers_and_load_library_takes_over(c"getPluginCreators", c"getCreators");
}

#[test]
fn every_creator_describes_itself() {
    let session = Session::start();
    assert_eq!(plugin_library().creators(c"getPluginCreators").len(), PLUGINS.len());
    for (name, attributes) in PLUGINS {
        let creator = creator(name);
        assert_eq!((creator.name(), creator.version(), creator.namespace()), (name.to_str().unwrap(), "1", ""));
        let fields: Vec<_> = creator.fields().iter().map(|field| (field.name(), field.field_type)).collect();
        assert_eq!(fields, attributes, "{name:?}");
        assert!(layers(2).any(|layer| layer.plugin == name), "{name:?} is in no layer of the table");
    }
    session.expect_silence();
}

#[test]
fn every_wrong_attribute_is_refused_by_name() {
    let session = Session::start();
    for wrong in wrong_attributes(2) {
        assert!(creator(wrong.plugin).create(c"layer", &wrong.fields).is_none(), "{:?}", wrong.words);
        session.expect_error(&wrong.words);
    }
}

#[test]
fn every_type_and_format_is_by_the_table() {
    let session = Session::start();
    for (layer, plugin) in each() {
        for values in layer.value_types() {
            for index in [INT32_TYPE, INT64_TYPE] {
                layer.check_formats(values, index, |position, tried| {
                    plugin.supports(position, tried, layer.inputs.len())
                });
                let types: Vec<_> = layer.input_tensors(values, index).iter().map(|tensor| tensor.data_type).collect();
                for (output, tensor) in layer.output_tensors(values).iter().enumerate() {
                    assert_eq!(plugin.output_type(output as i32, &types), tensor.data_type, "{}", layer.who());
                }
            }
        }
    }
    session.expect_silence();
}

#[test]
fn every_output_shape_follows_the_inputs() {
    let session = Session::start();
    for (layer, plugin) in each() {
        let described = |inputs: &[&[i64]], output: i32| {
            let inputs: Vec<_> = inputs.iter().map(|dims| DimsExprs::new::<i32>(dims)).collect();
            plugin.output_shape(output, &inputs).describe_with(layer.input_names(), &inputs, &[]).join(" ")
        };
        let shapes = layer.output_shapes();
        assert_eq!(plugin.output_count() as usize, shapes.len());
        for (output, (dims, sizes)) in (0..).zip(shapes) {
            let known: Vec<_> = dims.iter().map(ToString::to_string).collect();
            assert_eq!(described(layer.symbolic.0, output), sizes, "{}", layer.who());
            assert_eq!(described(layer.inputs, output), known.join(" "), "{}", layer.who());
        }
    }
    session.expect_silence();
}

#[test]
fn every_wrong_shape_is_refused_by_input() {
    let session = Session::start();
    for (layer, inputs, words) in wrong_shapes::<i32>(2) {
        assert_eq!(plugin(layer).output_shape(0, &inputs).rank, -1, "{words:?}");
        session.expect_error(&[&[layer.who().as_str()], words].concat());
    }
}

#[test]
fn every_layer_is_configured() {
    let session = Session::start();
    for (layer, plugin) in each() {
        for values in layer.value_types() {
            let (inputs, outputs) = (layer.input_tensors(values, INT32_TYPE), layer.output_tensors(values));
            plugin.configure(&inputs, &outputs);
            assert_eq!(plugin.initialize(), 0);
            assert!(plugin.workspace_size(&inputs, &outputs) < 1 << 20, "{}", layer.who());
            session.expect_silence();
            let mut wrong = outputs.clone();
            wrong[0].dims.push(1);
            plugin.configure(&inputs, &wrong);
            session.expect_error(&[&format!("{} has shape", layer.output_name())]);
        }
    }
}

#[test]
fn every_layer_is_kept_as_bytes() {
    let session = Session::start();
    for (layer, first) in each() {
        let values = layer.value_types()[1];
        let untold = first.serialized();
        first.configure(&layer.input_tensors(values, INT32_TYPE), &layer.output_tensors(values));
        let bytes = first.duplicate().serialized();
        assert_ne!(bytes, untold, "the types of the inputs are kept");
        drop(first);
        for bytes in [untold, bytes] {
            let second = creator(layer.plugin).deserialize(c"layer", &bytes).expect("a plugin");
            assert_eq!(second.serialized(), bytes, "{}", layer.who());
            assert_eq!(second.output_count() as usize, layer.output_shapes().len());
            assert_eq!(second.duplicate().serialized(), bytes);
            assert_eq!(second.initialize(), 0);
        }
    }
    session.expect_silence();
}

#[test]
fn bytes_of_the_first_format_load_for_ever() {
    let session = Session::start();
    type File = (&'static [u8], i32, &'static [&'static [i64]]);
    let files: [File; 2] = [
        (include_bytes!("data/TRTS_Scatter_format_1.bin"), 2, &[&[2, 5, 3], &[5]]),
        (include_bytes!("data/TRTS_Scatter_with_base_format_1.bin"), 1, &[&[2, 5, 3], &[5], &[2, 7, 3]]),
    ];
    for (bytes, outputs, inputs) in files {
        let plugin = creator(c"TRTS_Scatter").deserialize(c"layer", bytes).expect("a plugin");
        assert_eq!(plugin.output_count(), outputs);
        let inputs: Vec<_> = inputs.iter().map(|dims| DimsExprs::new::<i32>(dims)).collect();
        assert_eq!(plugin.output_shape(0, &inputs).describe(&inputs), ["2", "7", "3"]);
    }
    session.expect_silence();
}

#[test]
fn every_cut_is_refused() {
    let session = Session::start();
    for (layer, plugin) in each() {
        let bytes = plugin.serialized();
        for length in 0..bytes.len() {
            assert!(creator(layer.plugin).deserialize(c"layer", &bytes[..length]).is_none(), "cut to {length}");
            session.expect_error(&[layer.who().as_str(), "engine"]);
        }
        for (other, _) in PLUGINS.into_iter().filter(|(other, _)| *other != layer.plugin) {
            assert!(creator(other).deserialize(c"layer", &bytes).is_none());
            session.expect_error(&[other.to_str().unwrap(), layer.plugin.to_str().unwrap()]);
        }
    }
}

#[test]
fn damaged_bytes_are_refused_or_make_a_valid_plugin() {
    const ROUNDS: usize = 2000;
    let session = Session::start();
    let mut random = Random(11);
    for (layer, plugin) in each() {
        let values = layer.value_types()[0];
        plugin.configure(&layer.input_tensors(values, INT32_TYPE), &layer.output_tensors(values));
        let bytes = plugin.serialized();
        let mut refused = 0;
        for damaged in damaged_bytes(&bytes, ROUNDS, &mut random) {
            session.logged();
            let Some(plugin) = creator(layer.plugin).deserialize(c"layer", &damaged) else {
                session.expect_error(&[layer.who()]);
                refused += 1;
                continue;
            };
            // What was made must answer, and must make itself again.
            let inputs: Vec<_> = layer.inputs.iter().map(|dims| DimsExprs::new::<i32>(dims)).collect();
            for output in 0..plugin.output_count() {
                plugin.output_shape(output, &inputs);
                plugin.output_type(output, &[values, INT32_TYPE]);
            }
            assert_eq!(plugin.initialize(), 0);
            assert!(creator(layer.plugin).deserialize(c"layer", &plugin.serialized()).is_some());
        }
        assert!(refused > ROUNDS / 2, "{}: {refused} refused", layer.who());
    }
}

#[test]
fn damaged_fields_are_refused_or_make_a_valid_plugin() {
    const ROUNDS: usize = 2000;
    let session = Session::start();
    let mut random = Random(13);
    for layer in layers(2) {
        for _ in 0..ROUNDS {
            let mut fields = layer.fields();
            damage_fields(&mut fields, &mut random);
            session.logged();
            let Some(plugin) = creator(layer.plugin).create(c"layer", &fields) else {
                session.expect_error(&[layer.who()]);
                continue;
            };
            session.expect_silence();
            assert!(creator(layer.plugin).deserialize(c"layer", &plugin.serialized()).is_some());
        }
    }
}

#[test]
fn every_enqueue_without_a_device_says_so() {
    let session = Session::start();
    if let Ok(gpu) = tensorrt_scatter::gpu::Gpu::new(0) {
        skipped("every_enqueue_without_a_device_says_so", &format!("there is a device: {}", gpu.name()));
        return;
    }
    for (layer, plugin) in each() {
        let values = layer.value_types()[0];
        let (inputs, outputs) = (layer.input_tensors(values, INT32_TYPE), layer.output_tensors(values));
        let at = |tensors: &[Tensor]| tensors.iter().map(|tensor| (tensor.clone(), 256)).collect::<Vec<_>>();
        plugin.configure(&inputs, &outputs);
        session.expect_silence();
        assert_ne!(plugin.enqueue(&at(&inputs), &at(&outputs), 256, std::ptr::null_mut()), 0);
        session.expect_error(&[layer.who().as_str(), "no CUDA device"]);
    }
}
