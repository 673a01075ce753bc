//! The library in the plugin registry of a real TensorRT 10 or 11, whose lean runtime `TRTS_NVINFER_LEAN` names.
//! No GPU is needed for that.

mod common;

use std::{ffi::CStr, sync::OnceLock};

use common::{
    Object,
    host::{FINDER_V2, FINDER_V11},
    library_path, plugin_library,
    registry::TensorRt,
    v3::Creator,
};

/// The creator as the registry gives it, with the library loaded once and the tests' logger set.
fn creator(test: &str, plugin: &CStr) -> Option<Creator> {
    static TENSORRT: OnceLock<Option<TensorRt>> = OnceLock::new();
    let tensorrt = TENSORRT.get_or_init(|| TensorRt::load("TRTS_NVINFER_LEAN", test)).as_ref()?;
    if tensorrt.creator(plugin).is_null() {
        assert!(!tensorrt.load_library(&library_path()).is_null(), "loadLibrary");
    }
    let finder = if tensorrt.version < 110_000 { FINDER_V2.object() } else { FINDER_V11.object() };
    // SAFETY: the function has this signature; the finder lives for ever.
    unsafe { plugin_library().function::<unsafe extern "C" fn(Object)>(c"setLoggerFinder")(finder) };
    Some(Creator(tensorrt.creator(plugin)))
}

fn scatter(test: &str) -> Option<Creator> {
    creator(test, c"TRTS_Scatter")
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
