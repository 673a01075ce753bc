//! The nested build.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    CudaBuilderError, NvvmArch, cargo_output,
    environment::clean_command,
    target_dir,
    toolchain::{self, TARGET, Toolchain},
    watch,
};

/// How kernels are compiled, whatever the profiles of the workspace say: one optimised module, since PTX has no linker
/// here, with nothing in it that a GPU could not use.
const PROFILE: [(&str, &str); 9] = [
    ("CODEGEN_UNITS", "1"),
    ("DEBUG", "false"),
    ("DEBUG_ASSERTIONS", "false"),
    ("INCREMENTAL", "false"),
    ("LTO", "fat"),
    ("OPT_LEVEL", "3"),
    ("OVERFLOW_CHECKS", "false"),
    ("PANIC", "abort"),
    ("STRIP", "none"),
];

/// Stands in for the linker, which the compiler insists on calling once the PTX is written.
const NO_LINKER: &str = "-Clinker=true";

/// Builds one crate of kernels for one architecture.
///
/// Builds for different architectures may run at the same time; each has its own folder, and a lock in it holds off a
/// second build of the same.
#[derive(Debug, Clone)]
#[must_use = "nothing is compiled until build() is called"]
pub struct CudaBuilder {
    krate: PathBuf,
    arch: NvvmArch,
    copy_to: Option<PathBuf>,
    target_dir: Option<PathBuf>,
}

impl CudaBuilder {
    /// A build of the crate in the folder `path_to_crate`, a member of a workspace or not, for [`NvvmArch::Compute75`].
    pub fn new(path_to_crate: impl AsRef<Path>) -> Self {
        Self { krate: path_to_crate.as_ref().to_owned(), arch: NvvmArch::Compute75, copy_to: None, target_dir: None }
    }

    /// The oldest architecture that the PTX shall run on.
    pub fn arch(mut self, arch: NvvmArch) -> Self {
        self.arch = arch;
        self
    }

    /// Also writes the PTX to this file. A file that already has this content is left untouched.
    pub fn copy_to(mut self, path: impl AsRef<Path>) -> Self {
        self.copy_to = Some(path.as_ref().to_owned());
        self
    }

    /// The folder to build in, instead of `nvptx` in the target folder of the build script that calls. Each
    /// architecture has its own folder in it, which holds its compiled `core`.
    pub fn target_dir(mut self, path: impl AsRef<Path>) -> Self {
        self.target_dir = Some(path.as_ref().to_owned());
        self
    }

    /// Compiles the crate, and tells the outer cargo which files to watch. Returns the path of the PTX: the path given
    /// to [`copy_to`](Self::copy_to), if one was given.
    ///
    /// The first build for an architecture compiles `core`, which takes tens of seconds; later ones take as long as the
    /// crate itself. The workspace's Cargo.lock is used as it is and never rewritten. Without one, cargo makes it.
    ///
    /// # Errors
    /// Where no compiler is found, where it cannot compile for the architecture, where the crate does not compile (with
    /// the compiler's diagnostics), and where files cannot be written. See [`CudaBuilderError`].
    pub fn build(self) -> Result<PathBuf, CudaBuilderError> {
        let manifest = self.krate.join("Cargo.toml");
        let manifest =
            fs::canonicalize(&manifest).map_err(|_| CudaBuilderError::CratePathDoesntExist(self.krate.clone()))?;
        let toolchain = toolchain::find()?;
        if !toolchain.supports(self.arch) {
            return Err(CudaBuilderError::ArchNotSupported {
                arch: self.arch,
                rustc: toolchain.rustc().to_owned(),
                version: toolchain.version().to_owned(),
            });
        }

        let folder = self.build_folder()?;
        fs::create_dir_all(&folder).map_err(CudaBuilderError::io(&folder))?;
        // The path is an argument of the compiler. By a link it would be another one, and everything compiled again.
        let folder = fs::canonicalize(&folder).map_err(CudaBuilderError::io(&folder))?;
        let _lock = lock(&folder)?;
        let nested = NestedBuild { manifest: &manifest, arch: self.arch, toolchain: &toolchain, folder: &folder };
        let built = nested.run()?;

        let mut files =
            watch::inputs(&built.dep_info, &built.workspace).map_err(CudaBuilderError::io(&built.dep_info))?;
        files.insert(toolchain.rustc().to_owned());
        watch::print(files);
        match self.copy_to {
            Some(copy) => {
                copy_if_changed(&built.ptx, &copy)?;
                Ok(copy)
            }
            None => Ok(built.ptx),
        }
    }

