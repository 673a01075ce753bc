//! Loads the library into a process with a real TensorRT-RTX, which `TRTS_TENSORRT_RTX` names: it gets no plugins,
//! because its networks take no plugin layers. The tests never give its ONNX parser a node of these plugins: the parser
//! does not return an error for it.

mod common;

use common::{
    Session, library_path,
    registry::{TensorRt, gets_nothing},
};

#[test]
fn tensorrt_rtx_gets_nothing_and_a_tensorrt_beside_it_its_plugins() {
    let test = "tensorrt_rtx_gets_nothing_and_a_tensorrt_beside_it_its_plugins";
    let _session = Session::start();
    let Some(rtx) = TensorRt::load("TRTS_TENSORRT_RTX", test) else { return };
    assert!((10_000..100_000).contains(&rtx.version), "{}", rtx.version);
    gets_nothing(&rtx, "TensorRT-RTX");

    let Some(tensorrt) = TensorRt::load("TRTS_NVINFER_LEAN", test) else { return };
    assert_eq!(common::plugin_library().register_plugins(), Ok(1));
    assert!(!tensorrt.creator(c"TRTS_Scatter").is_null());
    // Each is known by the logger finder that it sets before it asks for the creators.
    assert!(rtx.load_library(&library_path()).is_null());
    assert!(!tensorrt.creator(c"TRTS_Scatter").is_null());
    assert!(!tensorrt.load_library(&library_path()).is_null());
    assert!(rtx.creator(c"TRTS_Scatter").is_null());
}
