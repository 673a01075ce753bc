//! The TensorRT in this process: found when it is needed, never linked.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ops::Range,
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, Ordering},
};

/// Which plugin interface a TensorRT release takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// `IPluginV2DynamicExt`.
    V2,
    /// `IPluginV3`.
    V3,
}

/// What differs between releases: positions in virtual function tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// What `getInferLibVersion` answers.
    versions: (i32, i32),
    pub(crate) generation: Generation,
    /// `IPluginRegistry::registerCreator` for creators of the generation.
    register_creator: usize,
    /// `IPluginRegistry::deregisterCreator` for the same.
    deregister_creator: usize,
    /// `ILogger::log`.
    log: usize,
    /// `ILoggerFinder::findLogger`.
    find_logger: usize,
}

/// Versions are 8503 for 8.5.3, 101600 for 10.16.0. TensorRT 12 is not in the table: its tables may differ.
const RELEASES: [Release; 5] = [
    Release {
        versions: (8500, 8600),
        generation: Generation::V2,
        register_creator: 0,
        deregister_creator: 7,
        log: 0,
        find_logger: 0,
    },
    // 8.6.0 alone, an early access release: 8.6.1 went back to the order of 8.5.
    Release {
        versions: (8600, 8601),
        generation: Generation::V2,
        register_creator: 0,
        deregister_creator: 11,
        log: 0,
        find_logger: 0,
    },
    Release {
        versions: (8601, 100_000),
        generation: Generation::V2,
        register_creator: 0,
        deregister_creator: 7,
        log: 0,
        find_logger: 0,
    },
    Release {
        versions: (100_000, 110_000),
        generation: Generation::V3,
        register_creator: 12,
        deregister_creator: 15,
        log: 0,
        find_logger: 0,
    },
    Release {
        versions: (110_000, 120_000),
        generation: Generation::V3,
        register_creator: 8,
        deregister_creator: 11,
        log: 4,
        find_logger: 4,
    },
];

impl Release {
    fn of(version: i32) -> Option<Self> {
        RELEASES
            .into_iter()
            .find(|release| Range { start: release.versions.0, end: release.versions.1 }.contains(&version))
    }
}

/// A C++ object: a pointer to a pointer to its table of virtual functions.
pub(crate) type Object = NonNull<*const *const c_void>;

/// The function in a slot of an object's virtual function table.
///
/// # Safety
/// `object` must point to a living C++ object whose table has that slot.
unsafe fn virtual_function(object: Object, slot: usize) -> *const c_void {
    // SAFETY: the caller's promise.
    unsafe { *(*object.as_ptr()).add(slot) }
}

/// The TensorRT runtime of this process.
pub(crate) struct TensorRt {
    pub(crate) release: Release,
    symbols: Symbols,
}

impl TensorRt {
    /// The TensorRT that the process has loaded, if its release is one of those known.
    pub(crate) fn find() -> Option<Self> {
        let symbols = Symbols::with(c"getInferLibVersion")?;
        let version = symbols.get(c"getInferLibVersion")?;
        // SAFETY: TensorRT exports `int32_t getInferLibVersion()`.
        let version = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> i32>(version.as_ptr())() };
        Some(Self { release: Release::of(version)?, symbols })
    }

    /// The process's plugin registry.
    pub(crate) fn registry(&self) -> Option<Registry> {
        Some(Registry { object: self.object(c"getPluginRegistry")?, release: self.release })
    }

    /// Calls one of TensorRT's functions that take nothing and give an object.
    fn object(&self, function: &CStr) -> Option<Object> {
        let function = self.symbols.get(function)?;
        // SAFETY: `getPluginRegistry` and `getLogger`, which this is called for, have this signature.
        NonNull::new(unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> *mut _>(function.as_ptr())() })
    }

    /// The logger to use on this thread: the finder's, else the process's.
    pub(crate) fn logger(&self) -> Option<Logger> {
        let found = NonNull::new(LOGGER_FINDER.load(Ordering::Acquire)).and_then(|finder| {
            // SAFETY: whoever set the finder keeps it alive; findLogger takes the object and gives a logger or null.
            unsafe {
                let find = virtual_function(finder, self.release.find_logger);
                NonNull::new(std::mem::transmute::<*const c_void, extern "C" fn(Object) -> *mut _>(find)(finder))
            }
        });
        let object = found.or_else(|| self.object(c"getLogger"))?;
        Some(Logger { object, release: self.release })
    }
}

/// TensorRT's `IPluginRegistry`.
pub(crate) struct Registry {
    object: Object,
    release: Release,
}

impl Registry {
    /// Registers a creator in the namespace "". False where one of that name and version is there already.
    ///
    /// # Safety
    /// `creator` must be a creator of the release's generation that is never freed.
    pub(crate) unsafe fn register(&self, creator: Object) -> bool {
        // SAFETY: the slot holds `bool registerCreator(creator&, char const* namespace)`; the rest is the caller's promise.
        unsafe {
            let register = virtual_function(self.object, self.release.register_creator);
            std::mem::transmute::<*const c_void, extern "C" fn(Object, Object, *const c_char) -> bool>(register)(
                self.object,
                creator,
                c"".as_ptr(),
            )
        }
    }

