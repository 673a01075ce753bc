//! `cargo xtask test`: everything that can be tested on this machine.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    setup,
    step::{self, Seconds},
    tally::{self, Tally},
    test_python, test_tools, workspace,
};

/// What to leave out.
#[derive(clap::Args)]
pub struct Arguments {
    /// Do not install torch (3 GB once, with its CUDA libraries); tests of the Python package that take it are skipped
    #[arg(long)]
    without_torch: bool,
}

/// One line of the summary.
struct Group {
    name: String,
    tally: Tally,
    time: Option<Duration>,
    notes: BTreeSet<String>,
}

impl Group {
    fn new(name: impl Into<String>, tally: Tally) -> Self {
        Self { name: name.into(), tally, time: None, notes: BTreeSet::new() }
    }

    fn skipped(name: &str, note: String) -> Self {
        Self::noted(name, Tally::SKIPPED, [note])
    }

    fn noted(name: &str, tally: Tally, notes: impl IntoIterator<Item = String>) -> Self {
        Self { notes: notes.into_iter().collect(), ..Self::new(name, tally) }
    }
}

/// Runs all checks and tests, and prints what passed, failed and was skipped; the last line holds the sums.
///
/// # Errors
/// Where something could not be installed or started. A failed test is no error here, but an exit code, so that nothing is
/// printed after the sums.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    setup::ensure()?;
    let tools = test_tools::fetch()?;
    let mut groups: Vec<Group> =
        tools.missing.into_iter().map(|reason| Group::skipped("tools from PyPI", reason)).collect();
    groups.push(check("format", "fmt", &["fmt", "--all", "--", "--check"])?);
    groups.push(check("lints", "clippy", &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])?);
    groups.push(documentation()?);
    groups.extend(tests(&tools.variables)?);
    groups.extend(python_tests(!arguments.without_torch, &tools.variables)?);

    let sum: Tally = groups.iter().map(|group| group.tally).sum();
    println!("\nSummary, after {}:", Seconds(started.elapsed()));
    groups.iter().for_each(print);
    println!("\n{sum}");
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a check that is one of cargo's optional components.
fn check(name: &str, component: &str, arguments: &[&str]) -> Result<Group> {
    if workspace::cargo([component, "--version"]).output().is_ok_and(|output| !output.status.success()) {
        return Ok(Group::skipped(name, format!("cargo {component} is not installed")));
    }
    let mut cargo = workspace::cargo([]);
    cargo.args(arguments);
    checked(name, &format!("cargo {component}"), cargo)
}

fn checked(name: &str, step: &str, command: Command) -> Result<Group> {
    let finished = step::attempt(step, command)?;
    let mut group = Group::new(name, Tally::PASSED);
    if !finished.status.success() {
        finished.print_output();
        group.tally = Tally::FAILED;
    }
    group.time = Some(finished.time);
    Ok(group)
}

/// Private items too: their documentation is for who reads the source.
fn documentation() -> Result<Group> {
    let mut cargo = workspace::cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    cargo.env("RUSTDOCFLAGS", "--deny warnings");
    checked("documentation", "cargo doc", cargo)
}

fn tests(variables: &[(&'static str, PathBuf)]) -> Result<Vec<Group>> {
    // All tests run though some fail, and passing tests may say that they skipped themselves.
    let mut cargo = workspace::cargo(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    cargo.envs(variables.iter().map(|(variable, path)| (variable, path)));
    let finished = step::attempt("cargo test", cargo)?;
    let runners = tally::runners(&finished.output);
    let counted: Tally = runners.iter().map(|runner| runner.tally).sum();
    let mut groups: Vec<Group> = runners
        .into_iter()
        .filter(|runner| runner.tally != Tally::default())
        .map(|runner| Group { notes: runner.skips, ..Group::new(runner.name, runner.tally) })
        .collect();
    if !finished.status.success() {
        finished.print_output();
        if counted.failed == 0 {
            groups.push(Group::new("compiling the tests", Tally::FAILED));
        }
    }
    Ok(groups)
}

/// Packages that cannot be had are no failure of what is tested: without torch the other tests run, without the others
/// none.
fn python_tests(with_torch: bool, variables: &[(&'static str, PathBuf)]) -> Result<Vec<Group>> {
    const NAME: &str = "python/tests";
    let mut groups = Vec::new();
    let mut environment = test_python::environment(with_torch);
    if let (true, Err(error)) = (with_torch, &environment) {
        groups.push(Group::skipped("torch from PyPI", format!("{error:#}")));
        environment = test_python::environment(false);
    }
    match environment {
        Err(error) => groups.push(Group::skipped(NAME, format!("{error:#}"))),
        Ok(python) => {
            let outcome = test_python::run(&python, variables)?;
            if outcome.tally.failed != 0 {
                outcome.finished.print_output();
            }
            let time = Some(outcome.finished.time);
            groups.push(Group { time, ..Group::noted(NAME, outcome.tally, outcome.skips) });
        }
    }
    Ok(groups)
}

fn print(group: &Group) {
    let verdict = match group.tally {
        Tally { failed: 1.., .. } => "FAILED",
        Tally { passed: 0, .. } => "skipped",
        _ => "ok",
    };
    let time = group.time.map(|time| format!(" in {}", Seconds(time))).unwrap_or_default();
    println!("  {verdict:<8}{:<44}{}{time}", group.name, group.tally);
    for note in &group.notes {
        println!("            skipped: {note}");
    }
}
