//! PTX as text: its entry points, and the directives that Rust has no words for.

use kernel_params::THREADS_PER_BLOCK;

/// What the line of an entry point begins with, in PTX that rustc wrote.
const ENTRY: &str = ".visible .entry ";

/// PTX with its entry points at the end, in the order of their names.
pub struct Module {
    /// The whole text.
    pub text: String,
    /// The entry points, in ascending order.
    pub names: Vec<String>,
    /// Where in the text each of them starts. It ends where the next one starts, the last one with the text.
    pub starts: Vec<usize>,
}

/// The names of the entry points, in the order of the text.
pub fn entry_names(ptx: &str) -> Vec<&str> {
    ptx.lines().filter_map(|line| line.strip_prefix(ENTRY)).map(name_of).collect()
}

/// The name in what follows [`ENTRY`].
fn name_of(entry: &str) -> &str {
    entry.split('(').next().unwrap_or_default()
}

/// Moves the entry points to the end of the text and sorts them by name. What stands between them belongs to all of
/// them.
///
/// An entry point ends with a brace in the first column, as rustc writes it. A process that uses a few entry points
/// then takes them by their starts; without the list it would have to search the text, which takes 3 to 10 ms.
pub fn sorted(ptx: &str) -> Module {
    const END: &str = "\n}\n";
    let (mut text, mut entries, mut rest) = (String::new(), Vec::new(), ptx);
    while let Some(start) = rest.find(ENTRY) {
        text += &rest[..start];
        let length = rest[start..].find(END).map_or(rest.len() - start, |end| end + END.len());
        let (entry, behind) = rest[start..].split_at(length);
        entries.push((name_of(&entry[ENTRY.len()..]), entry));
        rest = behind;
    }
    text += rest;
    entries.sort_unstable();
    let (mut names, mut starts) = (Vec::new(), Vec::new());
    for (name, entry) in entries {
        names.push(name.to_owned());
        starts.push(text.len());
        text += entry;
    }
    Module { text, names, starts }
}

/// Removes comments and empty lines, and adds directives for ptxas, the compiler of PTX:
///
/// - A block has [`THREADS_PER_BLOCK`] threads, and `blocks_of` an entry point says how many blocks share a
///   multiprocessor. ptxas then uses registers where they keep more loads in flight, and no more where they would keep
///   threads away.
/// - Loops are not unrolled. They are written with as many loads in flight as they need, and a process waits a third
///   less for its kernels to be compiled.
pub fn with_directives(ptx: &str, blocks_of: impl Fn(&str) -> u32) -> String {
    let mut directed = String::new();
    let mut entry = "";
    for line in ptx.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")) {
        if let Some(rest) = line.strip_prefix(ENTRY) {
            entry = name_of(rest);
        }
        if line == "{" && !entry.is_empty() {
            directed += &format!(".maxntid {THREADS_PER_BLOCK}, 1, 1\n.minnctapersm {}\n", blocks_of(entry));
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
