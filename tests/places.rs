//! Places that an addition must not leave out and that no compiler finds. `docs/CONTRIBUTING.md` names these tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The operators that have kernels: a file of `src/gpu` with `steps.rs` beside it.
fn operators() -> Vec<String> {
    let folders = fs::read_dir(root("src/gpu")).unwrap().map(|entry| entry.unwrap());
    let with_steps = folders.filter(|folder| folder.path().join("steps.rs").exists());
    let mut names: Vec<_> = with_steps.map(|folder| folder.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The text of a test program, which is a file or a folder; None where there is none.
fn program(folder: &str, name: &str) -> Option<String> {
    let files = [root(folder).join(format!("{name}.rs")), root(folder).join(name).join("main.rs")];
    files.iter().find_map(|file| fs::read_to_string(file).ok())
}

#[test]
fn every_operator_has_its_tests_and_its_bench() {
    let operators = operators();
    assert!(operators.contains(&"scatter".to_owned()), "{operators:?}");
    for operator in operators {
        for kind in ["cpu", "emulated", "gpu"] {
            assert!(
                program("tests", &format!("{operator}_{kind}")).is_some(),
                "there is no tests/{operator}_{kind}.rs"
            );
        }
        assert!(program("benches", &operator).is_some(), "there is no benches/{operator}.rs");
        let manifest = fs::read_to_string(root("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{operator}\"")), "Cargo.toml lacks the bench {operator}");
    }
}

/// Kernels whose names begin so belong to several operators.
const SHARED: [&str; 2] = ["fill", "index"];

#[test]
fn the_kernels_of_every_operator_are_asked_for_in_an_emulated_test() {
    const CALL: &str = "kernels_not_run(\"";
    let entries = fs::read_dir(root("tests")).unwrap().map(|entry| entry.unwrap().path());
    let names = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let tests: String =
        names.filter(|name| name.ends_with("_emulated")).filter_map(|name| program("tests", &name)).collect();
    // Each call asks for the kernels whose names begin with what stands between its quotation marks.
    let asked_for: Vec<&str> = tests.split(CALL).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for entry in kernels_gpu::entry::entry_points() {
        let is_shared = SHARED.iter().any(|word| entry.name.starts_with(word));
        let is_asked_for = asked_for.iter().any(|prefix| !prefix.is_empty() && entry.name.starts_with(prefix));
        assert!(is_shared || is_asked_for, "no test asks with {CALL}..\") whether {} runs", entry.name);
    }
}
