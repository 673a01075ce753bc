//! Where the nested cargo builds.

use std::path::{Path, PathBuf};

/// The outer build's target folder, from a build script's `OUT_DIR` and `TARGET`.
///
/// Cargo does not tell build scripts this folder, only `<target>/[<triple>/]<profile>/build/…/out`. The folder of the
/// profile is left out on purpose: debug and release builds of the host share the kernels.
pub(crate) fn from_out_dir(out_dir: &Path, triple: Option<&str>) -> Option<PathBuf> {
    let build = out_dir.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "build"))?;
    let above_profile = build.parent()?.parent()?;
    match above_profile.file_name() {
        Some(name) if triple.is_some_and(|triple| name == triple) => above_profile.parent().map(Path::to_owned),
        _ => Some(above_profile.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIPLE: Option<&str> = Some("x86_64-unknown-linux-gnu");

    fn target_of(out_dir: &str) -> Option<PathBuf> {
        from_out_dir(Path::new(out_dir), TRIPLE)
    }

    #[test]
    fn profiles_and_triples_share_one_folder() {
        let target = Some(PathBuf::from("/p/target"));
        assert_eq!(target_of("/p/target/debug/build/lib-0123/out"), target);
        assert_eq!(target_of("/p/target/release/build/lib-0123/out"), target);
        assert_eq!(target_of("/p/target/x86_64-unknown-linux-gnu/release/build/lib-0123/out"), target);
        assert_eq!(target_of("/p/target/debug/build/lib/0123/out"), target);
    }

    #[test]
    fn an_unknown_layout_is_not_guessed_at() {
        assert_eq!(target_of("/somewhere/else"), None);
    }
}
