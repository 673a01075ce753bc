//! `cargo xtask fuzz`: one fuzz target for some time, under libFuzzer and AddressSanitizer, on the stable compiler.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    setup,
    step::{self, Seconds},
    test_python, workspace,
};

/// What to run.
#[derive(clap::Args)]
pub struct Arguments {
    /// The target; without one, all are listed
    target: Option<String>,
    /// How long to run
    #[arg(long, default_value = "60")]
    seconds: u64,
    /// Then add the inputs that reach new code to the corpus in the repository
    #[arg(long)]
    merge: bool,
}

/// The target whose inputs are ONNX models: it is written in Python.
const CONVERT: &str = "convert";
const CONVERT_SCRIPT: &str = "python/tests/fuzz_convert.py";

/// The longest run of one process. The test host never frees some small objects, and they must not fill the memory.
const ROUND: Duration = Duration::from_secs(120);

/// The compiler's options that tell libFuzzer which branches an input takes: those of cargo-fuzz without the sanitizer.
const COVERAGE: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Stable compilers take it where RUSTC_BOOTSTRAP is 1.
const SANITIZER: &str = "-Zsanitizer=address";

/// Runs a target, or lists all. Exits with failure where an input was found that fails.
///
/// # Errors
/// Where there is no such target, or something cannot be installed, built or started.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let known = targets()?;
    let Some(target) = &arguments.target else {
        println!("{}", known.join("\n"));
        return Ok(ExitCode::SUCCESS);
    };
    ensure!(known.contains(target), "there is no target {target}; expected one of {}", known.join(", "));
    if target == CONVERT {
        ensure!(!arguments.merge, "{CONVERT} is not run by libFuzzer, which merges");
        return fuzz_convert(arguments.seconds);
    }
    setup::ensure()?;
    let program = build()?;
    let (seeds, found) = (corpus(target), folder()?.join("corpus").join(target));
    fs::create_dir_all(&found).with_context(|| format!("{} cannot be made", found.display()))?;
    let deadline = Instant::now() + Duration::from_secs(arguments.seconds);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left < Duration::from_secs(1) {
            break;
        }
        let round = left.min(ROUND).as_secs();
        let mut fuzzer = libfuzzer(&program, target);
        fuzzer.arg(format!("-max_total_time={round}"));
        // What fails is kept with the seeds, so that `cargo xtask test` runs it from then on.
        fuzzer.arg(format!("-artifact_prefix={}/", seeds.display())).args([&found, &seeds]);
        let finished = step::attempt(&format!("fuzz {target} for {round} s, {} left", Seconds(left)), fuzzer)?;
        if !finished.status.success() {
            finished.print_output();
            say_how_to_replay(target, &finished.output);
            return Ok(ExitCode::FAILURE);
        }
        let stats = finished.output.lines().rfind(|line| line.contains(" cov: ")).unwrap_or("no statistics");
        println!("  {}", stats.trim());
    }
    if arguments.merge {
        let mut merge = libfuzzer(&program, target);
        merge.arg("-set_cover_merge=1").args([&seeds, &found]);
        step::run(&format!("merge what was found into {}", seeds.display()), merge)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn libfuzzer(program: &Path, target: &str) -> Command {
    let mut fuzzer = Command::new(program);
    // Messages of the library go to the standard error stream, which is closed; libFuzzer's own go past it.
    fuzzer.args(["-max_len=600", "-len_control=10", "-timeout=20", "-rss_limit_mb=4096", "-close_fd_mask=2"]);
    fuzzer.env("TRTS_FUZZ_TARGET", target);
    fuzzer.env("ASAN_OPTIONS", "detect_leaks=0:allocator_may_return_null=1");
    fuzzer
}

fn say_how_to_replay(target: &str, output: &str) {
    let written = output.lines().rev().find_map(|line| line.split("Test unit written to ").nth(1));
    match written {
        Some(input) => println!(
            "\nThis input fails: {input}\nReplay it: TRTS_FUZZ_INPUT={input} cargo test --package fuzz --test replay \
             {target} -- --exact --nocapture"
        ),
        None => println!("\n{target} failed without an input"),
    }
}

/// The folder of inputs that are kept in the repository.
fn corpus(target: &str) -> PathBuf {
    workspace::root().join("fuzz/corpus").join(target)
}

/// Where fuzzing builds, and keeps what it finds from run to run.
fn folder() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("fuzz"))
}

/// The targets: each has a corpus, and the one in Python has a script.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/corpus");
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut names =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<Vec<_>>>()?;
    if workspace::root().join(CONVERT_SCRIPT).exists() {
        names.push(CONVERT.to_owned());
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Builds the targets with libFuzzer, in a folder of their own. The variable that lets a stable compiler take the
/// sanitizer would otherwise make the build scripts of other builds run again.
fn build() -> Result<PathBuf> {
    let folder = folder()?;
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    // The kernels are the same: they are compiled once for both folders.
    let kernels = workspace::target_dir()?.join("nvptx");
    fs::create_dir_all(&kernels).with_context(|| format!("{} cannot be made", kernels.display()))?;
    if !folder.join("nvptx").exists() {
        symlink(&kernels, folder.join("nvptx")).context("the kernels' folder cannot be linked")?;
    }
    let host = host()?;
    let mut cargo = workspace::cargo(["build", "--package=fuzz", "--features=libfuzzer", "--bin=fuzz"]);
    // With a target named, build scripts and macros are compiled without the flags.
    cargo.arg(format!("--target={host}")).arg("--target-dir").arg(&folder);
    let flags: Vec<&str> = COVERAGE.into_iter().chain([SANITIZER]).collect();
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", flags.join(" "));
    cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    step::run("compile the fuzz targets", cargo)?;
    Ok(folder.join(host).join("debug/fuzz"))
}

/// The triple that rustc compiles for by itself.
fn host() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("rustc could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV does not say its host:\n{text}"),
    }
}

/// Runs the script, which changes models at random.
fn fuzz_convert(seconds: u64) -> Result<ExitCode> {
    let mut python = Command::new(test_python::environment(false)?);
    python.arg(CONVERT_SCRIPT).arg("--seconds").arg(seconds.to_string());
    python.arg("--corpus").arg(corpus(CONVERT)).current_dir(workspace::root());
    let finished = step::attempt(&format!("fuzz {CONVERT} for {seconds} s"), python)?;
    finished.print_output();
    Ok(if finished.status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
