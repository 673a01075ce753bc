//! Tools of the tests that are no crates: NVIDIA's assembler for PTX, and the TensorRTs that load the plugin library.
//!
//! They are downloaded from PyPI into the target folder, once. None of them needs a GPU.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::{python, step};

/// A file of a Python package, and the environment variable that tells tests where it is.
struct Tool {
    variable: &'static str,
    package: &'static str,
    version: &'static str,
    file: &'static str,
}

const TOOLS: [Tool; 3] = [
    // It assembles for every architecture from sm_75 on, the oldest that kernels are compiled for.
    Tool { variable: "TRTS_PTXAS", package: "nvidia-cuda-nvcc", version: "13.0.88", file: "nvidia/cu13/bin/ptxas" },
    // The smallest package with a complete plugin registry.
    Tool {
        variable: "TRTS_NVINFER_LEAN",
        package: "tensorrt-lean-cu13-libs",
        version: "11.4.0.106",
        file: "tensorrt_lean_libs/libnvinfer_lean.so.11",
    },
    // A TensorRT that takes no plugins; 95 MB, 240 MB on disk. No smaller package has its registry.
    Tool {
        variable: "TRTS_TENSORRT_RTX",
        package: "tensorrt-rtx-cu13-libs",
        version: "1.7.1.116",
        file: "tensorrt_rtx_libs/libtensorrt_rtx.so.1",
    },
];

/// Where the tools are, and why others are missing.
#[derive(Default)]
pub struct TestTools {
    /// Environment variables for the tests.
    pub variables: Vec<(&'static str, PathBuf)>,
    /// One line for each tool that could not be downloaded. The tests that need it skip themselves.
    pub missing: Vec<String>,
}

/// Finds the tools in the target folder, and downloads the missing ones.
///
/// # Errors
/// Where the target folder is unknown. A tool that cannot be downloaded is no error.
pub fn fetch() -> Result<TestTools> {
    let folder = python::folder()?;
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
        let mut pip = python::pip()?;
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
