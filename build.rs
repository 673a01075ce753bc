//! Compiles the kernels to PTX, one file per architecture.

use std::{env, fs, path::Path, thread};

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
    for (_, file) in ARCHITECTURES {
        let path = out_dir.join(file);
        let ptx = fs::read_to_string(&path).expect("the PTX that was just made");
        fs::write(&path, directed(&ptx)).expect("OUT_DIR can be written to");
    }
}

/// PTX without comments, with what Rust has no words for: directives for its compiler.
///
/// - A block has 256 threads, and so many blocks share a multiprocessor: registers are used where they keep more loads under
///   way, and no more where that would keep threads away.
/// - Loops are not unrolled: they are written with as many loads under way as they need, and it takes a third of the time
///   that a process waits for its kernels to be compiled.
fn directed(ptx: &str) -> String {
    const ENTRY: &str = ".visible .entry ";
    let mut directed = String::new();
    let mut entry = "";
    for line in ptx.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")) {
        if let Some(start) = line.strip_prefix(ENTRY) {
            entry = start;
        }
        if line == "{" && !entry.is_empty() {
            directed += &format!(".maxntid 256, 1, 1\n.minnctapersm {}\n", blocks_per_multiprocessor(entry));
            entry = "";
        }
        directed += line;
        directed.push('\n');
        if line.starts_with(".address_size") {
            directed += ".pragma \"nounroll\";\n";
        }
    }
    directed
}

/// Four blocks of 256 threads, with 64 registers each, but for kernels that would have to keep values in memory then, on some
/// architecture (`tests/ptx.rs` asks ptxas).
fn blocks_per_multiprocessor(entry: &str) -> u32 {
    let has = |part| entry.contains(part);
    let has_positions = has("min_packs") || has("max_packs");
    // Eight columns with a position each; "bf16" has "f16" in it too.
    let is_wide = has_positions && has("f16");
    if has("sum_privatized") || has("_chunks_") && is_wide {
        2
    } else if has("combine_")
        || has("gather_csr")
        || has("gather_coo_runs")
        || has("sum_rows_quads")
        || is_wide
        || has("coo_cut") && has_positions
    {
        3
    } else {
        4
    }
}
