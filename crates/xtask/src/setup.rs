//! Installs what the build needs and the machine lacks: the source of the standard library for the compiler that makes
//! PTX, and a C++ compiler for the plugin library.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};
use cuda_builder::toolchain::{self, Toolchain};

use crate::step;

/// Debian's compiler with its source. It stands beside rustup's and does not replace it.
const DEBIAN_COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// `cargo xtask setup`: does what [`ensure`] does, and prints what it found.
pub fn run() -> Result<()> {
    let compiler = ensure()?;
    println!("Kernels are compiled by {} ({}).", compiler.version(), compiler.rustc().display());
    Ok(())
}

/// Makes sure that kernels and plugin library can be compiled. Prints nothing where nothing is missing.
///
/// # Errors
/// Where something is missing and this program cannot install it; the error names the command that does.
pub fn ensure() -> Result<Toolchain> {
    ensure_cpp_compiler()?;
    ensure_gpu_compiler()
}

/// Installs Debian packages, as root or through a sudo that asks for no password.
///
/// # Errors
/// Where this system has no apt-get, where the user may not run it, and where it fails.
pub fn install_debian_packages(packages: &[&str]) -> Result<()> {
    let command = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    if !is_on_path("apt-get") {
        bail!("this system has no apt-get; install by its own means what `{command}` would");
    }
    let as_root: &[&str] = if succeeds("sh", &["-c", "test $(id -u) = 0"]) {
        &[]
    } else if succeeds("sudo", &["-n", "true"]) {
        &["sudo", "-n"]
    } else {
        bail!("that takes root; run: sudo {command}");
    };
    let apt = |arguments: &[&str]| {
        let mut line = as_root.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).chain(arguments);
        let mut apt = Command::new(line.next().expect("the line is not empty"));
        apt.args(line);
        apt
    };
    step::run("apt-get update", apt(&["update"]))?;
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    step::run(&format!("apt-get install {}", packages.join(" ")), apt(&install))?;
    Ok(())
}

/// Whether the program runs and exits with success.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder: PathBuf| folder.join(program)).any(|file| file.is_file())
}

fn ensure_cpp_compiler() -> Result<()> {
    // The `cc` crate calls c++ unless CXX names another.
    if env::var_os("CXX").is_some() || is_on_path("c++") {
        return Ok(());
    }
    println!("There is no C++ compiler, which the plugin library's TensorRT classes take; installing g++.");
    install_debian_packages(&["g++"])
}

fn ensure_gpu_compiler() -> Result<Toolchain> {
    let missing = match toolchain::find() {
        Ok(compiler) => return Ok(compiler),
        Err(missing) => missing,
    };
    if env::var_os(toolchain::RUSTC_VARIABLE).is_some() {
        // The user chose a compiler: the build would not use another one.
        return Err(missing.into());
    }
    println!("No Rust compiler here has the source of its standard library, which compiling kernels to PTX takes.");
    if is_on_path("rustup") {
        let added = step::attempt("rustup component add rust-src", add_rust_src())?;
        if let Ok(compiler) = toolchain::find() {
            return Ok(compiler);
        }
        let reason = added.output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        println!("rustup did not bring it ({}).", reason.trim());
    }
    if !is_on_path("apt-get") {
        return Err(missing.into());
    }
    println!("Installing Debian's compiler with its source, beside the one in use.");
    install_debian_packages(&DEBIAN_COMPILER)?;
    Ok(toolchain::find()?)
}

fn add_rust_src() -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add", "rust-src"]);
    // Do not wait for a server that cannot be reached: there is another source.
    rustup.env("RUSTUP_MAX_RETRIES", "0");
    rustup
}
