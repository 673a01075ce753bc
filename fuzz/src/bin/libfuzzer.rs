//! A target under libFuzzer; the environment variable TRTS_FUZZ_TARGET names it. `cargo xtask fuzz` builds and runs
//! this.

#![no_main]

use std::{env, sync::OnceLock};

use fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = env::var("TRTS_FUZZ_TARGET").unwrap_or_default();
        fuzz::target(&name).unwrap_or_else(|| {
            panic!("TRTS_FUZZ_TARGET is \"{name}\"; expected one of {:?}", TARGETS.map(|(name, _)| name))
        })
    });
    target(data);
});
