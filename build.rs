//! Compiles the kernels to PTX, one file per architecture.

use std::{env, path::Path, thread};

use cuda_builder::{CudaBuilder, NvvmArch};

/// Turing is the oldest that TensorRT 10 and later run on; Ampere and Hopper add instructions of their own.
const ARCHITECTURES: [(NvvmArch, &str); 3] = [
    (NvvmArch::Compute75, "kernels_sm_75.ptx"),
    (NvvmArch::Compute80, "kernels_sm_80.ptx"),
    (NvvmArch::Compute90, "kernels_sm_90.ptx"),
];

fn main() {
    let out_dir = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let out_dir = Path::new(&out_dir);
    let results = thread::scope(|scope| {
        let builds = ARCHITECTURES.map(|(architecture, file)| {
            scope.spawn(move || CudaBuilder::new("kernels-gpu").arch(architecture).copy_to(out_dir.join(file)).build())
        });
        builds.map(|build| build.join().expect("the builder does not panic"))
    });
    let failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    // One cause, such as a missing compiler, fails all three alike: said once.
    if let Some(first) = failures.first() {
        eprintln!("{first}");
        std::process::exit(1);
    }
}
