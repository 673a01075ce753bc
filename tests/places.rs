//! Places that an addition must not leave out and that no compiler finds. `docs/CONTRIBUTING.md` names these tests.

use std::{
    collections::BTreeSet,
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
    let first_words: BTreeSet<_> =
        kernels_gpu::entry::entry_points().map(|entry| entry.name.split('_').next().unwrap()).collect();
    for word in first_words.into_iter().filter(|word| !SHARED.contains(word)) {
        let test = program("tests", &format!("{word}_emulated")).unwrap_or_default();
        let call = format!("kernels_not_run(\"{word}_\")");
        assert!(test.contains(&call), "no test asks with {call}, in tests/{word}_emulated, whether each kernel runs");
    }
}
