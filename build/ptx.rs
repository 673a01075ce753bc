//! PTX as text: its entry points, and the directives that Rust has no words for.

use std::collections::BTreeMap;

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
/// An entry point begins and ends in the first column, as rustc writes it. A process that uses a few entry points then
/// takes them by their starts; without the list it would have to search the text, which takes 3 to 10 ms.
///
/// # Errors
/// Says which entry point has no end, has no name that Rust could use, or is there twice.
pub fn sorted(ptx: &str) -> Result<Module, String> {
    const END: &str = "}\n";
    let (mut text, mut entries, mut open) = (String::new(), BTreeMap::new(), None);
    let mut end = 0;
    for line in ptx.split_inclusive('\n') {
        let start = end;
        end += line.len();
        if let Some(rest) = line.strip_prefix(ENTRY) {
            let name = name_of(rest);
            if !is_identifier(name) {
                return Err(format!("line \"{}\" names no entry point", line.trim_end()));
            }
            if let Some((name, _)) = open.replace((name, start)) {
                return Err(format!("the entry point {name} does not end before the next one begins"));
            }
        }
        match open {
            None => text += line,
            Some((name, start)) if line == END => {
                if entries.insert(name, &ptx[start..end]).is_some() {
                    return Err(format!("there are two entry points {name}"));
                }
                open = None;
            }
            Some(_) => {}
        }
    }
    if let Some((name, _)) = open {
        return Err(format!("the entry point {name} has no end"));
    }
    let (mut names, mut starts) = (Vec::new(), Vec::new());
    for (name, entry) in entries {
        names.push(name.to_owned());
        starts.push(text.len());
        text += entry;
    }
    Ok(Module { text, names, starts })
}

/// Whether the name can be a variant of a Rust enum.
fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// Removes comments and empty lines, and adds directives for ptxas, the compiler of PTX:
///
/// - A block has [`THREADS_PER_BLOCK`] threads, and `blocks_of` an entry point says how many blocks share a
///   multiprocessor. ptxas then gives a thread at most the registers that this number of blocks allows, and uses them
///   to keep loads in flight.
/// - Loops are not unrolled. The source of a loop already has enough loads in flight, and the kernels compile in two
///   thirds of the time.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> String {
        format!(".visible .entry {name}(\n)\n{{\n\tret;\n}}\n")
    }

    #[test]
    fn entry_points_go_to_the_end_in_the_order_of_their_names() {
        let ptx = format!(".version 7.0\n{}.global .b8 shared;\n{}", entry("second"), entry("first"));
        let module = sorted(&ptx).unwrap();
        assert_eq!(module.names, ["first", "second"]);
        assert_eq!(module.text, format!(".version 7.0\n.global .b8 shared;\n{}{}", entry("first"), entry("second")));
        assert_eq!(&module.text[module.starts[0]..module.starts[1]], entry("first"));
        assert_eq!(&module.text[module.starts[1]..], entry("second"));
    }

    #[test]
    fn what_is_no_entry_point_is_refused() {
        let refused = |ptx: &str, words: &str| {
            let error = sorted(ptx).map(|module| module.text).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused(".visible .entry a(\n{\n", "a has no end");
        refused(&format!(".visible .entry a(\n{}", entry("b")), "a does not end before");
        refused(&[entry("a"), entry("a")].concat(), "two entry points a");
        refused(&entry("3d"), "names no entry point");
        refused(&entry(""), "names no entry point");
        refused(&entry("a b"), "names no entry point");
    }

    #[test]
    fn only_the_line_of_an_entry_point_begins_one() {
        let text = "\t// .visible .entry a(\n.global .b8 text = \".visible .entry b(\";\n";
        let module = sorted(text).unwrap();
        assert_eq!((module.text.as_str(), module.names.len()), (text, 0));
    }

    #[test]
    fn directives_stand_before_the_body_of_an_entry_point() {
        let ptx = format!("// a comment\n\n.address_size 64\n{}", entry("a"));
        let directed = with_directives(&ptx, |name| if name == "a" { 3 } else { 0 });
        assert_eq!(
            directed,
            ".address_size 64\n.pragma \"nounroll\";\n.visible .entry a(\n)\n.maxntid 256, 1, 1\n.minnctapersm 3\n\
             {\n\tret;\n}\n"
        );
    }
}
