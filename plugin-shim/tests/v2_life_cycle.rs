//! The V2 side, driven as TensorRT 8.6 drives it. This program poses as a TensorRT: it exports the functions
//! that a plugin library looks for. Rules of every plugin are in `v2_every_plugin.rs`; these are TRTS_Scatter's.

mod common;

use std::ffi::CStr;

use common::{
    Library, Object, Session, chars,
    host::{self, FINDER_V2},
    int, plugin_library, scatter_fields,
    tensors::{BOOL, DimsExprs, FLOAT, HALF, INT32_TYPE, Tensor, tensor},
    v2::{Creator, Plugin},
};

pose_as_tensorrt!(8600, REGISTRY_V8_6_0, LOGGER_V2);

fn library() -> Library {
    plugin_library()
}

fn creator() -> Creator {
    Creator(library().creators(c"getPluginCreators")[0])
}

fn plugin(dim: &'static i32, dim_size: Option<&'static i32>, reduce: &'static str) -> Plugin {
    creator().create(c"pillars", &scatter_fields(dim, dim_size, reduce)).expect("a plugin")
}

#[test]
fn the_constructor_registers_and_load_library_takes_over() {
    let _session = Session::start();
    host::the_constructor_registers_and_load_library_takes_over(c"getPluginCreators", c"getCreators");
}

#[test]
fn the_creator_describes_itself() {
    let _session = Session::start();
    let creator = creator();
    assert_eq!((creator.name(), creator.version(), creator.namespace()), ("TRTS_Scatter", "1", ""));
    assert_eq!(creator.version_number() >> 24, 0, "IPluginCreator of 8.x");
    let fields: Vec<_> = creator.fields().iter().map(|field| (field.name(), field.field_type)).collect();
    assert_eq!(fields, common::layers::PLUGINS[0].1);
}

#[test]
fn namespaces_are_kept() {
    let _session = Session::start();
    let creator = creator();
    creator.set_namespace(c"mine");
    let plugin = plugin(&1, Some(&5), "sum");
    assert_eq!((creator.namespace(), plugin.namespace()), ("mine", "mine"));
    creator.set_namespace(c"");
    plugin.set_namespace(c"other");
    assert_eq!((plugin.namespace(), plugin.duplicate().namespace()), ("other", "other"));
}

#[test]
fn the_plugin_describes_itself() {
    let session = Session::start();
    let plugin = plugin(&1, Some(&5), "max");
    assert_eq!((plugin.plugin_type(), plugin.version(), plugin.output_count()), ("TRTS_Scatter", "1", 2));
    assert_eq!(plugin.version_number() >> 24, 3, "PluginVersion::kV2_DYNAMICEXT");
    // 8500, or the version of the SDK that TENSORRT_ROOT named when the library was compiled.
    assert!((8500..10_000).contains(&(plugin.version_number() & 0xff_ffff)));
    assert_eq!(
        (plugin.output_type(0, &[FLOAT, INT32_TYPE]), plugin.output_type(1, &[FLOAT, INT32_TYPE])),
        (FLOAT, INT32_TYPE)
    );
    assert_eq!(creator().create(c"", &scatter_fields(&1, Some(&5), "sum")).unwrap().output_count(), 1);
    assert_eq!((plugin.initialize(), plugin.terminate()), (0, ()));
    session.expect_silence();
}

#[test]
fn reduce_is_read_by_its_length() {
    let session = Session::start();
    let creator = creator();
    for reduce in ["sum", "add", "mul", "mean", "min", "max", "maxnonsense", "max\0"] {
        let mut field = chars(c"reduce", reduce);
        field.length = field.length.min(if reduce.starts_with("max") && reduce.len() > 4 { 3 } else { 4 });
        assert!(creator.create(c"", &[field]).is_some(), "{reduce}");
    }
    session.expect_silence();
}

