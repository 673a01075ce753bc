//! The embedded PTX, assembled by ptxas for every architecture that it will be compiled for on some device.
//!
//! Skipped where TRTS_PTXAS does not name a ptxas (`cargo xtask test` brings one).

use std::{env, fs, path::Path, process::Command};

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
    for device in DEVICES {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kernels_for_sm_{device}.ptx"));
        fs::write(&file, ptx_for(device)).unwrap();
        let output = Command::new(&ptxas)
            .args([&format!("-arch=sm_{device}"), "--verbose", "--output-file", "/dev/null"])
            .arg(&file)
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sm_{device}:\n{report}");
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
