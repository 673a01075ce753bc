//! `gpu_tests/run.py`, with programs of shell script for test programs and for compute-sanitizer.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Lists six tests and an ignored one, and runs all of them, as a Rust test program does.
const PROGRAM: &str = r#"#!/bin/sh
case "$*" in
*--list*--ignored*) echo "left_out: test" ;;
*--list*) for test in passes errs fails breaks skips rests left_out; do echo "$test: test"; done ;;
*) [ "$TRTS_REQUIRE_GPU" = 1 ] || exit 9
   echo "test result: ok. 5 passed; 0 failed; 1 ignored" ;;
esac
"#;

/// Answers by the name of the test. The program and its arguments are the last six words of the line.
const SANITIZER: &str = r#"#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
*"--exact errs "*) echo "========= ERROR SUMMARY: 3 errors"; exit 86 ;;
*"--exact fails "*) echo "thread 'fails' panicked at x.rs"; echo "========= ERROR SUMMARY: 0 errors"; exit 101 ;;
*"--exact breaks "*) echo "========= Error: internal sanitizer error"; exit 1 ;;
*"--exact hangs "*) sleep 60 ;;
*"--exact rests "*)
   echo "test result: ok. 1 passed; 0 failed"
   echo "========= Error: Target application terminated before first instrumented API call"; exit 255 ;;
*"--exact skips "*) echo "SKIPPED: skips: too little memory"; echo "========= ERROR SUMMARY: 0 errors" ;;
*"--tool racecheck"*) echo "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)" ;;
*) echo "========= ERROR SUMMARY: 0 errors" ;;
esac
"#;

/// A folder with run.py, the programs that it runs and the sanitizer.
struct Bundle(PathBuf);

impl Bundle {
    fn new(name: &str, programs: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gpu_tests_runner").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let bundle = Self(folder);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("gpu_tests/run.py");
        fs::copy(script, bundle.0.join("run.py")).unwrap();
        let listed: Vec<_> = programs.iter().map(|(name, _)| format!("\"{name}\": \"{name}\"")).collect();
        let manifest = format!("{{\"programs\": {{{}}}, \"library\": \"library.so\"}}", listed.join(", "));
        fs::write(bundle.0.join("manifest.json"), manifest).unwrap();
        for (name, script) in programs.iter().chain(&[("compute-sanitizer", SANITIZER)]) {
            let path = bundle.0.join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        bundle
    }

    /// The exit status of run.py, and what it printed.
    fn run(&self, arguments: &str) -> (i32, String) {
        let mut python = Command::new("python3");
        python.arg(self.0.join("run.py")).args(arguments.split_whitespace()).arg("--out").arg(self.0.join("out"));
        if arguments.starts_with("sanitize") {
            python.arg("--state").arg(self.0.join("state"));
            python.arg("--sanitizer").arg(self.0.join("compute-sanitizer"));
        }
        let Output { status, stdout, stderr } = python.env("CALLS", self.0.join("calls")).output().unwrap();
        let text = String::from_utf8([stdout, stderr].concat()).unwrap();
        (status.code().unwrap(), text)
    }

    fn sanitizer_calls(&self) -> usize {
        fs::read_to_string(self.0.join("calls")).map_or(0, |calls| calls.lines().count())
    }
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no \"{part}\" in:\n{text}");
    }
}

#[test]
fn each_test_is_judged_by_the_tools_summary() {
    let bundle = Bundle::new("judged", &[("a_gpu", PROGRAM), ("beyond_32_bits_gpu", PROGRAM)]);
    let (status, text) = bundle.run("sanitize --tool memcheck");
    assert_eq!(status, 1, "{text}");
    has(
        &text,
        &[
            "did not run  beyond_32_bits_gpu",
            "memcheck, shard 1: 6 of 6 tests are to run",
            "errors       a_gpu::errs: 3 errors",
            "test failed  a_gpu::fails: exit status 101 thread 'fails' panicked",
            "tool failed  a_gpu::breaks: exit status 1: ========= Error: internal sanitizer error",
            "skipped      a_gpu::skips: skips: too little memory",
            "no GPU work  a_gpu::rests",
            "memcheck: 6 tests: 1 errors, 1 no GPU work, 1 ok, 1 skipped, 1 test failed, 1 tool failed; 0 did not run",
        ],
    );
    assert!(bundle.0.join("out/memcheck-a_gpu-errs.log").exists());
}

#[test]
fn a_later_call_goes_on_with_the_tests_that_have_not_run() {
    let program = PROGRAM.replace("errs fails breaks ", "").replace("rests ", "");
    let bundle = Bundle::new("later", &[("a_gpu", &program), ("b_gpu", &program)]);
    let (status, text) = bundle.run("sanitize --tool racecheck --only a_gpu");
    assert_eq!((status, bundle.sanitizer_calls()), (0, 2), "{text}");
    let (status, text) = bundle.run("sanitize --tool racecheck");
    assert_eq!((status, bundle.sanitizer_calls()), (0, 4), "{text}");
    has(&text, &["racecheck, shard 1: 2 of 4 tests are to run", "racecheck: 4 tests: 2 ok, 2 skipped; 0 did not run"]);
    let (status, text) = bundle.run("sanitize --tool racecheck --again");
    assert_eq!((status, bundle.sanitizer_calls()), (0, 8), "{text}");
}

#[test]
fn a_test_that_takes_too_long_is_killed() {
    let program = PROGRAM.replace("errs fails breaks skips", "hangs");
    let bundle = Bundle::new("killed", &[("a_gpu", &program)]);
    let (status, text) = bundle.run("sanitize --tool synccheck --test-seconds 1");
    assert_eq!(status, 1, "{text}");
    has(&text, &["timeout      a_gpu::hangs: killed after 1 s", "1 ok, 1 timeout; 0 did not run"]);
}

#[test]
fn what_no_time_is_left_for_is_said() {
    let program = PROGRAM.replace("passes errs fails breaks skips rests", "hangs passes");
    let bundle = Bundle::new("time", &[("a_gpu", &program)]);
    let (status, text) = bundle.run("sanitize --tool memcheck --jobs 1 --shards 1 --seconds 1 --test-seconds 600");
    assert_eq!(status, 1, "{text}");
    has(
        &text,
        &["timeout      a_gpu::hangs", "memcheck: 2 tests: 1 timeout; 1 did not run", "did not run  a_gpu::passes"],
    );
    let (status, text) = bundle.run("sanitize --tool memcheck --jobs 1 --shards 1");
    has(&text, &["memcheck: 2 tests: 1 ok, 1 timeout; 0 did not run"]);
    assert_eq!(status, 1, "the timeout of the first call is remembered:\n{text}");
}

#[test]
fn programs_run_whole_with_the_library_and_a_gpu_required() {
    let bundle = Bundle::new("plain", &[("a_gpu", PROGRAM), ("b_gpu", "#!/bin/sh\necho broken; exit 101\n")]);
    let (status, text) = bundle.run("test");
    assert_eq!(status, 1, "{text}");
    has(&text, &["ok           a_gpu in", "ok. 5 passed", "FAILED       b_gpu in", "no result", "broken"]);
    let (status, _) = bundle.run("test --only a_gpu");
    assert_eq!(status, 0);
}
