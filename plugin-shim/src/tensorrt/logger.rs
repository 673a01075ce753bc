//! TensorRT's log.

use std::{
    ffi::{CStr, CString, c_char, c_void},
    mem::transmute,
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, Ordering},
};

use super::{Object, TensorRt, virtual_function};

/// How grave a message is, in TensorRT's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Severity {
    /// A bug of this library's.
    InternalError = 0,
    /// A wrong use of it.
    Error = 1,
    /// Something that may be meant.
    Warning = 2,
}

/// Writes to TensorRT's log, or to the standard error stream of a process that has none.
pub(crate) fn log(severity: Severity, message: &str) {
    match logger() {
        // A message can quote attributes, and those can hold anything.
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

/// The logger to use on this thread: the finder's, else the first that a TensorRT of the process has. A TensorRT whose
/// classes are not known is not asked.
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

/// The slot of a finder's `findLogger`. The finder of an application is laid out as the process's TensorRT has it; where
/// there are several and they differ, it cannot be told.
fn finder_slot(finder: Object, all: &[TensorRt]) -> Option<usize> {
    if let Some(owner) = all.iter().find(|tensorrt| tensorrt.made(finder)) {
        return owner.version.log_slot();
    }
    let (first, others) = all.split_first()?;
    let slot = first.version.log_slot();
    slot.filter(|_| others.iter().all(|other| other.version.log_slot() == slot))
}

static LOGGER_FINDER: AtomicPtr<*const *const c_void> = AtomicPtr::new(ptr::null_mut());

/// Takes the finder that `setLoggerFinder` was given; null takes it back.
pub(crate) fn set_logger_finder(finder: *mut *const *const c_void) {
    LOGGER_FINDER.store(finder, Ordering::Release);
}

fn logger_finder() -> Option<Object> {
    NonNull::new(LOGGER_FINDER.load(Ordering::Acquire))
}

/// The TensorRT that set the logger finder. `loadLibrary` sets one of TensorRT's own before it asks for the creators, so it
/// tells which TensorRT asks. None where an application set its own, or nobody has set one.
pub(crate) fn logger_finder_owner() -> Option<TensorRt> {
    let finder = logger_finder()?;
    TensorRt::all().into_iter().find(|tensorrt| tensorrt.made(finder))
}
