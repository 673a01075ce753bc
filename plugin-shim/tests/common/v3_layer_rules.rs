//! The rules that hold for every plugin on the V3 side, for creators from any source.

use super::{
    FieldCollection, Session,
    damage::damage_fields,
    layers::{Layer, PLUGINS, Third, layers},
    random::Random,
    skipped,
    tensors::{DimsExprs, FLOAT, INT32_TYPE, INT64_TYPE, Tensor, tensor},
    v3::{Creator, Phase, Plugin, interface},
    wrong::{wrong_attributes, wrong_shapes},
};
use std::ffi::CStr;

/// Makes each rule a test. The function returns the creator of a name, if it can.
#[macro_export]
macro_rules! v3_layer_rules {
    ($creator:path) => {
        v3_layer_rules! {
            $creator:
            every_creator_describes_itself,
            every_wrong_attribute_is_refused_by_name,
            every_type_and_format_is_by_the_table,
            every_output_shape_follows_the_inputs,
            every_wrong_shape_is_refused_by_input,
            every_layer_is_configured,
            a_listed_shape_tensor_is_taken,
            every_layer_is_kept_as_fields,
            damaged_fields_are_refused_or_make_a_valid_plugin,
            every_enqueue_without_a_device_says_so,
        }
    };
    ($creator:path: $($rule:ident),* $(,)?) => {
        $(#[test]
        fn $rule() {
            let session = common::Session::start();
            let creator = |plugin: &std::ffi::CStr| $creator(stringify!($rule), plugin);
            if creator(c"TRTS_Scatter").is_some() {
                session.logged();
                common::v3_layer_rules::$rule(&|plugin| creator(plugin).expect("a creator"), &session);
            }
        })*
    };
}

/// Gives the creator of a plugin.
pub type Creators<'a> = &'a dyn Fn(&CStr) -> Creator;

fn plugin(layer: &'static Layer, creators: Creators<'_>) -> Plugin {
    let created = creators(layer.plugin).create(c"layer", &layer.fields(), Phase::Build);
    created.unwrap_or_else(|| panic!("{}", layer.who()))
}

fn each(creators: Creators<'_>) -> impl Iterator<Item = (&'static Layer, Plugin)> {
    layers(3).map(move |layer| (layer, plugin(layer, creators)))
}

pub fn every_creator_describes_itself(creators: Creators<'_>, session: &Session) {
    for (name, attributes) in PLUGINS {
        let creator = creators(name);
        assert_eq!(interface(creator.0), "PLUGIN CREATOR_V3ONE 1.0");
        assert_eq!((creator.name(), creator.version(), creator.namespace()), (name.to_str().unwrap(), "1", ""));
        let fields: Vec<_> = creator.fields().iter().map(|field| (field.name(), field.field_type)).collect();
        assert_eq!(fields, attributes, "{name:?}");
    }
    session.expect_silence();
}

pub fn every_wrong_attribute_is_refused_by_name(creators: Creators<'_>, session: &Session) {
    for wrong in wrong_attributes(3) {
        for phase in [Phase::Build, Phase::Runtime] {
            assert!(creators(wrong.plugin).create(c"layer", &wrong.fields, phase).is_none(), "{:?}", wrong.words);
            session.expect_error(&wrong.words);
        }
    }
}

pub fn every_type_and_format_is_by_the_table(creators: Creators<'_>, session: &Session) {
    for (layer, plugin) in each(creators) {
        for values in layer.value_types() {
            for index in [INT32_TYPE, INT64_TYPE] {
                layer.check_formats(values, index, |position, tried| {
                    plugin.supports(position, tried, layer.inputs.len())
                });
                let types: Vec<_> = layer.input_tensors(values, index).iter().map(|tensor| tensor.data_type).collect();
                let outputs: Vec<_> = layer.output_tensors(values).iter().map(|tensor| tensor.data_type).collect();
                assert_eq!(plugin.output_types(&types, outputs.len()), Some(outputs), "{}", layer.who());
            }
        }
    }
    session.expect_silence();
}

/// The value of a layer's shape tensor, which is not known before the engine runs.
fn shape_inputs(layer: &Layer) -> Vec<DimsExprs> {
    if layer.third == Third::DimSize { vec![DimsExprs::new::<i64>(&[-1])] } else { vec![] }
}

