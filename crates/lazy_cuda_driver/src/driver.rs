//! Finding and loading `libcuda.so.1`.

use std::error::Error;
use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW, Symbol};

/// The name under which NVIDIA's driver installs itself and container runtimes mount it; the
/// unversioned `libcuda.so` belongs to development packages and may be a stub.
const LIBRARY: &str = "libcuda.so.1";

/// Why no CUDA driver function can be called in this process.
///
/// The message holds the loader's own words and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverUnavailable {
    /// The loader could not load the library.
    #[error(
        "the CUDA driver could not be loaded ({reason}); install NVIDIA's driver, give the \
         container its GPU (`docker run --gpus all`), or put the folder that holds {LIBRARY} on \
         LD_LIBRARY_PATH"
    )]
    NotLoaded {
        /// What the loader said, with the name of the file that it could not find or load.
        reason: String,
    },
    /// A library of that name was loaded, and it is no CUDA driver.
    #[error(
        "the loader found a {LIBRARY} that is no CUDA driver ({reason}); `ldconfig -p` and \
         LD_LIBRARY_PATH say where it lies: remove it or put NVIDIA's before it"
    )]
    NotADriver {
        /// What the loader said about the function `cuInit`.
        reason: String,
    },
}

/// Says whether the CUDA driver could be loaded, loading it if no driver function was called yet.
///
/// `Ok` means that `libcuda.so.1` is there, not that it finds a device: `cuInit` tells that. The
/// answer stays the same for as long as the process lives.
///
/// # Errors
/// [`DriverUnavailable`], with the loader's message. Every driver function except `cuGetErrorName`
/// and `cuGetErrorString` then returns `CUDA_ERROR_NO_DEVICE`, and `cuGetErrorString` gives this
/// message for it.
pub fn status() -> Result<(), &'static DriverUnavailable> {
    library().map(drop)
}

/// Looks `name` up in the driver: `Err` without a driver, `None` where the driver has no such
/// function (it is older than the function).
pub(crate) fn find(name: &CStr) -> Result<Option<*mut c_void>, &'static DriverUnavailable> {
    // SAFETY: the symbol is only looked up here, as an address.
    let symbol = unsafe { library()?.get::<*mut c_void>(name) };
    Ok(symbol.ok().map(Symbol::as_raw_ptr))
}

fn library() -> Result<&'static Library, &'static DriverUnavailable> {
    static LOADED: OnceLock<Result<Library, DriverUnavailable>> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return loaded.as_ref();
    }
    // Loading takes the loader's lock, and whoever calls a driver function from a library's
    // constructor holds that lock already. So no lock of ours is held meanwhile: threads that come
    // at the same time each load the library, which the loader counts, and the first one's stays.
    let loaded = load();
    LOADED.get_or_init(|| loaded).as_ref()
}

fn load() -> Result<Library, DriverUnavailable> {
    // SAFETY: the driver's constructors are what any CUDA program runs. RTLD_LOCAL keeps its names
    // away from libraries loaded later.
    let library = unsafe { Library::open(Some(LIBRARY), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| DriverUnavailable::NotLoaded { reason: loader_message(&error) })?;
    // SAFETY: the symbol is only looked up here, as an address.
    match unsafe { library.get::<*mut c_void>(c"cuInit") } {
        Ok(_) => Ok(library),
        Err(error) => Err(DriverUnavailable::NotADriver { reason: loader_message(&error) }),
    }
}

/// libloading's own text is "dlopen failed"; the loader's message is its source.
fn loader_message(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), <dyn Error>::to_string)
}
