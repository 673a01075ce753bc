//! `cargo xtask demo`: from a fresh clone to a picture.

use std::{env::consts, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::{setup, step, workspace};

/// Arguments of the point-cloud example.
#[derive(clap::Args)]
pub struct Arguments {
    /// A sweep to read instead of generating one: little-endian float32, [N, 5] row-major: x, y, z, intensity, ring
    #[arg(long)]
    input: Option<PathBuf>,
    /// Where to reduce; auto takes the GPU if there is one
    #[arg(long, value_enum, default_value = "auto")]
    backend: Backend,
    /// Where to write the picture
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Backend {
    Auto,
    Cpu,
    Cuda,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// Builds the plugin library and the example, and runs the example.
///
/// # Errors
/// Where something cannot be installed, built or run.
pub fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure()?;
    step::run(
        "compile the kernels, the plugin library and the example",
        // One build for all three: separate builds choose different features for shared crates, and compile them twice.
        workspace::cargo([
            "build",
            "--release",
            "--package=tensorrt-scatter-plugin",
            "--package=tensorrt-scatter",
            "--lib",
            "--example=05_point_cloud",
        ]),
    )?;

    let target = workspace::target_dir()?;
    let release = target.join("release");
    let library = format!("{}tensorrt_scatter_plugin{}", consts::DLL_PREFIX, consts::DLL_SUFFIX);
    let picture = match &arguments.output {
        Some(path) => path.clone(),
        None => target.join("point_cloud.png"),
    };
    let mut example = Command::new(release.join("examples").join("05_point_cloud"));
    example.args(["--backend", arguments.backend.name()]).arg("--plugin-library").arg(release.join(library));
    example.arg("--output").arg(picture);
    if let Some(input) = &arguments.input {
        example.arg("--input").arg(input);
    }
    let status = example.status().context("the point-cloud example could not be started")?;
    ensure!(status.success(), "the point-cloud example failed with {status}");
    Ok(())
}