pub fn every_output_shape_follows_the_inputs(creators: Creators<'_>, session: &Session) {
    for (layer, plugin) in each(creators) {
        let (outputs, names) = (plugin.output_count() as usize, layer.input_names());
        let described = |inputs: &[&[i64]], shape_inputs: &[DimsExprs]| {
            let inputs: Vec<_> = inputs.iter().map(|dims| DimsExprs::new::<i64>(dims)).collect();
            let shapes = plugin.output_shapes_with(&inputs, shape_inputs, outputs).expect("shapes");
            let mut shapes: Vec<_> =
                shapes.iter().map(|shape| shape.describe_with(names, &inputs, shape_inputs).join(" ")).collect();
            if layer.groups.is_some() {
                // The last output has the value of the shape tensor for its one size.
                assert_eq!(
                    shapes.pop().unwrap(),
                    shape_inputs[0].describe_with(names, &inputs, shape_inputs).join(" ")
                );
            }
            shapes
        };
        let joined = |dims: &[i64]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (known, expected): (Vec<_>, Vec<_>) =
            layer.output_shapes().into_iter().map(|(dims, sizes)| (joined(dims), sizes)).unzip();
        assert_eq!(described(layer.symbolic.0, &shape_inputs(layer)), expected, "{}", layer.who());
        if layer.third == Third::DimSize {
            let value = [DimsExprs::new::<i64>(&[layer.group_count()])];
            assert_eq!(described(layer.inputs, &value), known, "{}", layer.who());
            // Some versions of TensorRT list a shape tensor among the inputs as well.
            assert_eq!(described(&[layer.inputs, &[&[1]]].concat(), &value), known, "{}", layer.who());
        } else {
            assert_eq!(described(layer.inputs, &[]), known, "{}", layer.who());
        }
    }
    session.expect_silence();
}

pub fn every_wrong_shape_is_refused_by_input(creators: Creators<'_>, session: &Session) {
    for (layer, inputs, words) in wrong_shapes::<i64>(3) {
        let plugin = plugin(layer, creators);
        let outputs = plugin.output_count() as usize;
        assert!(plugin.output_shapes_with(&inputs, &shape_inputs(layer), outputs).is_none(), "{words:?}");
        session.expect_error(&[&[layer.who().as_str()], words].concat());
    }
    for (layer, plugin) in each(creators) {
        let inputs: Vec<_> = layer.inputs.iter().map(|dims| DimsExprs::new::<i64>(dims)).collect();
        let (wrong, words) = match layer.third {
            Third::DimSize => (vec![], ["dim_size_input", "no shape tensor"]),
            _ => (vec![DimsExprs::new::<i64>(&[1])], ["1 shape tensors", "expected none"]),
        };
        assert!(plugin.output_shapes_with(&inputs, &wrong, plugin.output_count() as usize).is_none());
        session.expect_error(&words);
    }
}

pub fn every_layer_is_configured(creators: Creators<'_>, session: &Session) {
    for (layer, plugin) in each(creators) {
        for values in layer.value_types() {
            let (inputs, outputs) = (layer.input_tensors(values, INT32_TYPE), layer.output_tensors(values));
            assert_eq!((plugin.configure(&inputs, &outputs), plugin.shape_change(&inputs, &outputs)), (0, 0));
            session.expect_silence();
            assert!(plugin.workspace_size(&inputs, &inputs, &outputs) < 1 << 20, "{}", layer.who());
            session.expect_silence();
            let mut wrong = outputs.clone();
            wrong[0].dims.push(1);
            assert_ne!(plugin.configure(&inputs, &wrong), 0, "{}", layer.who());
            session.expect_error(&[&format!("{} has shape", layer.output_name())]);
        }
        // For sizes that do not fit each other, the workspace must not look valid.
        let inputs = layer.input_tensors(layer.value_types()[0], INT32_TYPE);
        let unknown: Vec<_> =
            inputs.iter().map(|tensor| Tensor { dims: vec![-1; tensor.dims.len()], ..tensor.clone() }).collect();
        let unknown_outputs = vec![unknown[0].clone(); plugin.output_count() as usize];
        assert!(plugin.workspace_size(&unknown, &unknown, &unknown_outputs) >= 1 << 60);
        session.expect_error(&["workspace"]);
        for input in 0..inputs.len().min(2) {
            let mut scalar = inputs.clone();
            scalar[input].dims.clear();
            assert!(plugin.workspace_size(&scalar, &scalar, &unknown_outputs) >= 1 << 60, "{}", layer.who());
            session.expect_error(&["rank 0"]);
        }
    }
}

