//! What can go wrong between a kernel crate and its PTX.

use std::{fmt, io, path::PathBuf};

use crate::{NvvmArch, toolchain::ToolchainNotFound};

/// Why no PTX came out.
///
/// `Debug` prints the same text as `Display`: build scripts unwrap, and a compiler's diagnostics cannot be read with
/// their line breaks escaped.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CudaBuilderError {
    /// The path given to [`CudaBuilder::new`](crate::CudaBuilder::new) holds no crate.
    #[error("{} holds no Cargo.toml; CudaBuilder::new expects the folder of a crate of kernels", .0.display())]
    CratePathDoesntExist(PathBuf),

    /// No compiler can build `core` for the GPU.
    #[error(transparent)]
    ToolchainNotFound(#[from] ToolchainNotFound),

    /// The compiler that was found is too old for the architecture asked for.
    #[error(
        "{version} ({}) cannot compile for {arch}; update it, or name a newer one with the environment variable {}",
        rustc.display(),
        crate::toolchain::RUSTC_VARIABLE
    )]
    ArchNotSupported {
        /// The architecture asked for.
        arch: NvvmArch,
        /// The compiler found.
        rustc: PathBuf,
        /// Its version line.
        version: String,
    },

    /// Neither a build script's environment nor the caller tells where to build.
    #[error("OUT_DIR is not set: outside a build script, give CudaBuilder::target_dir a folder to build in")]
    NoTargetDir,

    /// The nested cargo could not be started.
    #[error("{} could not be started: {source}", cargo.display())]
    CargoDidNotStart {
        /// The cargo that belongs to the compiler found.
        cargo: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The crate does not compile.
    #[error("{} does not compile for {arch}:\n{output}", krate.display())]
    BuildFailed {
        /// The crate's folder.
        krate: PathBuf,
        /// The architecture it was compiled for.
        arch: NvvmArch,
        /// What cargo and the compiler wrote, for people to read.
        output: String,
    },

    /// The build succeeded and left no PTX.
    #[error(
        "cargo built {} but left no PTX at {}; the crate must have a library target, and no codegen-units of its own \
         in [profile.release.package]",
        krate.display(),
        expected.display()
    )]
    NoPtx {
        /// The crate's folder.
        krate: PathBuf,
        /// Where the PTX should have been.
        expected: PathBuf,
    },

    /// A file of the build could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Debug for CudaBuilderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl CudaBuilderError {
    /// For `map_err` on what concerns one file.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
