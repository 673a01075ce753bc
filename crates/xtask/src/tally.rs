//! Counts tests from what test runners print.

use std::{
    collections::BTreeMap,
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
    time::Duration,
};

/// How many tests passed, failed and were skipped. Displays as the summary's last line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Tally {
    pub const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The tests of one program or of one crate's documentation.
#[derive(Debug, PartialEq, Eq)]
pub struct Runner {
    /// `tests/scatter_cpu.rs`, `unit tests of cuda_std`, `Doc-tests cuda_std`.
    pub name: String,
    pub tally: Tally,
    /// The reason of each test that found at run time that this machine cannot run it.
    pub skips: BTreeMap<String, String>,
    /// How long it took, if the runner printed its result.
    pub time: Option<Duration>,
}

impl Runner {
    fn new(name: String) -> Self {
        Self { name, tally: Tally::default(), skips: BTreeMap::new(), time: None }
    }

    /// Moves the skipped tests from the passed ones: Rust's test runner counts a test that skips itself as passed.
    fn finish(&mut self, result: Tally, time: Duration) {
        let moved = self.skips.len().min(result.passed);
        self.tally += Tally { passed: result.passed - moved, skipped: result.skipped + moved, ..result };
        self.time = Some(time);
    }
}

/// Reads the output of `cargo test -- --show-output`.
///
/// A runner that ends without its result counts as one failure.
pub fn runners(output: &str) -> Vec<Runner> {
    let mut runners: Vec<Runner> = Vec::new();
    for line in output.lines().map(str::trim) {
        if let Some(name) = runner_name(line) {
            runners.push(Runner::new(name));
        }
        let Some(runner) = runners.last_mut() else { continue };
        if let Some(skip) = line.strip_prefix("SKIPPED: ") {
            let (test, reason) = skip.split_once(": ").unwrap_or((skip, "no reason given"));
            runner.skips.insert(test.to_owned(), reason.to_owned());
        } else if let Some(result) = line.strip_prefix("test result: ") {
            runner.finish(parse_result(result), parse_time(result));
        }
    }
    for runner in runners.iter_mut().filter(|runner| runner.time.is_none()) {
        runner.tally += Tally::FAILED;
    }
    runners
}

/// The name in `Running tests/scatter_cpu.rs (target/debug/deps/scatter_cpu-0123)` or `Doc-tests cuda_std`. Unit tests
/// lie in `src/lib.rs` in every crate, so their runner gets the name of the program.
fn runner_name(line: &str) -> Option<String> {
    let Some(program) = line.strip_prefix("Running ") else {
        return line.starts_with("Doc-tests ").then(|| line.to_owned());
    };
    let (source, path) = program.split_once(" (")?;
    if !source.starts_with("unittests ") {
        return Some(source.to_owned());
    }
    let (krate, _hash) = path.rsplit('/').next()?.rsplit_once('-')?;
    Some(format!("unit tests of {krate}"))
}

/// The counts in `ok. 3 passed; 0 failed; 1 ignored; …`.
fn parse_result(result: &str) -> Tally {
    let count = |what: &str| {
        let counts = result.split([';', '.']).map(str::trim);
        let mut matching = counts.filter_map(|part| part.strip_suffix(what)?.trim().parse().ok());
        matching.next().unwrap_or(0)
    };
    Tally { passed: count("passed"), failed: count("failed"), skipped: count("ignored") }
}

/// The time in `ok. 3 passed; …; finished in 115.19s`. Zero where the line has none.
fn parse_time(result: &str) -> Duration {
    let seconds = result.rsplit_once("finished in ").and_then(|(_, time)| time.strip_suffix('s')?.parse().ok());
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default()
}

/// The counts in pytest's last line, `== 1 failed, 27 passed, 63 skipped in 2.09s ==`; None where pytest did not print
/// it.
pub fn pytest(output: &str) -> Option<Tally> {
    let summary = output.lines().rev().map(|line| line.trim_matches(['=', ' '])).find(|line| !line.is_empty())?;
    let (counts, _time) = summary.rsplit_once(" in ")?;
    let mut tally = Tally::default();
    for count in counts.split(", ") {
        let (number, what) = count.split_once(' ')?;
        let number: usize = number.parse().ok()?;
        match what {
            "passed" => tally.passed += number,
            "skipped" => tally.skipped += number,
            "failed" | "error" | "errors" => tally.failed += number,
            // These are not tests, but for example warnings.
            _ => {}
        }
    }
    Some(tally)
}

/// Each reason in pytest's lines `SKIPPED [36] python/tests/test_oracle.py:65: no such module`, with its number of
/// tests.
pub fn pytest_skips(output: &str) -> Vec<(String, usize)> {
    let skips = output.lines().filter_map(|line| {
        let (count, place_and_reason) = line.strip_prefix("SKIPPED [")?.split_once("] ")?;
        Some((place_and_reason.split_once(": ")?.1.to_owned(), count.parse::<usize>().ok()?))
    });
    let mut counts = BTreeMap::new();
    skips.for_each(|(reason, count)| *counts.entry(reason).or_insert(0) += count);
    counts.into_iter().collect()
}