#[test]
fn wrong_attributes_are_refused_by_name() {
    let session = Session::start();
    let creator = creator();
    let float = |name: &'static CStr| common::Field { field_type: 1, ..int(name, &1) };
    let refused = |fields: &[common::Field], words: &[&str]| {
        assert!(creator.create(c"pillars", fields).is_none());
        session.expect_error(&[&["TRTS_Scatter \"pillars\""], words].concat());
    };
    refused(&[chars(c"reduce", "median")], &["reduce", "median", "\"sum\""]);
    refused(&[chars(c"reduce", "")], &["reduce"]);
    refused(&[chars(c"reduce", "Max")], &["reduce", "Max"]);
    refused(&[int(c"reduce", &1)], &["reduce", "expected a text"]);
    refused(&[int(c"dim_size", &-2)], &["dim_size", "-2", "0 or more"]);
    refused(&[float(c"dim")], &["dim", "one INT32"]);
    refused(&[common::Field { length: 2, ..int(c"dim", &1) }], &["dim", "2 values"]);
    refused(&[common::Field { data: std::ptr::null(), ..int(c"dim", &1) }], &["dim", "without data"]);
    refused(&[int(c"dims", &1)], &["\"dims\"", "dim, dim_size, reduce"]);
    refused(&[int(c"dim", &1), int(c"dim", &1)], &["dim", "twice"]);
    refused(&[common::Field { name: std::ptr::null(), ..int(c"dim", &1) }], &["without a name"]);
    refused(
        &[common::Field { data: [0xffu8; 3].as_ptr().cast(), ..chars(c"reduce", "max") }],
        &["reduce", "not a text"],
    );
}

#[test]
fn output_shapes_follow_src_dim_size_and_base() {
    let session = Session::start();
    let shape = |plugin: &Plugin, dims: &[&[i64]]| {
        let inputs: Vec<_> = dims.iter().map(|dims| DimsExprs::new::<i32>(dims)).collect();
        let shapes: Vec<_> =
            (0..plugin.output_count()).map(|output| plugin.output_shape(output, &inputs).describe(&inputs)).collect();
        assert!(shapes.iter().all(|shape| *shape == shapes[0]));
        shapes[0].clone()
    };
    assert_eq!(shape(&plugin(&1, Some(&7), "max"), &[&[2, 5, 3], &[5]]), ["2", "7", "3"]);
    assert_eq!(shape(&plugin(&1, Some(&7), "max"), &[&[-1, -1, 3], &[-1]]), ["src.0", "7", "3"]);
    assert_eq!(shape(&plugin(&-2, None, "sum"), &[&[-1, -1, 3], &[-1], &[-1, 7, 3]]), ["src.0", "7", "3"]);
    assert_eq!(shape(&plugin(&-2, None, "sum"), &[&[-1, -1, 3], &[-1], &[-1, -1, 3]]), ["src.0", "base.1", "3"]);
    assert_eq!(shape(&plugin(&1, Some(&7), "sum"), &[&[-1, -1, 3], &[-1], &[-1, -1, 3]]), ["src.0", "7", "3"]);
    assert_eq!(shape(&plugin(&-1, Some(&0), "min"), &[&[0], &[0]]), ["0"]);
    session.expect_silence();
}

#[test]
fn wrong_shapes_are_refused_by_input() {
    let session = Session::start();
    let refused = |plugin: Plugin, dims: &[&[i64]], words: &[&str]| {
        let inputs: Vec<_> = dims.iter().map(|dims| DimsExprs::new::<i32>(dims)).collect();
        assert_eq!(plugin.output_shape(0, &inputs).rank, -1);
        session.expect_error(&[&["TRTS_Scatter \"pillars\""], words].concat());
    };
    let sized = |dim| plugin(dim, Some(&7), "sum");
    refused(sized(&3), &[&[2, 5, 3], &[5]], &["dim is 3", "rank 3", "-3 to 2"]);
    refused(sized(&-4), &[&[2, 5, 3], &[5]], &["dim is -4"]);
    refused(sized(&0), &[&[], &[5]], &["src has rank 0", "rank 1 to 8"]);
    refused(sized(&1), &[&[2, 5, 3], &[]], &["index has rank 0"]);
    refused(sized(&1), &[&[2, 5, 3], &[2, 5, 3, 1]], &["index has rank 4"]);
    refused(sized(&1), &[&[2, 5, 3], &[4]], &["index", "[4]", "[2, 5, 3]"]);
    refused(sized(&1), &[&[2, 5, 3], &[5], &[2, 7]], &["base has rank 2"]);
    refused(sized(&1), &[&[2, -1, 3], &[-1], &[2, 6, 3]], &["dim_size is 7", "base has 6"]);
    refused(sized(&1), &[&[2, 5, 3], &[5], &[2, 7, 4]], &["base", "[2, 7, 4]", "[2, 7, 3]"]);
    refused(plugin(&1, None, "sum"), &[&[2, 5, 3], &[5]], &["dim_size", "base"]);
    refused(sized(&1), &[&[2, 5, 3]], &["1 inputs", "src, index", "base"]);
    refused(sized(&1), &[&[2, 5, 3][..]; 4], &["4 inputs"]);
    refused(sized(&1), &[&[2, 5, 3][..]; 40], &["inputs were given"]);
    refused(sized(&1), &[&[1; 9], &[1]], &["src has rank 9"]);
}

