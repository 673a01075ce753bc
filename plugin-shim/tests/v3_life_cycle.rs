//! The V3 side, driven as TensorRT 11.4 drives it. This program poses as a TensorRT: it exports the functions
//! that a plugin library looks for.

mod common;

use common::{
    Object, Session,
    host::{EVENTS, Event, LOGGER_V11, REGISTRY_V11},
    plugin_library,
    v3::Creator,
};

/// `int32_t getInferLibVersion()`: 11.4.0.
#[unsafe(no_mangle)]
pub extern "C" fn getInferLibVersion() -> i32 {
    110_400
}

/// `IPluginRegistry* getPluginRegistry()`.
#[unsafe(no_mangle)]
pub extern "C" fn getPluginRegistry() -> Object {
    REGISTRY_V11.object()
}

/// `ILogger* getLogger()`.
#[unsafe(no_mangle)]
pub extern "C" fn getLogger() -> Object {
    LOGGER_V11.object()
}

fn creator(_test: &str) -> Option<Creator> {
    let creators = plugin_library().creators(c"getCreators");
    assert_eq!(creators.len(), 1);
    Some(Creator(creators[0]))
}

#[test]
fn the_constructor_registers_and_load_library_takes_over() {
    let _session = Session::start();
    let library = plugin_library();
    assert_eq!(library.creators(c"getPluginCreators"), [] as [Object; 0], "V2 creators for TensorRT 11");
    let creators = library.creators(c"getCreators");
    assert_eq!(library.creators(c"getCreators"), creators);
    let address = creators[0] as usize;
    assert_eq!(*EVENTS.lock().unwrap(), [Event::Registered(address), Event::Deregistered(address)]);
}

v3_rules!(
    creator: the_creator_describes_itself,
    the_plugin_describes_itself,
    wrong_attributes_are_refused_by_name,
    output_types_follow_src,
    output_shapes_follow_src_dim_size_and_base,
    wrong_shapes_are_refused_by_input,
    formats_and_types_are_those_of_the_table,
    configure_and_shape_changes_say_what_does_not_fit,
    the_workspace_is_that_of_the_largest_shapes,
    serialized_fields_make_the_plugin_again,
    enqueue_without_a_device_says_so,
);
