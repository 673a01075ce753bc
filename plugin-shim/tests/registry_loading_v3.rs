//! The library found by a real TensorRT 10 or 11, which `TRTS_NVINFER_LEAN` names, in every way there is. One process holds
//! one TensorRT, so each generation has a program of its own.

mod common;

use common::{
    Session,
    registry::{TensorRt, loads_and_unloads},
};

#[test]
fn the_library_loads_and_unloads_in_every_order() {
    let _session = Session::start();
    if let Some(tensorrt) = TensorRt::load("TRTS_NVINFER_LEAN", "the_library_loads_and_unloads_in_every_order") {
        loads_and_unloads(&tensorrt);
    }
}
