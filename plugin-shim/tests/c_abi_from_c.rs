//! The C ABI from a C program, compiled against the header and linked with the library.

mod common;

use std::{env, path::Path, process::Command};

use common::{library_path, skipped};

/// Runs a command that must succeed; None where there is no such program.
fn run(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn compile(compiler: &str, flags: &[&str], source: &Path, to: &Path) -> Option<String> {
    let shim = Path::new(env!("CARGO_MANIFEST_DIR"));
    run(Command::new(compiler)
        .args(flags)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(shim.join("include"))
        .arg(source)
        .arg("-o")
        .arg(to))
}

#[test]
fn a_c_program_calls_every_operator() {
    let test = "a_c_program_calls_every_operator";
    let compiler = env::var("CC").unwrap_or("cc".into());
    let library = library_path();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c_abi/program.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_abi_program");
    let (link, rpath) = (library.to_str().unwrap(), format!("-Wl,-rpath,{}", library.parent().unwrap().display()));
    // After the source, so that the linker still needs the library when it comes to it.
    let flags = ["-std=c99", "-Wl,--no-as-needed", link, "-lm", &rpath];
    if compile(&compiler, &flags, &source, &program).is_none() {
        return skipped(test, &format!("there is no C compiler, {compiler}"));
    }
    assert_eq!(run(&mut Command::new(program)).as_deref(), Some("the C ABI works\n"));
}

#[test]
fn the_header_is_c_plus_plus_too() {
    let test = "the_header_is_c_plus_plus_too";
    let compiler = env::var("CXX").unwrap_or("c++".into());
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/tensorrt_scatter.h");
    if compile(&compiler, &["-std=c++17", "-fsyntax-only", "-x", "c++"], &header, Path::new("/dev/null")).is_none() {
        skipped(test, &format!("there is no C++ compiler, {compiler}"));
    }
}
