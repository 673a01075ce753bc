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

v3_rules!(scatter);

v3_layer_rules!(creator);
