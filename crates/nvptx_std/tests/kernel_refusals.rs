//! `#[kernel]` refuses what cannot be an entry point, and points at the place.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

struct Refusal {
    /// The function. The error points at the text between `«` and `»`.
    function: &'static str,
    message: &'static str,
}

const REFUSALS: [Refusal; 9] = [
    Refusal { function: "pub fn «safe»(_out: *mut f32) {}", message: "write `unsafe fn safe`" },
    Refusal { function: "pub unsafe fn with_result(x: f32) -> «f32» { x }", message: "a kernel gives no value" },
    Refusal { function: "pub unsafe fn generic«<»T: Copy>(_x: T) {}", message: "a kernel is not generic" },
    Refusal { function: "pub unsafe fn implicit(_x: «impl» Copy) {}", message: "a kernel is not generic" },
    Refusal { function: "pub unsafe fn method(&«self») {}", message: "a kernel takes no `self`" },
    Refusal { function: "pub unsafe «extern» \"C\" fn foreign() {}", message: "leave `extern` out" },
    Refusal { function: "pub «const» unsafe fn constant() {}", message: "a kernel is not `const`" },
    Refusal { function: "pub «struct» Parameters;", message: "a kernel is not `struct`" },
    Refusal { function: "«(argument)» pub unsafe fn with_argument() {}", message: "takes no arguments" },
];

/// The source of a crate with one function that is refused, and the line and column of the error.
fn source(refusal: &Refusal) -> (String, usize, usize) {
    let (arguments, function) = match refusal.function.strip_prefix("«(argument)» ") {
        Some(function) => ("(«argument»)", function),
        None => ("", refusal.function),
    };
    let mut text = String::from("use nvptx_std::prelude::*;\nfn main() {}\n");
    writeln!(text, "#[kernel{arguments}]\n{function}").unwrap();
    let (line, column) = text
        .lines()
        .enumerate()
        .find_map(|(line, text)| Some((line + 1, text.find('«')? + 1)))
        .expect("every refusal marks its place");
    (text.replace(['«', '»'], ""), line, column)
}

#[test]
fn every_refusal_points_at_its_reason() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernel_refusals");
    let examples = directory.join("examples");
    fs::create_dir_all(&examples).unwrap();
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::write(directory.join("src/lib.rs"), "").unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"), directory.join("Cargo.lock")).unwrap();
    let manifest = format!(
        "[package]\nname = \"kernel_refusals\"\nedition = \"2024\"\n\n\
         [dependencies]\nnvptx_std = {{ path = {:?} }}\n\n[workspace]\n",
        env!("CARGO_MANIFEST_DIR")
    );
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    for (number, refusal) in REFUSALS.iter().enumerate() {
        let (text, _, _) = source(refusal);
        fs::write(examples.join(format!("refusal_{number}.rs")), text).unwrap();
    }

    let output = Command::new(env::var_os("CARGO").expect("tests run under cargo"))
        .args(["check", "--offline", "--examples", "--keep-going"])
        .args(["--message-format", "short"])
        .env("CARGO_TARGET_DIR", directory.join("target"))
        .current_dir(&directory)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    for (number, refusal) in REFUSALS.iter().enumerate() {
        let (_, line, column) = source(refusal);
        let place = format!("refusal_{number}.rs:{line}:{column}: error: ");
        let found = errors.lines().any(|error| error.contains(&place) && error.contains(refusal.message));
        assert!(found, "no error at {place} with {:?} for\n{}\n\nin\n{errors}", refusal.message, refusal.function);
    }
}
