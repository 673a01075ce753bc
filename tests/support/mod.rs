//! What the tests share: the naive twin of each operator, generated cases, and the emulated device.

#![allow(dead_code, reason = "each test target uses its own part")]

pub mod cases;
pub mod emulator;
pub mod naive;

/// Fails where two results differ in any bit; NaNs are equal to each other.
#[track_caller]
pub fn assert_same(what: &str, given: &[f32], expected: &[f32]) {
    assert_eq!(given.len(), expected.len(), "{what}: length");
    for (position, (&given, &expected)) in given.iter().zip(expected).enumerate() {
        let same = given.to_bits() == expected.to_bits() || given.is_nan() && expected.is_nan();
        assert!(same, "{what}[{position}] is {given:?}, expected {expected:?}");
    }
}

/// The GPU to test on, or None, said aloud, where there is none: such a test counts as skipped.
pub fn gpu_or_skip(test: &str) -> Option<tensorrt_scatter::gpu::Gpu> {
    match tensorrt_scatter::gpu::Gpu::new(0) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            println!("SKIPPED: {test}: {error}");
            None
        }
    }
}
