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

v3_rules!(scatter);

v3_layer_rules!(creator);
