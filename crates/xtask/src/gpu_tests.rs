//! `cargo xtask gpu-bundle` and `cargo xtask sanitize`: the GPU tests on another machine, and under compute-sanitizer.
//!
//! GPU tests are those of the test targets that ask for a GPU. `gpu_tests/run.py` runs them; it needs Python alone, so
//! that it also runs on a machine that has no Rust.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    setup,
    step::{self, Seconds},
    workspace,
};

/// The tests of the rule for skipping, which need no GPU.
const RULE: &str = "gpu_rule";

const RUNNER: &str = include_str!("../gpu_tests/run.py");

/// Where to write the tests.
#[derive(clap::Args)]
pub struct BundleArguments {
    /// The folder to write run.py, manifest.json and tests.tar.xz to
    folder: PathBuf,
    /// Build the tests with optimisations
    #[arg(long)]
    release: bool,
}

/// What to run.
#[derive(clap::Args)]
pub struct SanitizeArguments {
    /// Run nothing; write the tests and run.py to this folder, for a machine that has a GPU and no Rust
    #[arg(long, value_name = "FOLDER")]
    bundle: Option<PathBuf>,
    /// Build the tests with optimisations
    #[arg(long)]
    release: bool,
    /// Arguments of run.py's sanitize command, such as --tool memcheck or --shards 1
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Writes a folder with the GPU tests and a script that runs them on a machine without Rust.
///
/// # Errors
/// Where something cannot be installed, built or written.
pub fn bundle(arguments: &BundleArguments) -> Result<()> {
    setup::ensure()?;
    write_bundle(&build(arguments.release)?, &arguments.folder)
}

/// Runs the GPU tests under compute-sanitizer's four tools.
///
/// # Errors
/// Where something cannot be installed, built or started. An error that a tool finds is no error here, but an exit
/// code.
pub fn sanitize(arguments: &SanitizeArguments) -> Result<ExitCode> {
    setup::ensure()?;
    let built = build(arguments.release)?;
    if let Some(folder) = &arguments.bundle {
        write_bundle(&built, folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = workspace::target_dir()?.join("gpu-tests");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    write_runner(&folder, &built.programs, &built.library)?;
    let mut python = Command::new("python3");
    python.arg(folder.join("run.py")).arg("sanitize").arg("--out").arg(folder.join("logs")).args(&arguments.rest);
    let status = python.status().context("python3 could not be started")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The GPU tests as cargo built them.
#[derive(Debug, PartialEq)]
struct Built {
    /// Each program by the name of its target.
    programs: BTreeMap<String, PathBuf>,
    library: PathBuf,
}

fn build(release: bool) -> Result<Built> {
    let targets = targets()?;
    // The whole workspace, as `cargo test` is run, so that both choose the same features and share what they compile.
    let mut cargo = workspace::cargo(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
    targets.iter().for_each(|target| {
        cargo.args(["--test", target]);
    });
    if release {
        cargo.arg("--release");
    }
    let finished = step::run("compile the GPU tests", cargo)?;
    let built = built(&finished.output, &targets)?;
    ensure!(built.programs.len() == targets.len(), "cargo built {:?} of {targets:?}", built.programs.keys());
    Ok(built)
}

/// The test targets whose main files ask for a GPU.
fn targets() -> Result<BTreeSet<String>> {
    let mut targets = BTreeSet::new();
    for folder in ["tests", "plugin-shim/tests"] {
        for entry in fs::read_dir(workspace::root().join(folder))? {
            let path = entry?.path();
            let main = if path.is_dir() { path.join("main.rs") } else { path.clone() };
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if name != RULE && fs::read_to_string(main).is_ok_and(|text| text.contains("gpu_or_skip(")) {
                targets.insert(name);
            }
        }
    }
    Ok(targets)
}

/// Reads cargo's messages: one JSON object a line.
fn built(output: &str, targets: &BTreeSet<String>) -> Result<Built> {
    let (mut programs, mut library) = (BTreeMap::new(), None);
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line).with_context(|| format!("cargo wrote no JSON: {line}"))?;
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        let name = message["target"]["name"].as_str().unwrap_or_default();
        if let Some(executable) = message["executable"].as_str() {
            if targets.contains(name) {
                programs.insert(name.to_owned(), executable.into());
            }
        } else if name == "tensorrt_scatter_plugin" {
            let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
            library = files.map(PathBuf::from).find(|file| file.extension().is_some_and(|end| end == "so")).or(library);
        }
    }
    let library = library.context("cargo built no plugin library")?;
    Ok(Built { programs, library })
}

fn write_bundle(built: &Built, folder: &Path) -> Result<()> {
    let files = folder.join("files");
    fs::create_dir_all(files.join("bin")).with_context(|| format!("{} cannot be made", files.display()))?;
    let mut programs = BTreeMap::new();
    for (name, program) in &built.programs {
        let path = Path::new("bin").join(name);
        strip(program, &files.join(&path))?;
        programs.insert(name.clone(), path);
    }
    let library = Path::new("bin").join(built.library.file_name().context("a library has a name")?);
    strip(&built.library, &files.join(&library))?;
    write_runner(folder, &programs, &library)?;
    let archive = folder.join("tests.tar.xz");
    let mut tar = Command::new("tar");
    // Every program holds the same kernels: the compressor looks far enough back to find the ones before.
    tar.env("XZ_OPT", "--lzma2=preset=2,dict=512MiB");
    tar.arg("--create").arg("--xz").arg("--file").arg(&archive).arg("--directory").arg(&files).arg("bin");
    let finished = step::run("pack the tests", tar)?;
    fs::remove_dir_all(&files).with_context(|| format!("{} cannot be removed", files.display()))?;
    let bytes = fs::metadata(&archive)?.len();
    println!(
        "{} programs in {} ({:.1} MiB, packed in {}). On the other machine:\n  \
         python3 {name}/run.py test\n  python3 {name}/run.py sanitize --tool memcheck --shards 1",
        built.programs.len(),
        archive.display(),
        bytes as f64 / f64::from(1 << 20),
        Seconds(finished.time),
        name = folder.file_name().unwrap_or_default().display(),
    );
    Ok(())
}

fn strip(from: &Path, to: &Path) -> Result<()> {
    let mut strip = Command::new("strip");
    strip.arg("--strip-all").arg("-o").arg(to).arg(from);
    let output = strip.output().context("strip (of binutils) could not be started")?;
    if !output.status.success() {
        bail!("strip {}: {}", from.display(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn write_runner(folder: &Path, programs: &BTreeMap<String, PathBuf>, library: &Path) -> Result<()> {
    let manifest = json!({ "programs": programs, "library": library });
    let runner = folder.join("run.py");
    for (file, text) in [(&runner, RUNNER), (&folder.join("manifest.json"), &manifest.to_string())] {
        fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    fs::set_permissions(&runner, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_library_are_found_in_cargos_messages() {
        let output = r#"   Compiling tensorrt-scatter v0.1.0
{"reason":"compiler-artifact","target":{"name":"half","kind":["lib"]},"filenames":["/t/libhalf.rlib"],"executable":null}
{"reason":"compiler-artifact","target":{"name":"tensorrt_scatter_plugin"},"filenames":["/t/libp.so"],"executable":null}
{"reason":"compiler-artifact","target":{"name":"scatter_gpu"},"filenames":["/t/s-1"],"executable":"/t/s-1"}
{"reason":"build-finished","success":true}
    Finished `test` profile
"#;
        let programs = BTreeMap::from([("scatter_gpu".to_owned(), "/t/s-1".into())]);
        let targets = BTreeSet::from(["scatter_gpu".to_owned()]);
        assert_eq!(built(output, &targets).unwrap(), Built { programs, library: "/t/libp.so".into() });
        assert!(built("", &targets).unwrap_err().to_string().contains("library"));
    }

    #[test]
    fn targets_ask_for_a_gpu_by_a_file_or_by_a_folder() {
        let targets = targets().unwrap();
        for name in ["scatter_gpu", "oracle", "beyond_32_bits_gpu", "enqueue_on_gpu"] {
            assert!(targets.contains(name), "{targets:?}");
        }
        assert!(!targets.contains("scatter_cpu") && !targets.contains(RULE), "{targets:?}");
    }
}
