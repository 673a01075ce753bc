//! The embedded PTX, assembled by ptxas for every architecture that it will be compiled for on some device.
//!
//! Skipped where TRTS_PTXAS does not name a ptxas (`cargo xtask test` brings one).

use std::{env, ffi::OsStr, fs, path::Path, process::Command, thread};

use tensorrt_scatter::gpu::EMBEDDED_PTX;

/// Turing, Ampere (data centre, desktop), Ada, Hopper, Blackwell (data centre, desktop).
const DEVICES: [u32; 7] = [75, 80, 86, 89, 90, 100, 120];

/// The text that a device of this architecture gets: the newest that it accepts, as `Kernels` chooses it.
fn ptx_for(device: u32) -> &'static str {
    EMBEDDED_PTX.iter().rev().find(|embedded| embedded.architecture <= device).expect("sm_75 is the oldest").ptx
}

#[test]
fn every_kernel_assembles_without_spills_or_local_memory() {
    let Some(ptxas) = env::var_os("TRTS_PTXAS") else {
        println!("SKIPPED: every_kernel_assembles_without_spills_or_local_memory: TRTS_PTXAS is not set");
        return;
    };
    thread::scope(|scope| {
        // As many at a time as there are cores; each checks the devices that fall to it.
        let workers = thread::available_parallelism().map_or(1, usize::from);
        for first in 0..workers {
            let ptxas = &ptxas;
            scope
                .spawn(move || DEVICES.iter().skip(first).step_by(workers).for_each(|&device| assemble(ptxas, device)));
        }
    });
}

fn assemble(ptxas: &OsStr, device: u32) {
    let report = report(ptxas, device);
    let resources: Vec<&str> = report.lines().filter(|line| line.contains("spill stores")).collect();
    let kernels = ptx_for(device).matches(".visible .entry").count();
    assert!(kernels > 0 && resources.len() >= kernels, "sm_{device}: {kernels} kernels, but\n{report}");
    for line in resources {
        assert!(
            line.contains("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"),
            "sm_{device}: a kernel spills or keeps an array in local memory:\n{report}"
        );
    }
}

/// What ptxas says of each kernel. It takes half a minute for a device, so what it said of the same text stays.
fn report(ptxas: &OsStr, device: u32) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kernels_for_sm_{device}.ptx"));
    let kept = file.with_extension("report");
    // The first line, a comment, tells with which ptxas.
    let asked = format!("// {}\n{}", ptxas.to_string_lossy(), ptx_for(device));
    if fs::read_to_string(&file).is_ok_and(|text| text == asked)
        && let Ok(report) = fs::read_to_string(&kept)
    {
        return report;
    }
    let _ = fs::remove_file(&kept);
    fs::write(&file, asked).unwrap();
    let output = Command::new(ptxas)
        .args([&format!("-arch=sm_{device}"), "--verbose", "--output-file", "/dev/null"])
        .arg(&file)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "sm_{device}:\n{report}");
    fs::write(&kept, &report).unwrap();
    report
}

#[test]
fn each_architecture_has_every_kernel() {
    let entries = |ptx: &str| {
        let mut names: Vec<String> = ptx
            .lines()
            .filter_map(|line| line.trim().strip_prefix(".visible .entry "))
            .map(|line| line.trim_end_matches('(').to_owned())
            .collect();
        names.sort();
        names
    };
    let mut expected: Vec<&str> = kernels_gpu::entry::entry_points().map(|entry| entry.name).collect();
    expected.sort();
    for embedded in EMBEDDED_PTX {
        assert_eq!(entries(embedded.ptx), expected, "sm_{}", embedded.architecture);
        assert!(embedded.ptx.contains(&format!(".target sm_{}", embedded.architecture)));
    }
}