/// TensorRT may list a shape tensor among the inputs, or only when it asks for shapes.
pub fn a_listed_shape_tensor_is_taken(creators: Creators<'_>, session: &Session) {
    for (layer, plugin) in each(creators).filter(|(layer, _)| layer.third == Third::DimSize) {
        let values = layer.value_types()[0];
        let outputs = layer.output_tensors(values);
        for (data_type, dims) in [(INT32_TYPE, &[][..]), (INT64_TYPE, &[1])] {
            let mut inputs = layer.input_tensors(values, INT32_TYPE);
            inputs.push(tensor(data_type, dims));
            let all = [&inputs[..], &outputs].concat();
            assert!((0..all.len()).all(|position| plugin.supports(position, &all, inputs.len())), "{}", layer.who());
            let types: Vec<_> = inputs.iter().map(|tensor| tensor.data_type).collect();
            assert!(plugin.output_types(&types, outputs.len()).is_some());
            assert_eq!((plugin.configure(&inputs, &outputs), plugin.shape_change(&inputs, &outputs)), (0, 0));
            let listed = plugin.workspace_size(&inputs, &inputs, &outputs);
            let (_, unlisted) = inputs.split_last().unwrap();
            assert_eq!(listed, plugin.workspace_size(unlisted, unlisted, &outputs));
        }
        session.expect_silence();
        let mut inputs = layer.input_tensors(values, INT32_TYPE);
        inputs.push(tensor(FLOAT, &[1]));
        assert_ne!(plugin.configure(&inputs, &outputs), 0);
        session.expect_error(&["dim_size is of type FLOAT", "INT32 or INT64"]);
    }
}

pub fn every_layer_is_kept_as_fields(creators: Creators<'_>, session: &Session) {
    for (layer, first) in each(creators) {
        for first in [first.duplicate(), first.attach(), first] {
            let kept = |plugin: &Plugin| {
                let fields = FieldCollection::read(plugin.fields_to_serialize());
                fields.iter().map(|field| (field.name().to_owned(), field.bytes().to_vec())).collect::<Vec<_>>()
            };
            let before = kept(&first);
            assert_eq!(before[0], ("format_version".to_owned(), 2i32.to_le_bytes().to_vec()));
            assert_eq!(before.len(), layer.attributes.len() + 1);
            let second = creators(layer.plugin).create_of(c"layer", first.fields_to_serialize(), Phase::Runtime);
            let second = second.expect("a plugin");
            drop(first);
            assert_eq!(kept(&second), before, "{}", layer.who());
            assert_eq!(second.output_count() as usize, layer.output_tensors(0).len());
        }
    }
    session.expect_silence();
    for version in [0, 3, -1] {
        let fields = [super::int(c"format_version", &version)];
        assert!(creators(c"TRTS_GatherCOO").create(c"layer", &fields, Phase::Runtime).is_none());
        session.expect_error(&["format version", &version.to_string(), "1 to 2"]);
    }
}

pub fn damaged_fields_are_refused_or_make_a_valid_plugin(creators: Creators<'_>, session: &Session) {
    const ROUNDS: usize = 2000;
    let mut random = Random(7);
    for layer in layers(3) {
        let (mut refused, mut made) = (0, 0);
        for _ in 0..ROUNDS {
            let mut fields = layer.fields();
            damage_fields(&mut fields, &mut random);
            let Some(plugin) = creators(layer.plugin).create(c"layer", &fields, Phase::Runtime) else {
                session.expect_error(&[layer.who()]);
                refused += 1;
                continue;
            };
            made += 1;
            // The fields that the plugin serializes must create it again.
            session.expect_silence();
            assert!((1..=2).contains(&plugin.output_count()));
            let kept = plugin.fields_to_serialize();
            assert!(creators(layer.plugin).create_of(c"layer", kept, Phase::Runtime).is_some());
        }
        assert!(refused > ROUNDS / 4, "{}: {refused} refused, {made} made", layer.who());
    }
}

pub fn every_enqueue_without_a_device_says_so(creators: Creators<'_>, session: &Session) {
    if let Ok(gpu) = tensorrt_scatter::gpu::Gpu::new(0) {
        skipped("every_enqueue_without_a_device_says_so", &format!("there is a device: {}", gpu.name()));
        return;
    }
    for (layer, plugin) in each(creators) {
        let values = layer.value_types()[0];
        let (inputs, outputs) = (layer.input_tensors(values, INT32_TYPE), layer.output_tensors(values));
        assert_eq!(plugin.shape_change(&inputs, &outputs), 0);
        session.expect_silence();
        let at = |tensors: &[Tensor]| tensors.iter().map(|tensor| (tensor.clone(), 256)).collect::<Vec<_>>();
        assert_ne!(plugin.enqueue(&at(&inputs), &at(&outputs), 256, std::ptr::null_mut()), 0);
        session.expect_error(&[layer.who().as_str(), "no CUDA device"]);
    }
}
