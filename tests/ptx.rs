//! The embedded PTX: it has every kernel, the documents name its architectures, each kernel of sm_90 waits for the
//! kernel before it, and ptxas assembles the PTX for every architecture that some device compiles it for.
//!
//! The test with ptxas is skipped if the environment variable TRTS_PTXAS does not name a ptxas. `cargo xtask test`
//! installs one and sets the variable.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsStr,
    fs,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tensorrt_scatter::gpu::raw::EMBEDDED_PTX;

/// Turing (75), Ampere (80 data centre, 86 desktop, 87 Jetson Orin), Ada (89), Hopper (90), Blackwell (100 and 103 data
/// centre, 110 Jetson Thor, 120 desktop, 121 DGX Spark).
const DEVICES: [u32; 11] = [75, 80, 86, 87, 89, 90, 100, 103, 110, 120, 121];

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
    let (faults, next) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    thread::scope(|scope| {
        // One worker for each core. Each takes the next device until there is none.
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(&device) = DEVICES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = faults_of_report(&report(&ptxas, device), ptx_for(device));
                    faults.lock().unwrap().extend(found.into_iter().map(|fault| format!("sm_{device}: {fault}")));
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The kernels of a text that have no line in the report of ptxas, and those that spill registers or keep an array in
/// local memory.
fn faults_of_report(report: &str, ptx: &str) -> Vec<String> {
    const NONE: &str = "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads";
    // The line after a function's name has its local memory.
    let lines: Vec<&str> = report.lines().map(str::trim).collect();
    let local: BTreeMap<&str, &str> = lines
        .windows(2)
        .filter_map(|pair| Some((pair[0].strip_prefix("ptxas info    : Function properties for ")?, pair[1])))
        .collect();
    let kernels = entries(ptx);
    assert!(!kernels.is_empty(), "the text has no kernels");
    let fault = |kernel: &str| match local.get(kernel) {
        None => Some(format!("ptxas reports nothing on {kernel}")),
        Some(&NONE) => None,
        Some(local) => Some(format!("{kernel} uses local memory: {local}")),
    };
    kernels.into_iter().filter_map(fault).collect()
}

#[test]
fn a_kernel_that_spills_or_is_not_reported_is_named() {
    let ptx = ".visible .entry a(\n.visible .entry b(\n.visible .entry c(\n";
    let report = "\
ptxas info    : Function properties for a
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Function properties for c
    8 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads
";
    let faults = faults_of_report(report, ptx);
    assert_eq!(
        faults,
        [
            "ptxas reports nothing on b",
            "c uses local memory: 8 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads"
        ]
    );
}

/// The names of the kernels, in ascending order.
fn entries(ptx: &str) -> Vec<&str> {
    let lines = ptx.lines().filter_map(|line| line.trim().strip_prefix(".visible .entry "));
    let mut names: Vec<&str> = lines.map(|line| line.trim_end_matches('(')).collect();
    names.sort();
    names
}

/// The report of ptxas on each kernel. Assembling takes half a minute for a device, so the report is kept in a file as
/// long as the text and the ptxas stay the same.
fn report(ptxas: &OsStr, device: u32) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kernels_for_sm_{device}.ptx"));
    let kept = file.with_extension("report");
    // The first line is a comment that names the ptxas.
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
    let mut expected: Vec<&str> = kernels_gpu::entry::entry_points().map(|entry| entry.name).collect();
    expected.sort();
    for embedded in EMBEDDED_PTX {
        assert_eq!(entries(embedded.ptx), expected, "sm_{}", embedded.architecture);
        assert!(embedded.ptx.contains(&format!(".target sm_{}", embedded.architecture)));
    }
}

/// The PTX version of a text, and the CUDA that its driver must know: PTX 7 is that of CUDA 11, PTX 8 that of CUDA 12.
fn versions(ptx: &str) -> (&str, String) {
    let version = ptx.lines().find_map(|line| line.strip_prefix(".version ")).expect("PTX says its version").trim();
    let (major, minor) = version.split_once('.').expect("two numbers");
    let major: u32 = major.parse().expect("a number");
    (version, format!("{}.{minor}", major + 4))
}

#[test]
fn the_documents_name_every_architecture() {
    let rows = EMBEDDED_PTX.map(|embedded| {
        let (ptx, cuda) = versions(embedded.ptx);
        format!("| sm_{} | {ptx} | {cuda} |", embedded.architecture)
    });
    let compatibility = include_str!("../docs/COMPATIBILITY.md");
    let given: Vec<_> = compatibility.lines().filter(|line| line.starts_with("| sm_")).collect();
    assert_eq!(given, rows, "docs/COMPATIBILITY.md");
}

/// The architecture from which on a kernel may start while the one before it runs (programmatic dependent launch).
const FIRST_THAT_OVERLAPS: u32 = 90;

const WAIT: &str = "griddepcontrol.wait";
const LET_NEXT_COME: &str = "griddepcontrol.launch_dependents";

/// Whether the body of a kernel itself waits for the kernel before it (`waits` in `kernel_params::entry`), and does
/// something before it waits.
fn begins_before_wait(kernel: &str) -> bool {
    let is_of_segments =
        ["segment_", "gather_segment_", "attention_csr_"].iter().any(|start| kernel.starts_with(start));
    is_of_segments && (kernel.contains("_chunks_") || kernel.contains("_combine_"))
        || kernel.starts_with("composite_csr_combine_")
}

/// How an entry point breaks the rule for waiting for the kernel before it. None if it keeps the rule.
///
/// The rule: an entry point waits once, then lets the next kernel start once. Every path from its start to an access to
/// global memory goes through the wait.
fn fault_of_order(kernel: &str, entry: &str) -> Option<String> {
    let [waits, lets] = [WAIT, LET_NEXT_COME].map(|instruction| entry.matches(instruction).count());
    if (waits, lets) != (1, 1) {
        return Some(format!("{kernel} has {waits} {WAIT} and {lets} {LET_NEXT_COME}"));
    }
    if begins_before_wait(kernel) {
        return None;
    }
    if entry.find(WAIT) > entry.find(LET_NEXT_COME) {
        return Some(format!("{kernel} has {LET_NEXT_COME} before {WAIT}"));
    }
    reached_without_wait(entry).map(|access| format!("{kernel} comes to `{access}` without {WAIT}"))
}

/// The first access to global memory that some path from the start of an entry point reaches without a wait.
fn reached_without_wait(entry: &str) -> Option<&str> {
    let lines: Vec<&str> = entry.lines().map(str::trim).collect();
    let labels: BTreeMap<&str, usize> =
        lines.iter().enumerate().filter_map(|(at, line)| Some((line.strip_suffix(':')?, at))).collect();
    let (mut seen, mut open) = (BTreeSet::new(), vec![0]);
    while let Some(at) = open.pop() {
        if at == lines.len() || !seen.insert(at) {
            continue;
        }
        let (is_guarded, instruction) = match lines[at].split_once(' ') {
            Some((guard, rest)) if guard.starts_with('@') => (true, rest.trim_start()),
            _ => (false, lines[at]),
        };
        let instruction = instruction.trim_end_matches(';');
        let mut words = instruction.split_whitespace();
        let operation = words.next().unwrap_or_default();
        if operation == WAIT {
            continue;
        }
        let name = operation.split('.').next().unwrap_or_default();
        let is_elsewhere = [".param", ".shared", ".local"].iter().any(|space| operation.contains(space));
        if ["ld", "ldu", "st", "red", "atom", "prefetch", "cp"].contains(&name) && !is_elsewhere {
            return Some(lines[at]);
        }
        match name {
            "bra" => {
                let label = words.last().expect("a branch has a label");
                open.push(*labels.get(label).unwrap_or_else(|| panic!("no label {label}")));
                if is_guarded {
                    open.push(at + 1);
                }
            }
            "brx" => panic!("a branch through a table, whose targets this test does not read: {instruction}"),
            "ret" | "exit" | "trap" if !is_guarded => {}
            _ => open.push(at + 1),
        }
    }
    None
}

/// The entry points of a text: the name of each, and the text between its braces.
fn entry_points(ptx: &str) -> impl Iterator<Item = (&str, &str)> {
    ptx.split(".visible .entry ").skip(1).map(|entry| {
        let (head, body) = entry.split_once("\n{").expect("an entry point has a body");
        let end = body.find("\n}").expect("a body ends");
        (head.split('(').next().unwrap_or_default(), &body[..end])
    })
}

#[test]
fn a_kernel_that_may_overlap_waits_for_the_one_before_it() {
    for embedded in EMBEDDED_PTX {
        if embedded.architecture < FIRST_THAT_OVERLAPS {
            assert!(!embedded.ptx.contains("griddepcontrol"), "sm_{} has no such instruction", embedded.architecture);
            continue;
        }
        let faults: Vec<String> =
            entry_points(embedded.ptx).filter_map(|(kernel, entry)| fault_of_order(kernel, entry)).collect();
        assert!(faults.is_empty(), "sm_{}:\n{}", embedded.architecture, faults.join("\n"));
    }
}

#[test]
fn a_kernel_without_its_wait_or_with_a_late_one_is_found() {
    let fault = |entry: &str| fault_of_order("scatter_sum_f32_i32", entry);
    let (load, wait, next) = ("ld.global.nc.b32 %r1, [%rd1];", format!("{WAIT};"), format!("{LET_NEXT_COME};"));
    let body = |lines: &[&str]| lines.join("\n");
    assert_eq!(fault(&body(&["ld.param.b64 %rd1, [p];", &wait, &next, load, "ret;"])), None);
    assert!(fault(&body(&[&next, load, "ret;"])).is_some(), "no wait");
    assert!(fault(&body(&[&wait, load, "ret;"])).is_some(), "the next kernel never starts early");
    assert!(fault(&body(&[&wait, &wait, &next, load, "ret;"])).is_some(), "two waits");
    assert!(fault(&body(&[&next, &wait, load, "ret;"])).is_some(), "the other way round");
    assert!(fault(&body(&[load, &wait, &next, "ret;"])).is_some(), "a load before the wait");
    let around = ["@%p1 bra $over;", &wait, &next, "$over:", "st.global.b32 [%rd1], %r1;", "ret;"];
    assert!(fault(&body(&around)).is_some(), "a path around the wait");
    // The load stands behind the wait in the text, but is executed before it.
    let behind = ["bra.uni $load;", "$wait:", &wait, &next, "ret;", "$load:", load, "bra.uni $wait;"];
    assert!(fault(&body(&behind)).is_some(), "a load on the way to the wait");
    let apart = ["bra.uni $wait;", "$load:", load, "ret;", "$wait:", &wait, &next, "bra.uni $load;"];
    assert_eq!(fault(&body(&apart)), None);
}
