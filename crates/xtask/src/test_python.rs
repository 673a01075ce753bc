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

/// The result of pytest.
pub struct Outcome {
    pub tally: Tally,
    /// Each reason to skip tests, with their number.
    pub skips: Vec<(String, usize)>,
    pub finished: Finished,
}

/// The Python of an environment that has the packages of the tests.
///
/// # Errors
/// Where a package cannot be downloaded.
pub fn environment(with_torch: bool) -> Result<PathBuf> {
    const PACKAGES: &str = "requirements-test.txt";
    if with_torch {
        python::environment("python-torch-venv", &[PACKAGES, "requirements-torch.txt"])
    } else {
        python::environment("python-venv", &[PACKAGES])
    }
}

/// Builds the plugin library and runs the tests on it. The variables tell where the tools are.
///
/// # Errors
/// Where the library cannot be built.
pub fn run(python: &Path, variables: &[(&'static str, PathBuf)]) -> Result<Outcome> {
    step::run("compile the plugin library", workspace::cargo(["build", "--package=tensorrt-scatter-plugin"]))?;
    let library = format!("{}tensorrt_scatter_plugin{}", consts::DLL_PREFIX, consts::DLL_SUFFIX);

    let mut pytest = Command::new(python);
    // A worker for each core (pytest-xdist); one that has run its tests takes over some of another's.
    pytest.args(["-m", "pytest", "--numprocesses=auto", "--dist=worksteal"]);
    pytest.args(["-p", "no:cacheprovider", "--color=no", "-rs", "python"]);
    pytest.current_dir(workspace::root());
    pytest.env("TRTS_PLUGIN_LIBRARY", workspace::target_dir()?.join("debug").join(library));
    pytest.env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.envs(variables.iter().map(|(variable, path)| (variable, path)));
    let finished = step::attempt("pytest", pytest)?;
    // A run that ends without its summary counts as one failure.
    let tally = tally::pytest(&finished.output).unwrap_or(Tally::FAILED);
    Ok(Outcome { tally, skips: tally::pytest_skips(&finished.output), finished })
}
