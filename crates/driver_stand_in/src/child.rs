//! Tests that run in a process of their own: a test starts its own executable again, for this test only, and does its
//! work there.

use std::{
    env,
    process::{Command, Output},
};

/// Names the environment variable that tells a process which test it was started for.
const TEST: &str = "TRTS_CHILD_TEST";

/// Whether this process was started by [`start`] for the test.
pub fn is_of(test: &str) -> bool {
    env::var_os(TEST).is_some_and(|name| name == test)
}

/// Starts the calling test executable for the test `test` only, and waits for its end. `prepare` can change the command
/// first.
///
/// # Panics
/// In a process that was started for a test. Then the test did not ask [`is_of`], or asked it by another name.
pub fn start(test: &str, prepare: impl FnOnce(&mut Command)) -> Output {
    assert!(env::var_os(TEST).is_none(), "{test} starts a process from a process that was started for a test");
    let mut command = Command::new(env::current_exe().expect("the test's own path"));
    command.args(["--exact", test, "--nocapture"]).env(TEST, test);
    prepare(&mut command);
    command.output().expect("starting the test's own executable")
}

/// Checks that the test passed in the process that [`start`] started.
///
/// # Panics
/// Where the test failed there, or no test has that name.
pub fn expect_passed(test: &str, output: &Output) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let has_passed = output.status.success() && stdout.contains("1 passed");
    assert!(has_passed, "{test} in its own process: {}\n{stdout}\n{stderr}", output.status);
}
