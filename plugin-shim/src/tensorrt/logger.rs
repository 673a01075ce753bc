//! TensorRT's log.

use std::{
    ffi::{CStr, CString, c_char, c_void},
    mem::transmute,
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, Ordering},
};

use super::{Object, TensorRt, virtual_function};

/// `nvinfer1::ILogger::Severity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Severity {
    /// A bug in this library.
    InternalError = 0,
    /// A wrong use of this library.
    Error = 1,
    /// Something that the application may have wanted.
    Warning = 2,
}

/// Writes to TensorRT's log. Where no logger is found, it writes to the standard error stream.
pub(crate) fn log(severity: Severity, message: &str) {
    match logger() {
        // A message can quote an attribute, which may contain a NUL.
        Some(logger) => logger.log(severity, &CString::new(message.replace('\0', "\\0")).unwrap_or_default()),
        None => eprintln!("{message}"),
    }
}

/// TensorRT's `ILogger`.
struct Logger {
    object: Object,
    /// The slot of `log`.
    slot: usize,
}

impl Logger {
    fn log(&self, severity: Severity, message: &CStr) {
        // SAFETY: the application keeps its logger alive while TensorRT uses it, and the slot holds
        // `void log(Severity, char const*)`.
        unsafe {
            let log = virtual_function(self.object, self.slot);
            transmute::<*const c_void, extern "C" fn(Object, i32, *const c_char)>(log)(
                self.object,
                severity as i32,
                message.as_ptr(),
            );
        }
    }
}

/// The logger for this thread: the finder's logger. Where there is no finder, the logger of the first TensorRT that has
/// one. A TensorRT whose slots are not known is not asked.
fn logger() -> Option<Logger> {
    let all = TensorRt::all();
    let found = logger_finder().and_then(|finder| {
        let slot = finder_slot(finder, &all)?;
        // SAFETY: whoever set the finder keeps it alive, and the slot holds `ILogger* findLogger()`.
        let object = unsafe {
            let find = virtual_function(finder, slot);
            transmute::<*const c_void, extern "C" fn(Object) -> Option<Object>>(find)(finder)
        };
        Some(Logger { object: object?, slot })
    });
    found.or_else(|| {
        all.iter().find_map(|tensorrt| {
            let slot = tensorrt.version.log_slot()?;
            Some(Logger { object: tensorrt.logger()?, slot })
        })
    })
}

/// The slot of a finder's `findLogger`. An application's own finder has the slots of the process's TensorRT. None where
/// the process has several TensorRTs with different slots, or the slots are not known.
fn finder_slot(finder: Object, all: &[TensorRt]) -> Option<usize> {
    if let Some(owner) = all.iter().find(|tensorrt| tensorrt.made(finder)) {
        return owner.version.log_slot();
    }
    let (first, others) = all.split_first()?;
    let slot = first.version.log_slot();
    slot.filter(|_| others.iter().all(|other| other.version.log_slot() == slot))
}

static LOGGER_FINDER: AtomicPtr<*const *const c_void> = AtomicPtr::new(ptr::null_mut());

/// Keeps the finder that `setLoggerFinder` got. Null removes it.
pub(crate) fn set_logger_finder(finder: *mut *const *const c_void) {
    LOGGER_FINDER.store(finder, Ordering::Release);
}

fn logger_finder() -> Option<Object> {
    NonNull::new(LOGGER_FINDER.load(Ordering::Acquire))
}

/// The TensorRT that owns the logger finder. `loadLibrary` sets TensorRT's own finder before it asks for the creators,
/// so the owner is the TensorRT that asks. None where no finder is set, or an application has set its own.
pub(crate) fn logger_finder_owner() -> Option<TensorRt> {
    let finder = logger_finder()?;
    TensorRt::all().into_iter().find(|tensorrt| tensorrt.made(finder))
}
