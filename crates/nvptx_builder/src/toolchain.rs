//! Finds a compiler that can build `core` for the GPU.
//!
//! Such a compiler has the source of exactly its own standard library beside it: rustup's component `rust-src`, or
//! Debian's package `rust-web-src`. The one named by `NVPTX_RUSTC` is taken if that is set. Otherwise the one in use
//! comes first, then rustup's other toolchains from the newest to the oldest, then any rustc on the path.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::Output,
};

use crate::{NvvmArch, environment::clean_command};

/// The environment variable that names the rustc to use.
pub const RUSTC_VARIABLE: &str = "NVPTX_RUSTC";

/// Rust's name for NVIDIA GPUs.
pub(crate) const TARGET: &str = "nvptx64-nvidia-cuda";

/// Folders that hold a system's rustc, searched even where the path leaves them out.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/local/bin", "/usr/bin"];

/// A compiler that can build `core` for the GPU, and the cargo to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    rustc: PathBuf,
    cargo: PathBuf,
    version: String,
    gpus: Vec<String>,
}

impl Toolchain {
    /// The compiler.
    pub fn rustc(&self) -> &Path {
        &self.rustc
    }

    /// The cargo beside the compiler, or, where none is, the one that runs this build.
    pub fn cargo(&self) -> &Path {
        &self.cargo
    }

    /// What `rustc --version` prints.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the compiler knows this architecture.
    pub fn supports(&self, arch: NvvmArch) -> bool {
        let name = arch.to_string();
        self.gpus.contains(&name)
    }
}

/// Finds a compiler in the surroundings of this process.
///
/// # Errors
/// [`ToolchainNotFound`], which says where it looked and what to install.
pub fn find() -> Result<Toolchain, ToolchainNotFound> {
    Surroundings::of_this_process().find()
}

/// No compiler can build `core` for the GPU; displays as a message that names the commands which change that.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolchainNotFound {
    rejected: Vec<Rejected>,
    named_by_variable: bool,
    rustup_toolchain: Option<String>,
    has_rustup: bool,
    has_apt: bool,
}

impl std::error::Error for ToolchainNotFound {}

