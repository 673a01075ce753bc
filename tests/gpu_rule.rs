//! The rule for skipping GPU tests, with drivers that the test chooses. Each needs a process of its own, because a
//! process looks for its driver once.

mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use driver_stand_in::child;
use support::{gpu::absence, gpu_or_skip};

#[test]
fn a_driver_without_devices_skips() {
    let Some(question) = Question::of("a_driver_without_devices_skips") else { return };
    for answers in [&[("STAND_IN_INIT", "100")][..], &[("STAND_IN_DEVICES", "0")]] {
        let (passed, text) = question.ask(answers);
        assert!(
            passed && text.contains("SKIPPED: a_driver_without_devices_skips: no GPU: the driver finds no device"),
            "{text}"
        );
    }
}

#[test]
fn a_skip_fails_where_a_gpu_is_required() {
    let Some(question) = Question::of("a_skip_fails_where_a_gpu_is_required") else { return };
    for answers in [("STAND_IN_INIT", "100"), ("STAND_IN_DEVICES", "0")] {
        let (passed, text) = question.ask(&[answers, ("TRTS_REQUIRE_GPU", "1")]);
        assert!(!passed && text.contains("TRTS_REQUIRE_GPU is 1, but this machine has no GPU"), "{text}");
    }
}

#[test]
fn a_device_that_refuses_fails() {
    let Some(question) = Question::of("a_device_that_refuses_fails") else { return };
    // CUDA_ERROR_OUT_OF_MEMORY and CUDA_ERROR_UNKNOWN.
    for refusal in ["2", "999"] {
        let (passed, text) = question.ask(&[("STAND_IN_DEVICES", "1"), ("STAND_IN_CONTEXT", refusal)]);
        assert!(!passed && text.contains("this machine has a GPU, but it cannot be used"), "{text}");
    }
}

#[test]
fn a_driver_that_does_not_start_fails_where_device_files_are() {
    let Some(question) = Question::of("a_driver_that_does_not_start_fails_where_device_files_are") else { return };
    let (passed, text) = question.ask(&[("STAND_IN_INIT", "999"), ("STAND_IN_DEVICES", "1")]);
    if ["/dev/nvidiactl", "/dev/dxg", "/dev/nvmap"].iter().any(|file| Path::new(file).exists()) {
        assert!(!passed && text.contains("this machine has a GPU, but it cannot be used"), "{text}");
    } else {
        assert!(passed && text.contains("no GPU: there is no device file"), "{text}");
    }
}

#[test]
fn a_driver_that_cannot_be_loaded_fails() {
    let Some(question) = Question::of("a_driver_that_cannot_be_loaded_fails") else { return };
    let folder = folder("unloadable");
    fs::write(folder.join("libcuda.so.1"), "this is no shared library").unwrap();
    let (passed, text) = question.ask_in(&folder, &[]);
    assert!(!passed && text.contains("this machine has a GPU, but it cannot be used"), "{text}");
}

#[test]
fn a_machine_without_a_driver_skips() {
    let Some(question) = Question::of("a_machine_without_a_driver_skips") else { return };
    if lazy_cuda_driver::status().is_ok() {
        println!("SKIPPED: a_machine_without_a_driver_skips: this machine has a CUDA driver");
        return;
    }
    assert_eq!(absence(), Some("there is no libcuda.so.1"));
    let (passed, text) = question.ask_in(&folder("empty"), &[]);
    assert!(passed && text.contains("no GPU: there is no libcuda.so.1"), "{text}");
}

/// A test that asks for a GPU, in processes of its own.
struct Question {
    test: &'static str,
}

impl Question {
    /// The question of a test; None where it was asked, in a process that [`Question::ask_in`] started.
    fn of(test: &'static str) -> Option<Self> {
        if child::is_of(test) {
            assert!(gpu_or_skip(test).is_none());
            return None;
        }
        Some(Self { test })
    }

    /// Whether the test passes where the driver gives these answers, and what it prints.
    fn ask(&self, answers: &[(&str, &str)]) -> (bool, String) {
        static COMPILED: OnceLock<PathBuf> = OnceLock::new();
        let folder = COMPILED.get_or_init(|| {
            let folder = folder("chosen-answers");
            let source =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/lazy_cuda_driver/tests/stand_ins/chosen_answers.c");
            let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
            let mut compile = Command::new(compiler);
            compile.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).args([folder.join("libcuda.so.1"), source]);
            assert!(compile.status().unwrap().success(), "{compile:?}");
            folder
        });
        self.ask_in(folder, answers)
    }

    /// The same, with the driver of that folder.
    fn ask_in(&self, libraries: &Path, answers: &[(&str, &str)]) -> (bool, String) {
        let Output { status, stdout, stderr } = child::start(self.test, |command| {
            command.env("LD_LIBRARY_PATH", libraries).env_remove("TRTS_REQUIRE_GPU").envs(answers.iter().copied());
        });
        (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gpu_rule").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}
