//! The environment of the nested cargo and rustc.
//!
//! A build script inherits what the outer cargo, rustup and clippy set for their own children: compiler wrappers,
//! flags, profiles, a job server's file descriptors. Any of it would change or break the nested build, or make cargo
//! believe that everything has to be compiled again.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::Command,
};

/// Settings of the outer build that also hold for the nested one: where things lie, how to download, how many jobs.
const KEPT_CARGO: &[&str] =
    &["CARGO_HOME", "CARGO_BUILD_JOBS", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];

/// Prefixes of the variables that are dropped.
const DROPPED_PREFIXES: &[&str] = &["CARGO", "RUSTC", "RUSTDOC", "CLIPPY_", "__CARGO"];

/// Names of the variables that are dropped: rustup's choice of toolchain, flags, make's job server, and a build
/// script's own inputs.
const DROPPED: &[&str] = &[
    "RUSTUP_TOOLCHAIN",
    "RUSTFLAGS",
    "RUST_RECURSION_COUNT",
    "MAKEFLAGS",
    "MFLAGS",
    "OUT_DIR",
    "TARGET",
    "HOST",
    "PROFILE",
    "OPT_LEVEL",
    "DEBUG",
    "NUM_JOBS",
];

/// A command that runs in the environment of this process less what the outer build put there.
pub(crate) fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(inherited(env::vars_os()));
    command
}

fn inherited(variables: impl Iterator<Item = (OsString, OsString)>) -> impl Iterator<Item = (OsString, OsString)> {
    variables.filter_map(|(name, value)| {
        let value = match name.to_str() {
            Some("LD_LIBRARY_PATH") => without_toolchains(&value)?,
            _ => value,
        };
        is_kept(&name).then_some((name, value))
    })
}

fn is_kept(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return true;
    };
    let starts_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    starts_with(KEPT_CARGO) || !(starts_with(DROPPED_PREFIXES) || DROPPED.contains(&name))
}

/// The library path without the folders of rustup's toolchains. None if nothing is left.
///
/// rustup and cargo put the library folder of the outer toolchain on this path. Another toolchain must not search it,
/// because the libLLVM of both may have the same name.
fn without_toolchains(library_path: &OsStr) -> Option<OsString> {
    let is_toolchain = |folder: &Path| {
        let mut parts = folder.components();
        parts.any(|part| part.as_os_str() == "toolchains" || part.as_os_str() == "rustlib")
    };
    let rest: Vec<_> = env::split_paths(library_path).filter(|folder| !is_toolchain(folder)).collect();
    env::join_paths(rest).ok().filter(|joined| !joined.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited_names(names: &[&str]) -> Vec<String> {
        let variables = names.iter().map(|name| (name.into(), "value".into()));
        inherited(variables).map(|(name, _)| name.into_string().unwrap()).collect()
    }

    #[test]
    fn nothing_of_the_outer_build_is_inherited() {
        let outer = [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MAKEFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "CARGO_INCREMENTAL",
            "CARGO_CFG_TARGET_OS",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_BOOTSTRAP",
            "RUSTDOCFLAGS",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "CLIPPY_ARGS",
            "MAKEFLAGS",
            "OUT_DIR",
            "TARGET",
        ];
        assert_eq!(inherited_names(&outer), [""; 0]);
    }

    #[test]
    fn what_locates_things_is_inherited() {
        let kept = [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_HTTP_PROXY",
            "CARGO_REGISTRIES_MINE_INDEX",
            "CARGO_REGISTRY_TOKEN",
            "RUSTUP_HOME",
            "RUST_BACKTRACE",
            "https_proxy",
        ];
        assert_eq!(inherited_names(&kept), kept);
    }

    #[test]
    fn toolchains_leave_the_library_path() {
        let mixed = OsStr::new("/opt/lib:/home/me/.rustup/toolchains/stable/lib:/usr/lib64");
        assert_eq!(without_toolchains(mixed).unwrap(), OsStr::new("/opt/lib:/usr/lib64"));
        let only = OsStr::new("/home/me/.rustup/toolchains/stable/lib");
        assert_eq!(without_toolchains(only), None);
    }
}
