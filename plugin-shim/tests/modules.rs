//! The library's modules use each other in one direction.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

mod common;

use common::skipped;

/// The text of a top-level module, without its unit tests.
fn text(path: &Path) -> String {
    if path.is_dir() {
        let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return files.filter(|file| file.file_stem().unwrap() != "tests").map(|file| text(&file)).collect();
    }
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The names that follow `crate::`, also in a group `crate::{a::B, c}`.
fn named(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            names.extend(identifier(after));
            continue;
        };
        names.extend(identifier(group));
        let mut depth = 1;
        for (position, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => names.extend(identifier(&group[position + 1..])),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// The identifier that a text starts with, after spaces.
fn identifier(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let end = text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len());
    (end != 0).then(|| &text[..end])
}

/// The modules that each top-level module of the library names.
fn uses(sources: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        texts.entry(module).or_default().push_str(&text(&path));
    }
    texts.remove("lib");
    let others = |module: &String, text: &String| {
        named(text).into_iter().filter(|name| name != module && texts.contains_key(*name)).map(str::to_owned).collect()
    };
    texts.iter().map(|(module, text)| (module.clone(), others(module, text))).collect()
}

#[test]
fn no_module_uses_itself_by_way_of_others() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    if !sources.exists() {
        return skipped("no_module_uses_itself_by_way_of_others", "the sources are not here");
    }
    let mut left = uses(&sources);
    assert!(left["plugin"].contains("operators"), "the modules' uses are not read: {left:?}");
    // Takes away the modules that use none of those left, until none or a circle is left.
    while let Some(module) = left.iter().find(|(_, used)| !used.iter().any(|other| left.contains_key(other))) {
        let module = module.0.clone();
        left.remove(&module);
    }
    assert!(left.is_empty(), "these modules, and some that use them, are in a circle: {left:?}");
}
