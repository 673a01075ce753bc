#!/usr/bin/env bash
# The Rust crate half does not convert float64 to the nearest float16 or bfloat16.
#
# Expected: f16::from_f64 and bf16::from_f64 round once, to the nearest value, as `as f32` does for float32.
# Seen: numbers that lie just above the middle of two neighbours become the lower one: 1 + 2^-11 + 2^-40 becomes the float16 1
# instead of 1 + 2^-10, and 1 + 2^-8 + 2^-40 the bfloat16 1 instead of 1 + 2^-7. The lowest bits are dropped before the rounding.
# Packages: half 2.7.1, rustc 1.95
# Date: 2026-11-27
# Why: sums and means that are computed in float64 and stored in 16 bits are off by one unit in the last place now and then, so a
# reference in Rust that is exact on paper disagrees with a kernel that rounds once.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat > "$work/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
half = "=2.7.1"

[workspace]
TOML
cat > "$work/src/main.rs" <<'RUST'
use half::{bf16, f16};

fn main() {
    let tiny = 2f64.powi(-40);
    let above_f16 = 1.0 + 2f64.powi(-11) + tiny;
    let above_bf16 = 1.0 + 2f64.powi(-8) + tiny;
    let (narrow, brain) = (f16::from_f64(above_f16).to_f64(), bf16::from_f64(above_bf16).to_f64());
    println!("1 + 2^-11 + 2^-40 as float16: {narrow}; the nearest is {}", 1.0 + 2f64.powi(-10));
    println!("1 + 2^-8 + 2^-40 as bfloat16: {brain}; the nearest is {}", 1.0 + 2f64.powi(-7));
    assert!(narrow == 1.0 && brain == 1.0, "half rounds once now");
}
RUST
cargo run --quiet --manifest-path "$work/Cargo.toml" --target-dir "$work/target"
