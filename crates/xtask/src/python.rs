//! Python environments under the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{setup, step, workspace};

const OF_SYSTEM: &str = "python3";

/// The system's pip, or the pip of a virtual environment where the system has none. Debian's python3 comes without
/// both: this installs what is missing.
///
/// # Errors
/// Where there is no pip and none can be installed.
pub fn pip() -> Result<Command> {
    if setup::succeeds(OF_SYSTEM, &["-m", "pip", "--version"]) {
        return Ok(pip_of(Path::new(OF_SYSTEM)));
    }
    Ok(pip_of(&bare_environment("venv", &[])?))
}

/// The Python of an environment that has the packages of the requirement files. A package of the system is used where
/// it meets the requirement. The environment stays, and packages are installed again only when the files have changed.
///
/// # Errors
/// Where the environment cannot be made, or a package cannot be downloaded.
pub fn environment(name: &str, requirements: &[&str]) -> Result<PathBuf> {
    let files: Vec<PathBuf> = requirements.iter().map(|file| workspace::root().join("python").join(file)).collect();
    let wanted = files
        .iter()
        .map(|file| fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display())))
        .collect::<Result<String>>()?;
    let python = bare_environment(name, &["--system-site-packages"])?;
    let stamp = folder()?.join(name).join("installed-requirements");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let mut install = pip_of(&python);
    install.args(["install", "--quiet", "--disable-pip-version-check"]);
    files.iter().for_each(|file| {
        install.arg("--requirement").arg(file);
    });
    step::run(&format!("install what {} names from PyPI", requirements.join(" and ")), install)?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(python)
}

/// The folder for everything that comes from PyPI.
///
/// # Errors
/// Where the target folder is unknown.
pub fn folder() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("test-env"))
}

fn bare_environment(name: &str, options: &[&str]) -> Result<PathBuf> {
    let environment = folder()?.join(name);
    let python = environment.join("bin/python3");
    if python.exists() {
        return Ok(python);
    }
    if !setup::succeeds(OF_SYSTEM, &["-c", "import ensurepip"]) {
        println!("There is no Python that can install packages, which this takes; installing python3-venv.");
        setup::install_debian_packages(&["python3", "python3-venv"])?;
    }
    let mut create = Command::new(OF_SYSTEM);
    create.args(["-m", "venv"]).args(options).arg(&environment);
    step::run("create a Python environment", create)?;
    Ok(python)
}

fn pip_of(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip"]);
    pip
}