    /// Takes a creator out again. False where it is not there.
    ///
    /// # Safety
    /// As [`Registry::register`].
    pub(crate) unsafe fn deregister(&self, creator: Object) -> bool {
        // SAFETY: the slot holds `bool deregisterCreator(creator const&)`; the rest is the caller's promise.
        unsafe {
            let deregister = virtual_function(self.object, self.release.deregister_creator);
            std::mem::transmute::<*const c_void, extern "C" fn(Object, Object) -> bool>(deregister)(
                self.object,
                creator,
            )
        }
    }
}

/// How grave a message is, in TensorRT's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Severity {
    /// A bug of this library's.
    InternalError = 0,
    /// A wrong use of it.
    Error = 1,
}

/// TensorRT's `ILogger`.
pub(crate) struct Logger {
    object: Object,
    release: Release,
}

impl Logger {
    /// Writes a message.
    pub(crate) fn log(&self, severity: Severity, message: &CStr) {
        // SAFETY: the application keeps its logger alive while TensorRT uses it, and the slot holds
        // `void log(Severity, char const*)`.
        unsafe {
            let log = virtual_function(self.object, self.release.log);
            std::mem::transmute::<*const c_void, extern "C" fn(Object, i32, *const c_char)>(log)(
                self.object,
                severity as i32,
                message.as_ptr(),
            );
        }
    }
}

static LOGGER_FINDER: AtomicPtr<*const *const c_void> = AtomicPtr::new(ptr::null_mut());

/// Takes the finder that `setLoggerFinder` was given; null takes it back.
pub(crate) fn set_logger_finder(finder: *mut *const *const c_void) {
    LOGGER_FINDER.store(finder, Ordering::Release);
}

/// Where TensorRT's functions are looked up.
struct Symbols {
    handle: *mut c_void,
}

impl Symbols {
    /// The process's global symbols if they have the name, else the first loaded TensorRT library that does:
    /// Python and trtexec load TensorRT without making its symbols global.
    fn with(name: &CStr) -> Option<Self> {
        let global = Self { handle: libc::RTLD_DEFAULT };
        if global.get(name).is_some() {
            return Some(global);
        }
        loaded_tensorrt_libraries().into_iter().find_map(|path| {
            // SAFETY: the path is NUL-terminated. With RTLD_NOLOAD nothing is loaded or run. The handle is never
            // closed, which is sound: it keeps a library that TensorRT's users do not unload either.
            let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
            let library = (!handle.is_null()).then_some(Self { handle })?;
            library.get(name).is_some().then_some(library)
        })
    }

    fn get(&self, name: &CStr) -> Option<NonNull<c_void>> {
        // SAFETY: the handle is RTLD_DEFAULT or an open library's, the name NUL-terminated.
        NonNull::new(unsafe { libc::dlsym(self.handle, name.as_ptr()) })
    }
}

/// The paths of the loaded libraries whose file names TensorRT's runtimes have: `libnvinfer.so.8`,
/// `libnvinfer_lean.so.11`, `libnvinfer_dispatch.so.10`.
fn loaded_tensorrt_libraries() -> Vec<CString> {
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, found: *mut c_void) -> c_int {
        // SAFETY: dl_iterate_phdr hands over a valid info and the pointer it was given.
        let (name, found) = unsafe { ((*info).dlpi_name, &mut *found.cast::<Vec<CString>>()) };
        if !name.is_null() {
            // SAFETY: the loader's names end in a NUL.
            let path = unsafe { CStr::from_ptr(name) };
            let file = path.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            if [&b"libnvinfer.so"[..], b"libnvinfer_lean.so", b"libnvinfer_dispatch.so"]
                .iter()
                .any(|prefix| file.starts_with(prefix))
            {
                found.push(path.to_owned());
            }
        }
        0
    }
    let mut found: Vec<CString> = Vec::new();
    // SAFETY: `visit` takes the vector as it is handed over here, and does not unwind but for lack of memory,
    // which aborts.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut found).cast()) };
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_choose_the_generation() {
        let generation = |version| Release::of(version).map(|release| release.generation);
        for version in [8503, 8600, 8601, 9300] {
            assert_eq!(generation(version), Some(Generation::V2), "{version}");
        }
        for version in [100_001, 101_600, 110_000, 110_400] {
            assert_eq!(generation(version), Some(Generation::V3), "{version}");
        }
        for version in [0, 8400, 120_000] {
            assert_eq!(generation(version), None, "{version}");
        }
    }

    #[test]
    fn slots_are_those_of_the_release() {
        // Read off the headers of the releases.
        for (versions, slot) in [
            (&[8501, 8503, 8601, 9001, 9100, 9200][..], 7),
            (&[8600], 11),
            (&[100_001, 100_900, 101_601], 15),
            (&[110_000, 110_100, 110_400], 11),
        ] {
            for &version in versions {
                assert_eq!(Release::of(version).unwrap().deregister_creator, slot, "{version}");
            }
        }
    }
}
