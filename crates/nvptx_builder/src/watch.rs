//! Tells the outer cargo which files the PTX depends on.

use std::{
    collections::BTreeSet,
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::toolchain;

/// The files whose changes must rebuild the PTX: the sources named in cargo's dep-info at `dep_info`, the manifests of
/// the packages that they belong to, and the workspace's manifest and lock in `workspace`.
pub(crate) fn inputs(dep_info: &Path, workspace: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut files: BTreeSet<PathBuf> = sources(&fs::read_to_string(dep_info)?).collect();
    let manifests: BTreeSet<PathBuf> = files.iter().filter_map(|file| manifest_of(file)).collect();
    files.extend(manifests);
    let of_workspace = ["Cargo.toml", "Cargo.lock"].map(|name| workspace.join(name));
    files.extend(of_workspace.into_iter().filter(|file| file.exists()));
    Ok(files)
}

/// Prints the outer cargo's instructions in one write, because several builds may run side by side. Prints nothing
/// outside a build script, where nobody reads them.
pub(crate) fn print(files: impl IntoIterator<Item = PathBuf>) {
    if env::var_os("OUT_DIR").is_none() {
        return;
    }
    let mut lines = format!("cargo:rerun-if-env-changed={}\n", toolchain::RUSTC_VARIABLE);
    for file in files {
        writeln!(lines, "cargo:rerun-if-changed={}", file.display()).expect("a String grows");
    }
    // A closed pipe means that the outer cargo is gone; nobody is left to be told.
    let _ = io::stdout().lock().write_all(lines.as_bytes());
}

/// The prerequisites in a dep-info file: `target: one two\ three`, spaces within a path escaped.
fn sources(dep_info: &str) -> impl Iterator<Item = PathBuf> + '_ {
    const ESCAPED_SPACE: &str = "\0";
    dep_info.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, prerequisites)| {
        let prerequisites = prerequisites.replace("\\ ", ESCAPED_SPACE);
        let paths: Vec<PathBuf> =
            prerequisites.split_whitespace().map(|path| path.replace(ESCAPED_SPACE, " ").into()).collect();
        paths
    })
}

fn manifest_of(source: &Path) -> Option<PathBuf> {
    source.ancestors().skip(1).map(|folder| folder.join("Cargo.toml")).find(|manifest| manifest.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dep_info_lists_paths_with_spaces() {
        let dep_info = "/t/release/k.ptx: /p/src/lib.rs /p/with\\ space/tile.rs\n\n/t/release/k.d: /p/src/lib.rs\n";
        let found: BTreeSet<PathBuf> = sources(dep_info).collect();
        let expected = ["/p/src/lib.rs", "/p/with space/tile.rs"].map(PathBuf::from);
        assert_eq!(found, BTreeSet::from(expected));
    }
}
