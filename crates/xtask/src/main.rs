//! The project's own commands, run as `cargo xtask <command>`.

mod demo;
mod fuzz;
mod gpu_tests;
mod python;
mod setup;
mod step;
mod tally;
mod test;
mod test_python;
mod test_tools;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Installs what is missing to compile the kernels and the plugin library
    Setup,
    /// Builds the plugin library, reduces a lidar sweep to pillars, and draws them
    Demo(demo::Arguments),
    /// Runs every check and test that this machine can run
    Test(test::Arguments),
    /// Runs one of the fuzz targets, or lists them
    Fuzz(fuzz::Arguments),
    /// Writes a folder with the GPU tests, to run on a machine without Rust
    GpuBundle(gpu_tests::BundleArguments),
    /// Runs the GPU tests under compute-sanitizer's four tools
    Sanitize(gpu_tests::SanitizeArguments),
    /// Builds the Python package with the plugin library in it
    Wheel(wheel::Arguments),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Setup => setup::run().map(|()| ExitCode::SUCCESS),
        Command::Demo(arguments) => demo::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Test(arguments) => test::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::GpuBundle(arguments) => gpu_tests::bundle(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Sanitize(arguments) => gpu_tests::sanitize(&arguments),
        Command::Wheel(arguments) => wheel::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
