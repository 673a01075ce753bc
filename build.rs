//! Compiles the kernels to PTX, one file per architecture, each with a list of where its kernels are.

use std::{env, fs, path::Path, thread};

use cuda_builder::{CudaBuilder, NvvmArch};

/// Turing is the oldest that TensorRT 10 and later run on; Ampere and Hopper add instructions of their own. The number is of the
/// blocks of 256 threads that every multiprocessor runs for which a file's PTX is compiled: Turing's has 1024 threads, some that
/// came later 1536 (CUDA C++ Programming Guide, table of technical specifications).
const ARCHITECTURES: [(NvvmArch, &str, u32); 3] = [
    (NvvmArch::Compute75, "kernels_sm_75.ptx", 4),
    (NvvmArch::Compute80, "kernels_sm_80.ptx", 6),
    (NvvmArch::Compute90, "kernels_sm_90.ptx", 6),
];

fn main() {
    let out_dir = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let out_dir = Path::new(&out_dir);
    let results = thread::scope(|scope| {
        let builds = ARCHITECTURES.map(|(architecture, file, _)| {
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
    for (_, file, most_blocks) in ARCHITECTURES {
        let path = out_dir.join(file);
        let ptx = fs::read_to_string(&path).expect("the PTX that was just made");
        let (ptx, list) = listed(&directed(&ptx, most_blocks));
        fs::write(&path, ptx).expect("OUT_DIR can be written to");
        fs::write(path.with_extension("rs"), list).expect("OUT_DIR can be written to");
    }
}

const ENTRY: &str = ".visible .entry ";

/// PTX with its entry points at the end, in the order of their names; and as a Rust expression a list of these names, each with
/// where its entry point starts, which ends where the next one starts. Taken apart now, it need not be in each process that
/// wants a few of them, which would take it 3 to 10 ms.
///
/// An entry point ends with a brace in the first column: so rustc writes it. Everything between them is for all of them.
fn listed(ptx: &str) -> (String, String) {
    const END: &str = "\n}\n";
    let (mut text, mut entries, mut rest) = (String::new(), Vec::new(), ptx);
    while let Some(start) = rest.find(ENTRY) {
        text += &rest[..start];
        let length = rest[start..].find(END).map_or(rest.len() - start, |end| end + END.len());
        let (entry, behind) = rest[start..].split_at(length);
        let name = entry[ENTRY.len()..].split('(').next().unwrap_or_default();
        entries.push((name, entry));
        rest = behind;
    }
    text += rest;
    entries.sort_unstable();
    let mut list = String::from("&[");
    for (name, entry) in entries {
        list += &format!("({name:?}, {}),", text.len());
        text += entry;
    }
    (text, list + "]")
}

/// PTX without comments, with what Rust has no words for: directives for its compiler.
///
/// - A block has 256 threads, and so many blocks share a multiprocessor: registers are used where they keep more loads under
///   way, and no more where that would keep threads away.
/// - Loops are not unrolled: they are written with as many loads under way as they need, and it takes a third of the time
///   that a process waits for its kernels to be compiled.
fn directed(ptx: &str, most_blocks: u32) -> String {
    let mut directed = String::new();
    let mut entry = "";
    for line in ptx.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")) {
        if let Some(start) = line.strip_prefix(ENTRY) {
            entry = start;
        }
        if line == "{" && !entry.is_empty() {
            let blocks = blocks_per_multiprocessor(entry).min(most_blocks);
            directed += &format!(".maxntid 256, 1, 1\n.minnctapersm {blocks}\n");
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

/// Four blocks of 256 threads, with up to 64 registers each, but for some kernels: three or two where they would have to keep values
/// in memory else, on some architecture (`tests/ptx.rs` asks ptxas); five or six where fewer registers do, and more threads
/// have more loads under way.
///
/// That makes the gathers of chunks below 16 bytes up to 20 % faster by an index and 12 % by an indptr, sums of single columns by an
/// indptr up to 7 %. Other segment kernels are slower, up to twice, because ptxas has loads wait for each other before it runs out
/// of registers. (segment_coo of short segments is 4 to 13 % faster with six, H100, but keeps values in memory on sm_120.)
fn blocks_per_multiprocessor(entry: &str) -> u32 {
    let has = |part| entry.contains(part);
    let has_positions = has("min_packs") || has("max_packs");
    // Eight columns with a position each; "bf16" has "f16" in it too.
    let is_wide = has_positions && has("f16");
    let is_gather_of = |kernel| entry.starts_with(kernel) && !entry.starts_with(&format!("{kernel}16"));
    if has("sum_privatized") || has("_chunks_") && is_wide {
        2
    } else if is_gather_of("gather_coo_short_") {
        6
    } else if is_gather_of("gather_csr_short_") || has("segment_csr") && has("sum_columns") {
        5
    } else if has("combine_") || has("gather_csr") || has("gather_coo_runs") || has("sum_rows_quads") || is_wide {
        3
    } else {
        4
    }
}
