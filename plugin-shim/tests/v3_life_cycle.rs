//! The V3 side, driven as TensorRT 11.4 drives it. This program poses as a TensorRT: it exports the functions
//! that a plugin library looks for.

mod common;

use std::ffi::CStr;

use common::{Session, host, layers::PLUGINS, plugin_library, v3::Creator};

pose_as_tensorrt!(110_400, REGISTRY_V11, LOGGER_V11);

fn creator(_test: &str, plugin: &CStr) -> Option<Creator> {
    let creators = plugin_library().creators(c"getCreators");
    assert_eq!(creators.len(), PLUGINS.len());
    creators.into_iter().map(Creator).find(|creator| creator.name() == plugin.to_str().unwrap())
}

fn scatter(test: &str) -> Option<Creator> {
    creator(test, c"TRTS_Scatter")
}

#[test]
fn the_constructor_registers_and_load_library_takes_over() {
    let _session = Session::start();
    host::the_constructor_registers_and_load_library_takes_over(c"getCreators", c"getPluginCreators");
}

v3_rules!(
    scatter: the_plugin_describes_itself,
    wrong_attributes_are_refused_by_name,
    output_types_follow_src,
    output_shapes_follow_src_dim_size_and_base,
    wrong_shapes_are_refused_by_input,
    configure_and_shape_changes_say_what_does_not_fit,
    the_workspace_is_that_of_the_largest_shapes,
);

v3_layer_rules!(
    creator: every_creator_describes_itself,
    every_wrong_attribute_is_refused_by_name,
    every_type_and_format_is_by_the_table,
    every_output_shape_follows_the_inputs,
    every_wrong_shape_is_refused_by_input,
    every_layer_is_configured,
    a_listed_shape_tensor_is_taken,
    every_layer_is_kept_as_fields,
    damaged_fields_are_refused_or_make_a_valid_plugin,
    every_enqueue_without_a_device_says_so,
);
