//! What the tests share: the naive twin of each operator, generated cases, and the emulated device.

#![allow(dead_code, unused_imports, reason = "each test target uses its own part")]

pub mod cases;
pub mod composite;
pub mod element;
pub mod emulator;
pub mod gather;
pub mod naive;
pub mod segments;

pub use element::{Element, assert_same};

/// The GPU to test on, or None, said aloud, where there is none: such a test counts as skipped.
pub fn gpu_or_skip(test: &str) -> Option<tensorrt_scatter::gpu::Gpu> {
    match tensorrt_scatter::gpu::Gpu::new(0) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            // The reason at length is in the error; the first clause tells what is missing.
            let reason = error.to_string();
            // A test made for each type has its own name on its thread; one on the main thread is told its name.
            let thread = std::thread::current();
            let name = thread.name().filter(|&name| name != "main").unwrap_or(test);
            println!("SKIPPED: {name}: {}", reason.split(" (").next().unwrap_or(&reason));
            None
        }
    }
}
