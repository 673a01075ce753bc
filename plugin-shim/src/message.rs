//! Messages to TensorRT's log, and the guard that no failure and no panic gets past.

use std::{
    any::Any,
    ffi::{CStr, CString, c_char},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::tensorrt::{Severity, log};

/// Why something was refused: one sentence that names the input or attribute, what was given and the rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal(String);

impl Refusal {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The largest sizes must be known before there can be a workspace.
    pub(crate) fn unknown_workspace() -> Self {
        Self::new("the workspace depends on the tensors' sizes, and TensorRT has not told the largest")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl From<tensorrt_scatter::Error> for Refusal {
    fn from(error: tensorrt_scatter::Error) -> Self {
        Self(error.to_string())
    }
}

/// Runs what TensorRT called for. Logs a refusal, or a panic as a bug of ours, under the layer's name, and returns it.
pub(crate) fn guard<T>(who: &dyn fmt::Display, work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    // Unwind safety: the state that plugins change is one atomic number and one string, each replaced whole.
    let (severity, refusal) = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(refusal)) => (Severity::Error, refusal),
        Err(panic) => (Severity::InternalError, Refusal(format!("a bug in the plugin library: {}", text(&*panic)))),
    };
    log(severity, &format!("{who}: {refusal}"));
    Err(refusal)
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let string = panic.downcast_ref::<String>().map(String::as_str);
    string.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

/// Who speaks in a message: `TRTS_Scatter "layer"`.
pub(crate) struct Who<'a> {
    pub(crate) plugin: &'a CStr,
    pub(crate) layer: &'a CStr,
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.plugin.to_string_lossy())?;
        if self.layer.is_empty() { Ok(()) } else { write!(f, " \"{}\"", self.layer.to_string_lossy()) }
    }
}

/// A copy of a C string; empty for null.
///
/// # Safety
/// `text` must be null or end in a NUL.
pub(crate) unsafe fn owned(text: *const c_char) -> CString {
    if text.is_null() {
        return CString::default();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_refusal() {
        let caught = guard(&"test", || -> Result<(), Refusal> { panic!("inside {}", 1) });
        assert_eq!(caught, Err(Refusal::new("a bug in the plugin library: inside 1")));
    }
}
