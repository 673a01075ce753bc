//! Where things lie, and the cargo to run.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

/// The repository.
pub fn root() -> &'static Path {
    let krate = Path::new(env!("CARGO_MANIFEST_DIR"));
    krate.ancestors().nth(2).expect("xtask lies two folders below the repository's root")
}

/// The folder that cargo builds in, whatever variable or setting chose it: this program lies in `<target>/debug`.
pub fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("this program cannot tell where it lies")?;
    let target =
        program.ancestors().nth(2).with_context(|| format!("{} lies in no target folder", program.display()))?;
    Ok(target.to_owned())
}

/// Cargo in the repository's root, the same that runs this program. Its output is read here, so it is plain and complete
/// whatever the user's settings are.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(arguments).current_dir(root());
    cargo.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_QUIET", "false");
    cargo
}
