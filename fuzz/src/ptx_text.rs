//! The text that the build reads: PTX as a compiler wrote it.

use arbitrary::Unstructured;

use crate::{choose, ptx};

/// Lines that PTX is made of, and other lines.
const LINES: [&str; 16] = [
    ".visible .entry a(",
    ".visible .entry b(",
    ".visible .entry scatter_sum_rows_quads_f32_i32(",
    ".visible .entry ",
    ".visible .entry (",
    "{",
    "}",
    "\tret;",
    "\t}",
    ")",
    ".address_size 64",
    ".version 7.0",
    "// .visible .entry comment(",
    "",
    " .visible .entry indented(",
    ".func (.reg .b32 r) helper(",
];

/// Takes a text apart as the build does. Its entry points must come back whole and sorted, and nothing may be lost.
pub fn take_apart(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut text = String::new();
    while !u.is_empty() {
        if choose::one_in(&mut u, 4) {
            text += &String::from_utf8_lossy(choose::bytes(&mut u, 40));
        } else {
            text += choose::one_of(&mut u, &LINES);
        }
        if !choose::one_in(&mut u, 16) {
            text.push('\n');
        }
    }
    let directed = ptx::with_directives(&text, |entry| entry.len() as u32);
    let Ok(module) = ptx::sorted(&directed) else { return };
    let mut names = ptx::entry_names(&directed);
    names.sort_unstable();
    assert_eq!(module.names, names);
    assert_eq!(module.text.len(), directed.len());
    assert_eq!(module.starts.len(), names.len());
    let ends = module.starts.iter().skip(1).copied().chain([module.text.len()]);
    for ((name, &start), end) in names.iter().zip(&module.starts).zip(ends) {
        let entry = &module.text[start..end];
        assert!(entry.starts_with(&format!(".visible .entry {name}")) && entry.ends_with("\n}\n"), "{entry}");
    }
    let again = ptx::sorted(&module.text).expect("what is sorted can be sorted again");
    assert_eq!((again.text, again.names, again.starts), (module.text, module.names, module.starts));
}