#[test]
fn a_workspace_that_no_memory_can_hold_is_refused() {
    let session = Session::start();
    // A result of 2^62 elements: candidates of 8 bytes for each are more bytes than 64 bits count.
    let (src, out) = ([4, 2, 1 << 30], [4, 1 << 30, 1 << 30]);
    let inputs = [tensor(FLOAT, &src), tensor(INT32_TYPE, &[2])];
    let outputs = [tensor(FLOAT, &out), tensor(INT32_TYPE, &out)];
    let given = plugin(&1, Some(&(1 << 30)), "max").workspace_size(&inputs, &outputs);
    assert!(given >= 1 << 60, "{given}");
    session.expect_error(&["TRTS_Scatter \"pillars\": a tensor of shape [4, 1073741824, 1073741824]", "memory"]);
}

#[test]
fn a_wrong_number_of_tensors_is_refused() {
    let session = Session::start();
    let plugin = plugin(&1, None, "max");
    let good = [
        tensor(FLOAT, &[2, 5, 3]),
        tensor(INT32_TYPE, &[5]),
        tensor(FLOAT, &[2, 7, 3]),
        tensor(FLOAT, &[2, 7, 3]),
        tensor(INT32_TYPE, &[2, 7, 3]),
    ];
    assert!(!plugin.supports(0, &good[..4], 3));
    session.expect_error(&["1 outputs", "out, arg_out"]);
    assert!(!plugin.supports(5, &good, 3));
    session.expect_error(&["none of the layer's 5"]);
}

#[test]
fn wrong_types_are_logged_by_input() {
    let session = Session::start();
    let plugin = plugin(&1, Some(&7), "max");
    for (types, words) in [
        (&[BOOL, INT32_TYPE][..], ["src is of type BOOL", "expected FLOAT or HALF or INT32"]),
        (&[HALF, FLOAT], ["index is of type FLOAT", "expected INT32"]),
        (&[FLOAT, INT32_TYPE, INT32_TYPE], ["base is of type INT32", "expected FLOAT"]),
        (&[FLOAT, 1234], ["index is of type DataType 1234", "expected"]),
    ] {
        plugin.output_type(0, types);
        session.expect_error(&words);
    }
    plugin.output_type(2, &[FLOAT, INT32_TYPE]);
    session.expect_error(&["no output 2"]);
}

fn layer() -> ([Tensor; 2], [Tensor; 2]) {
    ([tensor(FLOAT, &[2, 5, 3]), tensor(INT32_TYPE, &[5])], [tensor(FLOAT, &[2, 7, 3]), tensor(INT32_TYPE, &[2, 7, 3])])
}

#[test]
fn configure_says_what_does_not_fit() {
    let session = Session::start();
    let plugin = plugin(&1, Some(&7), "max");
    let (inputs, outputs) = layer();
    plugin.configure(&inputs, &outputs);
    plugin.configure(
        &[tensor(FLOAT, &[-1, -1, 3]), tensor(INT32_TYPE, &[-1])],
        &[tensor(FLOAT, &[-1, 7, 3]), tensor(INT32_TYPE, &[-1, 7, 3])],
    );
    session.expect_silence();
    plugin.configure(&inputs, &[tensor(FLOAT, &[2, 8, 3]), outputs[1].clone()]);
    session.expect_error(&["out has shape [2, 8, 3]", "[2, 7, 3]"]);
    plugin.configure(&inputs, &[outputs[0].clone(), tensor(FLOAT, &[2, 7, 3])]);
    session.expect_error(&["arg_out is of type FLOAT", "INT32"]);
    plugin.configure(&[tensor(FLOAT, &[2, -5, 3]), inputs[1].clone()], &outputs);
    session.expect_error(&["src", "[2, -5, 3]"]);
    plugin.configure(&inputs, &outputs[..1]);
    session.expect_error(&["1 outputs"]);
}

