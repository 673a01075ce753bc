//! The results of calls: a status, and for each thread the text and the bad index of its last call.

use std::{
    any::Any,
    cell::RefCell,
    ffi::{CString, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
};

use tensorrt_scatter::{Error, ErrorKind, Reduce};

use super::words::{alternatives, reduce_constant};

use crate::registration::Unregistered;

/// `trts_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Ok = 0,
    InvalidArgument = 1,
    BadIndex = 2,
    OutOfMemory = 3,
    NoDevice = 4,
    CudaError = 5,
    InternalError = 6,
    UnsupportedTensorRt = 7,
}

/// Why a call failed.
#[derive(Debug)]
pub(super) struct Failure {
    status: Status,
    text: String,
    bad_index: Option<BadIndex>,
}

#[derive(Clone, Copy, Debug)]
struct BadIndex {
    position: i64,
    value: i64,
}

impl Failure {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self { status: Status::InvalidArgument, text: text.into(), bad_index: None }
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, bad_index) = match error.kind() {
            ErrorKind::Argument => (Status::InvalidArgument, None),
            // A position of an element in memory is far below 2^63.
            ErrorKind::BadIndex { position, value } => {
                (Status::BadIndex, Some(BadIndex { position: position as i64, value }))
            }
            ErrorKind::OutOfMemory => (Status::OutOfMemory, None),
            ErrorKind::NoDevice => (Status::NoDevice, None),
            ErrorKind::Cuda => (Status::CudaError, None),
        };
        Self { status, text: text(&error), bad_index }
    }
}

/// An error in the words of C.
fn text(error: &Error) -> String {
    let Error::NoArgOut { reduce } = error else { return error.to_string() };
    let with = Reduce::ALL.into_iter().filter(|reduce| reduce.has_arg()).map(reduce_constant);
    let given = reduce_constant(*reduce);
    format!("arg_out was given, but {given} has none; pass a null pointer, or reduce by {}", alternatives(with))
}

impl From<Unregistered> for Failure {
    fn from(reason: Unregistered) -> Self {
        Self { status: Status::UnsupportedTensorRt, text: reason.to_string(), bad_index: None }
    }
}

/// The text and the bad index of a thread's last call.
#[derive(Default)]
struct Last {
    text: CString,
    bad_index: Option<BadIndex>,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

/// Runs a call. If it fails or panics, keeps the reason for the thread.
pub(super) fn guard(call: impl FnOnce() -> Result<(), Failure>) -> Status {
    // Unwind safety: what a call changes is the caller's memory, and caches behind locks that are not poisoned.
    let failure = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(panic) => Some(Failure {
            status: Status::InternalError,
            text: format!("a bug in the library, please report it: {}", panic_text(&*panic)),
            bad_index: None,
        }),
    };
    let status = failure.as_ref().map_or(Status::Ok, |failure| failure.status);
    let last = failure.map_or_else(Last::default, |failure| Last {
        text: CString::new(failure.text.replace('\0', "\\0")).unwrap_or_default(),
        bad_index: failure.bad_index,
    });
    LAST.set(last);
    status
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let string = panic.downcast_ref::<String>().map(String::as_str);
    string.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn trts_last_error() -> *const c_char {
    LAST.with_borrow(|last| last.text.as_ptr())
}

/// See the header.
///
/// # Safety
/// Each pointer must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_last_bad_index(position: *mut i64, value: *mut i64) -> Status {
    let Some(bad_index) = LAST.with_borrow(|last| last.bad_index) else { return Status::InvalidArgument };
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(position) = position.as_mut() {
            *position = bad_index.position;
        }
        if let Some(value) = value.as_mut() {
            *value = bad_index.value;
        }
    }
    Status::Ok
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn last_error() -> String {
        // SAFETY: the text ends in a NUL and lives until the thread's next call.
        unsafe { CStr::from_ptr(trts_last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_is_an_answer_with_its_text() {
        assert_eq!(guard(|| panic!("inside {}", 1)), Status::InternalError);
        assert!(last_error().contains("inside 1"), "{}", last_error());
        assert_eq!(guard(|| Ok(())), Status::Ok);
        assert_eq!(last_error(), "");
    }

    #[test]
    fn a_failure_is_the_thread_s_own() {
        assert_eq!(guard(|| Err(Failure::invalid("mine\0"))), Status::InvalidArgument);
        assert_eq!(std::thread::spawn(last_error).join().unwrap(), "");
        assert_eq!(last_error(), "mine\\0");
    }
}
