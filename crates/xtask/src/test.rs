//! `cargo xtask test`: all checks and tests that this machine can run.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    setup,
    step::{self, Seconds},
    tally::{self, Reasons, Tally},
    test_python, test_tools, workspace,
};

/// What to skip.
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
}

impl Group {
    fn new(name: impl Into<String>, tally: Tally) -> Self {
        Self { name: name.into(), tally, time: None }
    }
}

/// The summary: one line for each group, and one for each reason to skip tests.
#[derive(Default)]
struct Summary {
    groups: Vec<Group>,
    skips: Reasons,
}

impl Summary {
    fn add(&mut self, group: Group) {
        self.groups.push(group);
    }

    fn add_skipped(&mut self, name: &str, reason: &str) {
        self.skips.add(reason, 1, name);
        self.add(Group::new(name, Tally::SKIPPED));
    }

    fn print(&self, started: Instant) {
        println!("\nSummary, after {}:", Seconds(started.elapsed()));
        self.groups.iter().for_each(print);
        let mut reasons = self.skips.lines().peekable();
        if reasons.peek().is_some() {
            println!("\nSkipped:");
        }
        reasons.for_each(|reason| println!("  {reason}"));
    }
}

/// Runs all checks and tests, and prints what passed, failed and was skipped. The last line holds the totals.
///
/// # Errors
/// Where something cannot be installed or started. A failed test gives an exit code instead of an error, because the
/// line of the totals must be the last one.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    setup::ensure()?;
    let tools = test_tools::fetch()?;
    let mut summary = Summary::default();
    tools.missing.iter().for_each(|reason| summary.add_skipped("tools from PyPI", reason));
    check(&mut summary, "format", "fmt", &["fmt", "--all", "--", "--check"])?;
    let lints = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    check(&mut summary, "lints", "clippy", &lints)?;
    summary.add(documentation()?);
    tests(&mut summary, &tools.variables)?;
    python_tests(&mut summary, !arguments.without_torch, &tools.variables)?;

    let sum: Tally = summary.groups.iter().map(|group| group.tally).sum();
    summary.print(started);
    println!("\n{sum}");
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a check that is one of cargo's optional components.
fn check(summary: &mut Summary, name: &str, component: &str, arguments: &[&str]) -> Result<()> {
    if workspace::cargo([component, "--version"]).output().is_ok_and(|output| !output.status.success()) {
        summary.add_skipped(name, &format!("cargo {component} is not installed"));
        return Ok(());
    }
    let mut cargo = workspace::cargo([]);
    cargo.args(arguments);
    summary.add(checked(name, &format!("cargo {component}"), cargo)?);
    Ok(())
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

/// Checks the documentation of private items too: people read it in the source.
fn documentation() -> Result<Group> {
    let mut cargo = workspace::cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    cargo.env("RUSTDOCFLAGS", "--deny warnings");
    checked("documentation", "cargo doc", cargo)
}

fn tests(summary: &mut Summary, variables: &[(&'static str, PathBuf)]) -> Result<()> {
    // All tests run, even if some fail. With --show-output, passing tests print that they skipped themselves.
    let mut cargo = workspace::cargo(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    cargo.envs(variables.iter().map(|(variable, path)| (variable, path)));
    let finished = step::attempt("cargo test", cargo)?;
    let runners = tally::runners(&finished.output);
    for runner in runners.iter().filter(|runner| runner.tally != Tally::default()) {
        summary.skips.add_runner(runner);
        summary.add(Group { time: runner.time, ..Group::new(&runner.name, runner.tally) });
    }
    if !finished.status.success() {
        finished.print_output();
        if runners.iter().all(|runner| runner.tally.failed == 0) {
            summary.add(Group::new("compiling the tests", Tally::FAILED));
        }
    }
    Ok(())
}

/// A package that cannot be downloaded is a skip, not a failure. Without torch, the tests that need it are skipped;
/// without another package, all are.
fn python_tests(summary: &mut Summary, with_torch: bool, variables: &[(&'static str, PathBuf)]) -> Result<()> {
    const NAME: &str = "python/tests";
    let mut environment = test_python::environment(with_torch);
    if let (true, Err(error)) = (with_torch, &environment) {
        summary.add_skipped("torch from PyPI", &format!("{error:#}"));
        environment = test_python::environment(false);
    }
    match environment {
        Err(error) => summary.add_skipped(NAME, &format!("{error:#}")),
        Ok(python) => {
            let outcome = test_python::run(&python, variables)?;
            if outcome.tally.failed != 0 {
                outcome.finished.print_output();
            }
            outcome.skips.iter().for_each(|(reason, tests)| summary.skips.add(reason, *tests, NAME));
            summary.add(Group { time: Some(outcome.finished.time), ..Group::new(NAME, outcome.tally) });
        }
    }
    Ok(())
}

fn print(group: &Group) {
    let verdict = match group.tally {
        Tally { failed: 1.., .. } => "FAILED",
        Tally { passed: 0, .. } => "skipped",
        _ => "ok",
    };
    // Only what one would wait for.
    let time = group.time.filter(|time| *time >= Duration::from_secs(1));
    let time = time.map(|time| format!(" in {}", Seconds(time))).unwrap_or_default();
    println!("  {verdict:<8}{:<44}{}{time}", group.name, group.tally);
}
