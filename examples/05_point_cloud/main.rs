//! Lesson 5: from a lidar sweep to pillars. Each point lies in a pillar on the ground plane; `scatter` reduces the
//! points of a pillar to the highest point, the mean intensity and the number of points.
//!
//! Writes a picture seen from above, and prints the sizes and the time of each reduction.
//!
//! `cargo run --release --example 05_point_cloud`

mod picture;
mod pillars;
mod sweep;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use pillars::{Backend, Grid};

#[derive(Parser)]
#[command(about = "Reduces a lidar sweep to pillars and draws them from above")]
struct Arguments {
    /// A sweep to read instead of generating one: little-endian float32, [N, 5] row-major: x, y, z in metres,
    /// intensity, ring
    #[arg(long)]
    input: Option<PathBuf>,
    /// Where to reduce; auto takes the GPU if there is one
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendChoice,
    /// Where to write the picture
    #[arg(long, default_value = "target/point_cloud.png")]
    output: PathBuf,
    /// A plugin library to name in the table
    #[arg(long)]
    plugin_library: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum BackendChoice {
    Auto,
    Cpu,
    Cuda,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let backend = match arguments.backend {
        BackendChoice::Cpu => Backend::Cpu,
        BackendChoice::Cuda => Backend::cuda()?,
        BackendChoice::Auto => Backend::cuda().unwrap_or_else(|error| {
            println!("No GPU, so the CPU backend is used ({error}).");
            Backend::Cpu
        }),
    };
    let (points, source) = match &arguments.input {
        Some(path) => (sweep::read(path)?, path.display().to_string()),
        None => (sweep::generate(), "generated".to_owned()),
    };
    let grid = Grid::default();
    let pillars = pillars::reduce(&points, &grid, &backend)?;
    picture::draw(&pillars, &grid, &arguments.output)?;

    let occupied = pillars.count.iter().filter(|&&count| count > 0.0).count();
    let mut rows = vec![
        ("sweep", source),
        ("points", format!("{}, {} of them on the grid", points.len(), pillars.count.iter().sum::<f32>())),
        ("pillars", format!("{occupied} of {} hold points ({} m wide)", grid.pillars(), grid.pillar_width)),
        ("highest point", pillars.describe_highest(&points)),
        ("backend", backend.name()),
    ];
    rows.extend(pillars.times.iter().map(|(what, time)| (*what, format!("{:.1} us", time.as_secs_f64() * 1e6))));
    if let Some(library) = &arguments.plugin_library {
        rows.push(("plugin library", library.display().to_string()));
    }
    rows.push(("picture", arguments.output.display().to_string()));
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in rows {
        println!("{name:width$}  {value}");
    }
    Ok(())
}