    fn build_folder(&self) -> Result<PathBuf, CudaBuilderError> {
        let target_dir = match &self.target_dir {
            Some(given) => given.clone(),
            None => {
                let out_dir = env::var_os("OUT_DIR").ok_or(CudaBuilderError::NoTargetDir)?;
                let triple = env::var("TARGET").ok();
                target_dir::from_out_dir(Path::new(&out_dir), triple.as_deref())
                    .unwrap_or_else(|| out_dir.into())
                    .join("nvptx")
            }
        };
        // Cargo runs in the crate's folder, where a relative path would name another place.
        let folder = target_dir.join(self.arch.to_string());
        std::path::absolute(&folder).map_err(CudaBuilderError::io(folder))
    }
}

struct NestedBuild<'a> {
    manifest: &'a Path,
    arch: NvvmArch,
    toolchain: &'a Toolchain,
    folder: &'a Path,
}

struct Built {
    ptx: PathBuf,
    dep_info: PathBuf,
    workspace: PathBuf,
}

impl NestedBuild<'_> {
    fn run(&self) -> Result<Built, CudaBuilderError> {
        let krate = self.krate();
        let workspace = self.workspace()?;
        let rustflags = self.rustflags();
        let ptx = self.ptx_path(&rustflags);
        let mut emit = OsString::from("--emit=asm=");
        emit.push(&ptx);

        let mut cargo = self.cargo();
        cargo
            .args(["rustc", "--quiet", "--release", "--lib"])
            .args(["--crate-type", "cdylib", "-Zbuild-std=core"])
            .args(["--target", TARGET])
            .args(["--message-format", "json-render-diagnostics"])
            .arg("--target-dir")
            .arg(self.folder);
        if workspace.join("Cargo.lock").exists() {
            cargo.arg("--locked");
        }
        cargo.arg("--").arg(emit).env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\x1f"));
        for (key, value) in PROFILE {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }

        let messages = self.output_of(cargo)?;
        let no_ptx = || CudaBuilderError::NoPtx { krate: krate.to_owned(), expected: ptx.clone() };
        let library = cargo_output::built_library(&messages).ok_or_else(no_ptx)?;
        let dep_info = self.folder.join(TARGET).join("release").join(library);
        if !ptx.exists() {
            return Err(no_ptx());
        }
        Ok(Built { dep_info: dep_info.with_extension("d"), ptx, workspace })
    }

    fn krate(&self) -> &Path {
        self.manifest.parent().expect("Cargo.toml lies in a folder")
    }

    fn workspace(&self) -> Result<PathBuf, CudaBuilderError> {
        let mut cargo = self.cargo();
        cargo.args(["locate-project", "--workspace", "--message-format", "plain"]);
        let manifest = self.output_of(cargo)?;
        let folder = Path::new(manifest.trim()).parent();
        Ok(folder.unwrap_or(self.krate()).to_owned())
    }

    fn rustflags(&self) -> Vec<String> {
        let mut flags = self.arch.rustflags();
        flags.push(NO_LINKER.to_owned());
        flags
    }

    /// The file that the compiler writes the PTX to. Its name depends on everything that the PTX depends on, except the
    /// sources. So a file of another crate, compiler or set of flags is never taken for this one.
    fn ptx_path(&self, rustflags: &[String]) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (self.manifest, self.toolchain.version(), rustflags, PROFILE).hash(&mut hasher);
        self.folder.join(format!("{:016x}.ptx", hasher.finish()))
    }

    fn cargo(&self) -> Command {
        let mut cargo = clean_command(self.toolchain.cargo());
        cargo
            .current_dir(self.krate())
            .env("RUSTC", self.toolchain.rustc())
            // Allows a released compiler the unstable features that kernels use.
            .env("RUSTC_BOOTSTRAP", "1");
        cargo
    }

    /// What the command wrote to standard output.
    fn output_of(&self, mut cargo: Command) -> Result<String, CudaBuilderError> {
        let output = cargo.output().map_err(|source| CudaBuilderError::CargoDidNotStart {
            cargo: self.toolchain.cargo().to_owned(),
            source,
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(CudaBuilderError::BuildFailed {
            krate: self.krate().to_owned(),
            arch: self.arch,
            output: cargo_output::readable(&String::from_utf8_lossy(&output.stderr)),
        })
    }
}

/// Held until dropped. Cargo's own lock ends with cargo, before the PTX is copied.
fn lock(folder: &Path) -> Result<File, CudaBuilderError> {
    let path = folder.join(".builder-lock");
    let file = File::create(&path).map_err(CudaBuilderError::io(&path))?;
    file.lock().map_err(CudaBuilderError::io(path))?;
    Ok(file)
}

/// A file that is written again, though with the same content, makes cargo compile what includes it.
fn copy_if_changed(from: &Path, to: &Path) -> Result<(), CudaBuilderError> {
    let content = fs::read(from).map_err(CudaBuilderError::io(from))?;
    if fs::read(to).is_ok_and(|present| present == content) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(CudaBuilderError::io(folder))?;
    }
    fs::write(to, content).map_err(CudaBuilderError::io(to))
}
