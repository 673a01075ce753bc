//! Lets the plugin library's test host, which is made for test programs, be compiled as part of a library.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo sets this variable for test programs only.
    let folder = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    println!("cargo::rustc-env=CARGO_TARGET_TMPDIR={folder}");
}
