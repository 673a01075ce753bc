//! Compiles the kernels to PTX, one file for each architecture, and lists their entry points.
//!
//! Written to OUT_DIR:
//! - `kernels_sm_*.ptx`: the PTX, its entry points at the end, in the order of their names.
//! - `kernels_sm_*.rs`: where in that text each entry point starts, a Rust array.
//! - `architectures.rs`: the architectures, a call of the macro `architectures!` (`src/gpu/kernels.rs`).
//! - `entry_points.rs`: the names of the entry points, each with its family's number in the table of
//!   `kernel_params::entry`; a call of the macro `entry_points!` (`src/gpu/kernel.rs`).

#[path = "build/occupancy.rs"]
mod occupancy;
#[path = "build/ptx.rs"]
mod ptx;

use std::{collections::HashMap, env, fs, path::Path, slice, thread};

use cuda_builder::{CudaBuilder, NvvmArch};
use kernel_params::entry::Part;

/// The architectures, the oldest first, and how many blocks of 256 threads every multiprocessor that runs a file's PTX
/// can hold.
///
/// TensorRT 10 and later run on Turing and newer. Ampere and Hopper add instructions of their own. A multiprocessor of
/// Turing holds 1024 threads, some newer ones 1536 (CUDA C++ Programming Guide, table of technical specifications).
const ARCHITECTURES: [(NvvmArch, u32); 3] =
    [(NvvmArch::Compute75, 4), (NvvmArch::Compute80, 6), (NvvmArch::Compute90, 6)];

fn main() {
    let out_dir = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let out_dir = Path::new(&out_dir);
    let results = thread::scope(|scope| {
        let builds = ARCHITECTURES.map(|(architecture, _)| {
            let file = out_dir.join(file(architecture));
            scope.spawn(move || CudaBuilder::new("kernels-gpu").arch(architecture).copy_to(file).build())
        });
        builds.map(|build| build.join().expect("the builder does not panic"))
    });
    let failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    // One cause, such as a missing compiler, fails all builds: print it once.
    if let Some(first) = failures.first() {
        eprintln!("{first}");
        std::process::exit(1);
    }
    if let Err(error) = list_entry_points(out_dir) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// The name of an architecture's PTX.
fn file(architecture: NvvmArch) -> String {
    format!("kernels_{architecture}.ptx")
}

/// Adds the directives to each file, sorts its entry points, and writes the lists.
fn list_entry_points(out_dir: &Path) -> Result<(), String> {
    let mut names: Option<Vec<String>> = None;
    for (architecture, most_blocks) in ARCHITECTURES {
        let path = out_dir.join(file(architecture));
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let blocks = occupancy::Blocks::of(&ptx::entry_names(&text))?;
        let module = ptx::sorted(&ptx::with_directives(&text, |entry| blocks.of_entry(entry).min(most_blocks)))?;
        match &names {
            Some(names) if *names != module.names => {
                return Err(format!("{architecture} has other entry points than {}", ARCHITECTURES[0].0));
            }
            Some(_) => {}
            None => names = Some(module.names),
        }
        write(&path, &module.text)?;
        write(&path.with_extension("rs"), &format!("{:?}", module.starts))?;
    }
    let architectures = ARCHITECTURES.map(|(architecture, _)| architecture.capability().to_string()).join(", ");
    write(&out_dir.join("architectures.rs"), &format!("architectures! {{ {architectures} }}"))?;
    let table = families();
    let mut entries = Vec::new();
    for name in names.unwrap_or_default() {
        let family = table.get(&name).ok_or_else(|| format!("{name} is in the PTX and not in kernel_params::entry"))?;
        entries.push(format!("{name}: {family}"));
    }
    if entries.len() != table.len() {
        return Err(format!("kernel_params::entry has {} names, and the PTX has {}", table.len(), entries.len()));
    }
    write(&out_dir.join("entry_points.rs"), &format!("entry_points! {{ {} }}", entries.join(", ")))
}

/// The names of all entry points, each with the number of its family.
fn families() -> HashMap<String, usize> {
    let mut names = HashMap::new();
    for (number, family) in kernel_params::entry::FAMILIES.iter().enumerate() {
        let mut of_family = vec![String::new()];
        for part in family.name {
            let values = match part {
                Part::Is(name) => slice::from_ref(name),
                Part::OneOf(suffixes) => suffixes,
            };
            of_family =
                of_family.iter().flat_map(|name| values.iter().map(move |value| format!("{name}{value}"))).collect();
        }
        names.extend(of_family.into_iter().map(|name| (name, number)));
    }
    names
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
