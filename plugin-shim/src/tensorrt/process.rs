//! The TensorRT runtimes that the process has loaded.

use std::{
    ffi::{CStr, OsStr, c_int, c_void},
    iter,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    ptr,
};

use libloading::os::unix::{Library, RTLD_LAZY};

use super::{Object, Registry, Release, Unserved, Version};

/// A TensorRT runtime of this process.
pub(crate) struct TensorRt {
    pub(crate) version: Version,
    library: Library,
    image: Option<usize>,
}

impl TensorRt {
    /// Every TensorRT runtime that the process has loaded, each once. The runtime whose symbols are global comes first.
    /// Then come the runtimes whose symbols are local; Python and trtexec load TensorRT so.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        // SAFETY: RTLD_NOLOAD loads and runs nothing. The handle keeps the library loaded while it is in use.
        let open = |path| unsafe { Library::open(Some(path), RTLD_LAZY | libc::RTLD_NOLOAD) }.ok();
        for library in iter::once(Library::this()).chain(loaded_tensorrt_libraries().into_iter().filter_map(open)) {
            if let Some(tensorrt) = Self::of(library)
                && !all.iter().any(|known| known.image == tensorrt.image)
            {
                all.push(tensorrt);
            }
        }
        all
    }

    /// The TensorRT that a lookup in the library finds. None where it finds no `getInferLibVersion`.
    fn of(library: Library) -> Option<Self> {
        // SAFETY: TensorRT exports `int32_t getInferLibVersion()`.
        let version = *unsafe { library.get::<extern "C" fn() -> i32>(c"getInferLibVersion") }.ok()?;
        Some(Self { version: Version(version()), library, image: image_of(version as *const c_void) })
    }

    /// The release, or the reason why the library has no plugins for it.
    pub(crate) fn release(&self) -> Result<Release, Unserved> {
        self.version.release()
    }

    /// The plugin registry of a release that the library has plugins for. None where TensorRT returns null.
    pub(crate) fn registry(&self, release: &Release) -> Option<Registry> {
        let object = self.object(c"getPluginRegistry")?;
        // SAFETY: TensorRT's registry has its release's slots, and lives as long as TensorRT.
        Some(unsafe { Registry::new(object, release.registry) })
    }

    /// TensorRT's logger. None until the application has created a builder or a runtime with one.
    pub(super) fn logger(&self) -> Option<Object> {
        self.object(c"getLogger")
    }

    /// True where the object's table of virtual functions is in this TensorRT's library.
    pub(super) fn made(&self, object: Object) -> bool {
        // SAFETY: a C++ object starts with the pointer to its table.
        let table = unsafe { *object.as_ptr() };
        self.image.is_some() && image_of(table.cast()) == self.image
    }

    /// Calls `getPluginRegistry` or `getLogger`.
    fn object(&self, function: &CStr) -> Option<Object> {
        // SAFETY: both functions have this signature.
        let function = *unsafe { self.library.get::<extern "C" fn() -> Option<Object>>(function) }.ok()?;
        function()
    }
}

/// The start address of the library or program that contains an address.
fn image_of(address: *const c_void) -> Option<usize> {
    let mut info = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: dladdr takes any address, and writes the info.
    let found = unsafe { libc::dladdr(address, &raw mut info) } != 0;
    found.then_some(info.dli_fbase as usize)
}

/// The paths of the loaded libraries that have the file name of a TensorRT runtime: `libnvinfer.so.8`,
/// `libnvinfer_lean.so.11`, `libnvinfer_dispatch.so.10`, `libtensorrt_rtx.so.1`.
fn loaded_tensorrt_libraries() -> Vec<PathBuf> {
    const NAMES: [&[u8]; 4] =
        [b"libnvinfer.so", b"libnvinfer_lean.so", b"libnvinfer_dispatch.so", b"libtensorrt_rtx.so"];

    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, found: *mut c_void) -> c_int {
        // SAFETY: dl_iterate_phdr hands over a valid info and the pointer it was given.
        let (name, found) = unsafe { ((*info).dlpi_name, &mut *found.cast::<Vec<PathBuf>>()) };
        if !name.is_null() {
            // SAFETY: the loader's names end in a NUL.
            let path = OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes());
            let path = PathBuf::from(path);
            let file = path.file_name().unwrap_or_default().as_bytes();
            if NAMES.iter().any(|name| file.starts_with(name)) {
                found.push(path);
            }
        }
        0
    }

    let mut found = Vec::new();
    // SAFETY: `visit` reads its last argument as this vector. It does not unwind: where there is no memory it aborts.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut found).cast()) };
    found
}
