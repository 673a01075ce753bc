//! The repository's folders, and the cargo to run.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

/// The repository's root.
pub fn root() -> &'static Path {
    let krate = Path::new(env!("CARGO_MANIFEST_DIR"));
    krate.ancestors().nth(2).expect("xtask lies two folders below the repository's root")
}

/// The folder that cargo builds in. This program lies in `<target>/debug`, whatever variable or setting chose
/// `<target>`.
pub fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("this program cannot tell where it lies")?;
    let target =
        program.ancestors().nth(2).with_context(|| format!("{} lies in no target folder", program.display()))?;
    Ok(target.to_owned())
}

/// The cargo that runs this program, in the repository's root. Its output is plain and complete whatever the user's
/// settings are, because this program reads it.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(arguments).current_dir(root());
    cargo.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_QUIET", "false");
    cargo
}