impl fmt::Debug for ToolchainNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for ToolchainNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.named_by_variable {
            writeln!(f, "the compiler named by {RUSTC_VARIABLE} cannot compile for the GPU:")?;
        } else {
            writeln!(
                f,
                "no Rust compiler with the source of its standard library was found, and compiling kernels to PTX takes one. \
                 Install it:"
            )?;
            writeln!(f, "    cargo xtask setup")?;
            writeln!(f, "or, without that command:")?;
            if self.has_rustup {
                write!(f, "    rustup component add rust-src")?;
                match &self.rustup_toolchain {
                    Some(name) => writeln!(f, " --toolchain {name}")?,
                    None => writeln!(f)?,
                }
            }
            if self.has_apt || !self.has_rustup {
                writeln!(f, "    apt-get install --no-install-recommends rustc-web cargo-web rust-web-src")?;
            }
            writeln!(f, "or name one with the environment variable {RUSTC_VARIABLE}. What was found:")?;
        }
        if self.rejected.is_empty() {
            write!(f, "    no rustc at all")?;
        }
        for (place, rejected) in self.rejected.iter().enumerate() {
            let separator = if place == 0 { "" } else { "\n" };
            write!(f, "{separator}    {}: {}", rejected.rustc.display(), rejected.reason)?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rejected {
    rustc: PathBuf,
    reason: String,
}

/// What the search depends on.
#[derive(Debug, Default)]
struct Surroundings {
    named: Option<PathBuf>,
    in_use: Option<PathBuf>,
    outer_cargo: Option<PathBuf>,
    rustup_home: Option<PathBuf>,
    rustup_toolchain: Option<String>,
    path: Vec<PathBuf>,
}

impl Surroundings {
    fn of_this_process() -> Self {
        let path_of = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let mut path: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        path.extend(SYSTEM_FOLDERS.map(PathBuf::from));
        Self {
            named: path_of(RUSTC_VARIABLE),
            in_use: path_of("RUSTC").filter(|rustc| rustc.is_absolute()),
            outer_cargo: path_of("CARGO"),
            rustup_home: path_of("RUSTUP_HOME").or_else(|| env::home_dir().map(|home| home.join(".rustup"))),
            rustup_toolchain: env::var("RUSTUP_TOOLCHAIN").ok(),
            path,
        }
    }

    fn find(&self) -> Result<Toolchain, ToolchainNotFound> {
        let mut rejected: Vec<Rejected> = Vec::new();
        for rustc in self.candidates() {
            match self.probe(&rustc) {
                Ok(toolchain) => return Ok(toolchain),
                Err(Rejected { rustc, .. }) if rejected.iter().any(|known| known.rustc == rustc) => {}
                Err(reason) => rejected.push(reason),
            }
        }
        Err(ToolchainNotFound {
            rejected,
            named_by_variable: self.named.is_some(),
            rustup_toolchain: self.rustup_toolchain.clone(),
            has_rustup: self.on_path("rustup").next().is_some(),
            has_apt: self.on_path("apt-get").next().is_some(),
        })
    }

    /// Compilers in the order in which they are preferred. One may be listed under several names.
    fn candidates(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.named {
            return vec![named.clone()];
        }
        let mut candidates: Vec<PathBuf> = self.in_use.iter().cloned().collect();
        candidates.extend(self.rustup_toolchains());
        candidates.extend(self.on_path("rustc"));
        candidates
    }

    fn on_path<'a>(&'a self, program: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
        let files = self.path.iter().map(move |folder| folder.join(program));
        files.filter(|file| file.is_file())
    }

    fn rustup_toolchains(&self) -> Vec<PathBuf> {
        let Some(folder) = self.rustup_home.as_ref().map(|home| home.join("toolchains")) else {
            return Vec::new();
        };
        let active = self.rustup_toolchain.as_ref().map(|name| folder.join(name));
        let installed = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut ranked: Vec<_> = installed
            .map(|entry| {
                let is_active = Some(entry.path()) == active;
                let rustc = entry.path().join("bin").join("rustc");
                (is_active, release_of(&rustc), rustc)
            })
            .collect();
        ranked.sort();
        ranked.into_iter().rev().map(|(_, _, rustc)| rustc).collect()
    }

    fn probe(&self, candidate: &Path) -> Result<Toolchain, Rejected> {
        let ask = |arguments: &[&str]| ask(candidate, arguments);
        let reject = |rustc: &Path, reason: String| Rejected { rustc: rustc.to_owned(), reason };
        let sysroot = ask(&["--print", "sysroot"]).map_err(|reason| reject(candidate, reason))?;
        let sysroot = PathBuf::from(sysroot.trim());

        // The candidate may be rustup's proxy, which would choose a compiler anew in each folder it is run in.
        let within = sysroot.join("bin").join("rustc");
        let rustc = if within.is_file() { within.as_path() } else { candidate };
        let library = sysroot.join("lib/rustlib/src/rust/library");
        // Cargo resolves the standard library's own dependencies by that lock.
        if !library.join("core/Cargo.toml").is_file() || !library.join("Cargo.lock").is_file() {
            let reason = format!("no library source in {}", library.display());
            return Err(reject(rustc, reason));
        }
        let gpus = ask(&["--print", "target-cpus", "--target", TARGET])
            .map_err(|reason| reject(rustc, format!("no target {TARGET}: {reason}")))?;
        let version = ask(&["--version"]).map_err(|reason| reject(rustc, reason))?;
        let beside = rustc.with_file_name("cargo");
        let cargo = Some(beside)
            .filter(|cargo| cargo.is_file())
            .or_else(|| self.outer_cargo.clone())
            .or_else(|| self.on_path("cargo").next())
            .ok_or_else(|| reject(rustc, "no cargo beside it or on the path".to_owned()))?;
        Ok(Toolchain {
            rustc: rustc.to_owned(),
            cargo,
            version: version.trim().to_owned(),
            gpus: gpus.split_whitespace().filter(|word| word.starts_with("sm_")).map(str::to_owned).collect(),
        })
    }
}

/// What the compiler prints on standard output when asked.
fn ask(rustc: &Path, arguments: &[&str]) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        clean_command(rustc).args(arguments).output().map_err(|error| format!("cannot be run: {error}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(stderr.lines().next().unwrap_or("failed").to_owned())
}

/// The numbers of the compiler's release, to order by; none sorts first.
fn release_of(rustc: &Path) -> Vec<u32> {
    let verbose = ask(rustc, &["-vV"]).unwrap_or_default();
    let release = verbose.lines().find_map(|line| line.strip_prefix("release: "));
    release.unwrap_or_default().split(['.', '-']).map_while(|part| part.parse().ok()).collect()
}

#[cfg(all(test, unix))]
mod tests;