/// The reasons for skips in all runners, each with its number of tests and runners. Many tests have the same reason,
/// such as a missing GPU.
#[derive(Default)]
pub struct Reasons(BTreeMap<String, Reason>);

#[derive(Default)]
struct Reason {
    tests: usize,
    runners: usize,
    /// One of the tests: `test in runner`, or the runner where it names no test.
    example: String,
}

impl Reasons {
    /// Adds what a runner of `cargo test` skipped.
    pub fn add_runner(&mut self, runner: &Runner) {
        let mut counts: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        runner.skips.iter().for_each(|(test, reason)| counts.entry(reason).or_insert((0, test)).0 += 1);
        for (reason, (tests, test)) in counts {
            self.add(reason, tests, &format!("{test} in {}", runner.name));
        }
    }

    /// Adds the reason for which `tests` tests of one runner were skipped.
    pub fn add(&mut self, reason: &str, tests: usize, example: &str) {
        let known = self.0.entry(reason.to_owned()).or_default();
        known.tests += tests;
        known.runners += 1;
        example.clone_into(&mut known.example);
    }

    /// One line for each reason.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(reason, counts)| match counts {
            Reason { tests: 1, example, .. } => format!("{reason}: {example}"),
            Reason { tests, runners: 1, example } => {
                let runner = example.rsplit(" in ").next().unwrap_or(example);
                format!("{reason}: {tests} tests in {runner}")
            }
            Reason { tests, runners, .. } => format!("{reason}: {tests} tests in {runners} runners"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
   Compiling tensorrt-scatter v0.1.0
     Running unittests src/lib.rs (target/debug/deps/tensorrt_scatter-0123)

running 3 tests
test shape::tests::volume ... ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/scatter_gpu.rs (target/debug/deps/scatter_gpu-0123)
test sums ... ok
test maxima ... FAILED

---- sums stdout ----
SKIPPED: sums: no CUDA device
SKIPPED: sums: no CUDA device
SKIPPED: means: no CUDA device

test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 115.19s

   Doc-tests cuda_std
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

    #[test]
    fn results_skips_and_ignored_tests_are_counted_by_runner() {
        let runners = runners(OUTPUT);
        let names: Vec<_> = runners.iter().map(|runner| runner.name.as_str()).collect();
        assert_eq!(names, ["unit tests of tensorrt_scatter", "tests/scatter_gpu.rs", "Doc-tests cuda_std"]);
        assert_eq!(runners[0].tally, Tally { passed: 2, failed: 0, skipped: 1 });
        assert_eq!(runners[1].tally, Tally { passed: 1, failed: 1, skipped: 2 });
        assert_eq!(runners[1].time, Some(Duration::from_millis(115_190)));
        let all: Tally = runners.iter().map(|runner| runner.tally).sum();
        assert_eq!(all.to_string(), "7 passed, 1 failed, 3 skipped");
    }

    #[test]
    fn pytests_errors_are_failures_and_its_skips_have_reasons() {
        let output = "
SKIPPED [36] python/tests/test_oracle.py:65: could not import 'torch': No module named 'torch'
SKIPPED [9] python/tests/test_oracle.py:65: JAX finds no cuda device
SKIPPED [2] python/tests/test_arrays.py:7: JAX finds no cuda device
=== 1 failed, 27 passed, 47 skipped, 3 warnings, 2 errors in 62.09s (0:01:02) ===
";
        assert_eq!(pytest(output), Some(Tally { passed: 27, failed: 3, skipped: 47 }));
        let torch = "could not import 'torch': No module named 'torch'";
        assert_eq!(pytest_skips(output), [("JAX finds no cuda device".to_owned(), 11), (torch.to_owned(), 36)]);
        assert_eq!(pytest("ImportError while loading conftest"), None);
    }

    #[test]
    fn a_reason_that_many_tests_share_is_one_line() {
        let output = "
     Running tests/scatter_gpu.rs (target/debug/deps/scatter_gpu-0123)
SKIPPED: sums: no GPU: there is no libcuda.so.1
SKIPPED: means: no GPU: there is no libcuda.so.1
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
     Running tests/gather_gpu.rs (target/debug/deps/gather_gpu-0123)
SKIPPED: rows: no GPU: there is no libcuda.so.1
SKIPPED: large: 5 bytes are needed
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";
        let mut reasons = Reasons::default();
        runners(output).iter().for_each(|runner| reasons.add_runner(runner));
        reasons.add("JAX finds no cuda device", 11, "python/tests");
        let lines: Vec<_> = reasons.lines().collect();
        assert_eq!(
            lines,
            [
                "5 bytes are needed: large in tests/gather_gpu.rs",
                "JAX finds no cuda device: 11 tests in python/tests",
                "no GPU: there is no libcuda.so.1: 3 tests in 2 runners",
            ]
        );
    }

    #[test]
    fn a_runner_that_breaks_off_has_failed() {
        let runners = runners("     Running tests/plugin.rs (deps/plugin-0123)\nrunning 2 tests\ntest a ... ok\n");
        assert_eq!(runners[0].tally, Tally::FAILED);
    }
}
