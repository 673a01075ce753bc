//! The tests of the Python package.

use std::{
    env::consts,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    python,
    step::{self, Finished},
    tally::{self, Tally},
    workspace,
};

/// What pytest counted.
pub struct Outcome {
    pub tally: Tally,
    /// Each reason to skip tests, with their number.
    pub skips: Vec<(String, usize)>,
    pub finished: Finished,
}

/// The Python of an environment with what the tests need.
///
/// # Errors
/// Where a package cannot be had.
pub fn environment(with_torch: bool) -> Result<PathBuf> {
    const PACKAGES: &str = "requirements-test.txt";
    if with_torch {
        python::environment("python-torch-venv", &[PACKAGES, "requirements-torch.txt"])
    } else {
        python::environment("python-venv", &[PACKAGES])
    }
}

/// Runs the tests on a plugin library that is built for it. The variables tell where the tools are.
///
/// # Errors
/// Where the library cannot be built.
pub fn run(python: &Path, variables: &[(&'static str, PathBuf)]) -> Result<Outcome> {
    step::run("compile the plugin library", workspace::cargo(["build", "--package=tensorrt-scatter-plugin"]))?;
    let library = format!("{}tensorrt_scatter_plugin{}", consts::DLL_PREFIX, consts::DLL_SUFFIX);

    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-rs", "python"]);
    pytest.current_dir(workspace::root());
    pytest.env("TRTS_PLUGIN_LIBRARY", workspace::target_dir()?.join("debug").join(library));
    pytest.env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.envs(variables.iter().map(|(variable, path)| (variable, path)));
    let finished = step::attempt("pytest", pytest)?;
    // One that breaks off has counted nothing.
    let tally = tally::pytest(&finished.output).unwrap_or(Tally::FAILED);
    Ok(Outcome { tally, skips: tally::pytest_skips(&finished.output), finished })
}