#[test]
fn the_workspace_holds_a_word_pair_per_winner_and_the_broadcast() {
    // A word for each position on the sides of the reduced axis.
    const BROADCAST: usize = (2 + 3) * 8;
    let session = Session::start();
    let (inputs, outputs) = layer();
    assert_eq!(plugin(&1, Some(&7), "max").workspace_size(&inputs, &outputs), 2 * 7 * 3 * 8 + BROADCAST);
    assert_eq!(plugin(&1, Some(&7), "sum").workspace_size(&inputs, &outputs[..1]), BROADCAST);
    session.expect_silence();
}

#[test]
fn a_serialized_plugin_comes_back() {
    let session = Session::start();
    let first = plugin(&-2, Some(&7), "max");
    let (inputs, outputs) = layer();
    first.configure(&inputs, &outputs);
    let bytes = first.duplicate().serialized();
    let second = creator().deserialize(c"loaded", &bytes).expect("a plugin");
    assert_eq!((second.serialized(), second.output_count()), (bytes, 2));
    let dims = [DimsExprs::new::<i32>(&[2, 5, 3]), DimsExprs::new::<i32>(&[5])];
    assert_eq!(second.output_shape(0, &dims).describe(&dims), ["2", "7", "3"]);
    session.expect_silence();
}

#[test]
fn serialize_writes_as_many_bytes_as_the_size_said() {
    let session = Session::start();
    let plugin = plugin(&-2, Some(&7), "max");
    let (inputs, outputs) = layer();
    // A configuration tells of inputs, whose types are kept too.
    let bytes = plugin.serialized_after(|| plugin.configure(&inputs, &outputs));
    assert!(creator().deserialize(c"loaded", &bytes).is_some());
    assert_eq!(plugin.serialized().len(), bytes.len() + inputs.len());
    session.expect_silence();
}

#[test]
fn bytes_of_a_later_format_are_refused() {
    let session = Session::start();
    let mut bytes = plugin(&-2, Some(&7), "max").serialized();
    let refused = |bytes: &[u8], words: &[&str]| {
        assert!(creator().deserialize(c"loaded", bytes).is_none());
        session.expect_error(&[&["TRTS_Scatter \"loaded\""], words].concat());
    };
    refused(&[&bytes[..], b"more"].concat(), &["checksum"]);
    for version in [0, 3, 255] {
        bytes[4] = version;
        refused(&bytes, &[&format!("format version {version}"), "1 to 2"]);
    }
}

#[test]
fn enqueue_fails_cleanly() {
    let session = Session::start();
    let plugin = plugin(&1, Some(&7), "max");
    let (inputs, outputs) = layer();
    let at = |tensors: &[Tensor]| tensors.iter().map(|tensor| (tensor.clone(), 256)).collect::<Vec<_>>();
    assert_ne!(plugin.enqueue(&at(&inputs), &at(&outputs), 256, std::ptr::null_mut()), 0, "never configured");
    session.expect_error(&["0 inputs"]);
    plugin.configure(&inputs, &outputs);
    session.expect_silence();
    let wrong = [tensor(FLOAT, &[2, 5, 3]), tensor(INT32_TYPE, &[6])];
    assert_ne!(plugin.enqueue(&at(&wrong), &at(&outputs), 256, std::ptr::null_mut()), 0);
    session.expect_error(&["index", "[6]"]);
}

#[test]
fn a_logger_finder_is_used() {
    let session = Session::start();
    let library = library();
    // SAFETY: the function has this signature; the finder lives for ever.
    let set = unsafe { library.function::<unsafe extern "C" fn(Object)>(c"setLoggerFinder") };
    // SAFETY: as above; null takes the finder back.
    unsafe { set(FINDER_V2.object()) };
    assert!(creator().create(c"pillars", &[chars(c"reduce", "median")]).is_none());
    // SAFETY: as above.
    unsafe { set(std::ptr::null_mut()) };
    session.expect_error(&["median"]);
}
