//! A process that makes calls of TensorRT and the library, `programs/doors.c`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::common::{library_path, skipped};

pub struct Output {
    pub stdout: String,
    pub stderr: String,
}

/// Compiles a program of `programs/`.
pub fn compile(source: &str, to: &Path, options: &[String]) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let compiled = Command::new(compiler())
        .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror"])
        .args(options)
        .arg(sources.join(source))
        .args(["-ldl", "-o"])
        .arg(to)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

fn compiler() -> String {
    env::var("CC").unwrap_or_else(|_| "cc".to_owned())
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("doors");
        compile("doors.c", &program, &[]);
        program
    })
}

/// The path of the plugin library. None, with a printed reason, if there is no C compiler or the sources are not here.
pub fn plugins(test: &str) -> Option<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    if !sources.exists() || Command::new(compiler()).arg("--version").output().is_err() {
        skipped(test, &format!("there is no C compiler, {}, or the sources are not here", compiler()));
        return None;
    }
    Some(library_path().to_str().unwrap().to_owned())
}

/// A copy of a library, which is another library to the loader.
pub fn copy(library: &str, name: &str) -> String {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.so"));
    fs::copy(library, &copy).unwrap();
    copy.to_str().unwrap().to_owned()
}

/// Makes the calls in `doors` in a process of its own, which must end with success. `paths` has the path of each name
/// in `doors`.
#[track_caller]
pub fn run(doors: &str, paths: &[(&str, &str)]) -> Output {
    let words = doors.split_whitespace();
    let path_of = |word| paths.iter().find_map(|&(name, path)| (name == word).then_some(path)).unwrap_or(word);
    let output = Command::new(program()).args(words.map(path_of)).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{}: {stdout}{stderr}", output.status);
    Output { stdout, stderr }
}
