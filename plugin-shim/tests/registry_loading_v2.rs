//! Loads the library into a real TensorRT 8.6 to 9, which `TRTS_NVINFER_8` names, in each way there is. These tests are
//! a program of their own, because a process keeps the TensorRT that it has loaded.

mod common;

use common::{
    Session,
    registry::{TensorRt, a_preloaded_library_registers, loads_and_unloads},
};

#[test]
fn the_library_loads_and_unloads_in_every_order() {
    let _session = Session::start();
    if let Some(tensorrt) = TensorRt::load("TRTS_NVINFER_8", "the_library_loads_and_unloads_in_every_order") {
        loads_and_unloads(&tensorrt);
    }
}

#[test]
fn a_library_preloaded_into_tensorrt_v2_registers() {
    a_preloaded_library_registers("TRTS_NVINFER_8", "a_library_preloaded_into_tensorrt_v2_registers");
}
