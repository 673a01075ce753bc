//! Tools that tests use and no crate brings: NVIDIA's assembler for PTX, and a TensorRT to load the plugin library into.
//!
//! They come from PyPI, once, into the target folder; neither needs a GPU.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{setup, step, workspace};

/// A file of a Python package, and the environment variable that tells tests where it is.
struct Tool {
    variable: &'static str,
    package: &'static str,
    version: &'static str,
    file: &'static str,
}

const TOOLS: [Tool; 2] = [
    // Assembles for every architecture from sm_75, the oldest that kernels are compiled for.
    Tool { variable: "TRTS_PTXAS", package: "nvidia-cuda-nvcc", version: "13.0.88", file: "nvidia/cu13/bin/ptxas" },
    // The smallest package with a complete plugin registry.
    Tool {
        variable: "TRTS_NVINFER_LEAN",
        package: "tensorrt-lean-cu13-libs",
        version: "11.4.0.106",
        file: "tensorrt_lean_libs/libnvinfer_lean.so.11",
    },
];

/// Where the tools are, and which are missing for what reason.
#[derive(Default)]
pub struct TestTools {
    /// Environment variables for the tests.
    pub variables: Vec<(&'static str, PathBuf)>,
    /// One line for each tool that could not be had. The tests that need it skip themselves.
    pub missing: Vec<String>,
}

/// Finds the tools in the target folder, and downloads those that are not there yet.
///
/// # Errors
/// Where the target folder is unknown. A tool that cannot be downloaded is no error.
pub fn fetch() -> Result<TestTools> {
    let folder = workspace::target_dir()?.join("test-env");
    let mut tools = TestTools::default();
    for tool in &TOOLS {
        match tool.fetch(&folder) {
            Ok(file) => tools.variables.push((tool.variable, file)),
            Err(error) => tools.missing.push(format!("{}: {error:#}", tool.package)),
        }
    }
    Ok(tools)
}

impl Tool {
    fn fetch(&self, folder: &Path) -> Result<PathBuf> {
        let package = folder.join(format!("{}-{}", self.package, self.version));
        let file = package.join(self.file);
        if file.exists() {
            return Ok(file);
        }
        let mut pip = pip(folder)?;
        pip.args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--target",
        ])
        .arg(&package)
        .arg(format!("{}=={}", self.package, self.version));
        step::run(&format!("download {} {} from PyPI", self.package, self.version), pip)?;
        ensure!(file.exists(), "the package holds no {}", self.file);
        Ok(file)
    }
}

/// A pip: the system's, else that of a virtual environment. Debian's python3 comes with neither, so both may have to be
/// installed.
fn pip(folder: &Path) -> Result<Command> {
    const OF_SYSTEM: &str = "python3";
    if setup::succeeds(OF_SYSTEM, &["-m", "pip", "--version"]) {
        return Ok(pip_of(Path::new(OF_SYSTEM)));
    }
    let environment = folder.join("venv");
    let python = environment.join("bin/python3");
    if !python.exists() {
        if !setup::succeeds(OF_SYSTEM, &["-c", "import ensurepip"]) {
            println!("There is no Python that can install packages, which the tests take; installing python3-venv.");
            setup::install_debian_packages(&["python3", "python3-venv"])?;
        }
        let path = environment.to_str().context("the target folder's path is not UTF-8")?;
        let mut create = Command::new(OF_SYSTEM);
        create.args(["-m", "venv", path]);
        step::run("create a Python environment", create)?;
    }
    Ok(pip_of(&python))
}

fn pip_of(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip"]);
    pip
}
