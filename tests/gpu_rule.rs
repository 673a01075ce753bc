//! The rule for skipping GPU tests, with drivers that the test chooses. Each needs a process of its own, because a
//! process looks for its driver once.

mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use support::{gpu::absence, gpu_or_skip};

/// Set in the processes that the tests start.
const IS_CHILD: &str = "TRTS_GPU_RULE_CHILD";

#[test]
fn a_driver_without_devices_skips() {
    for answers in [&[("STAND_IN_INIT", "100")][..], &[("STAND_IN_DEVICES", "0")]] {
        let (passed, text) = ask(answers);
        assert!(passed && text.contains("SKIPPED: asks_for_a_gpu: no GPU: the driver finds no device"), "{text}");
    }
}

#[test]
fn a_skip_fails_where_a_gpu_is_required() {
    for answers in [("STAND_IN_INIT", "100"), ("STAND_IN_DEVICES", "0")] {
        let (passed, text) = ask(&[answers, ("TRTS_REQUIRE_GPU", "1")]);
        assert!(!passed && text.contains("TRTS_REQUIRE_GPU is 1, but this machine has no GPU"), "{text}");
    }
}

#[test]
fn a_device_that_refuses_fails() {
    // CUDA_ERROR_OUT_OF_MEMORY and CUDA_ERROR_UNKNOWN.
    for refusal in ["2", "999"] {
        let (passed, text) = ask(&[("STAND_IN_DEVICES", "1"), ("STAND_IN_CONTEXT", refusal)]);
        assert!(!passed && text.contains("this machine has a GPU, but it cannot be used"), "{text}");
    }
}

#[test]
fn a_driver_that_does_not_start_fails_where_device_files_are() {
    let (passed, text) = ask(&[("STAND_IN_INIT", "999"), ("STAND_IN_DEVICES", "1")]);
    if ["/dev/nvidiactl", "/dev/dxg", "/dev/nvmap"].iter().any(|file| Path::new(file).exists()) {
        assert!(!passed && text.contains("this machine has a GPU, but it cannot be used"), "{text}");
    } else {
        assert!(passed && text.contains("no GPU: there is no device file"), "{text}");
    }
}

#[test]
fn a_driver_that_cannot_be_loaded_fails() {
    let folder = folder("unloadable");
    fs::write(folder.join("libcuda.so.1"), "this is no shared library").unwrap();
    let (passed, text) = ask_in(&folder, &[]);
    assert!(!passed && text.contains("this machine has a GPU, but it cannot be used"), "{text}");
}

#[test]
fn a_machine_without_a_driver_skips() {
    if lazy_cuda_driver::status().is_ok() {
        println!("SKIPPED: a_machine_without_a_driver_skips: this machine has a CUDA driver");
        return;
    }
    assert_eq!(absence(), Some("there is no libcuda.so.1"));
    let (passed, text) = ask_in(&folder("empty"), &[]);
    assert!(passed && text.contains("no GPU: there is no libcuda.so.1"), "{text}");
}

#[test]
#[ignore = "the other tests start it"]
fn asks_for_a_gpu() {
    if env::var_os(IS_CHILD).is_none() {
        println!("SKIPPED: asks_for_a_gpu: runs in processes that other tests start");
        return;
    }
    assert!(gpu_or_skip("asks_for_a_gpu").is_none());
}

/// Whether a test that asks for a GPU passes where the driver gives these answers, and what it prints.
fn ask(answers: &[(&str, &str)]) -> (bool, String) {
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
    ask_in(folder, answers)
}

fn ask_in(libraries: &Path, answers: &[(&str, &str)]) -> (bool, String) {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "--nocapture", "asks_for_a_gpu"]);
    child.env(IS_CHILD, "1").env("LD_LIBRARY_PATH", libraries).env_remove("TRTS_REQUIRE_GPU");
    child.envs(answers.iter().copied());
    let Output { status, stdout, stderr } = child.output().unwrap();
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gpu_rule").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}
