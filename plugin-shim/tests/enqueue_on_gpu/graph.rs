//! CUDA graphs, by the driver's own functions: the library under test has no use for them.

use std::ffi::{CStr, c_int, c_uint, c_ulonglong, c_void};

use tensorrt_scatter::gpu::Stream;

/// A function of the driver, as `F`.
///
/// # Safety
/// The driver must have it with type `F`.
unsafe fn driver<F: Copy>(name: &CStr) -> F {
    // SAFETY: the names end in a NUL; the driver was loaded when the stream was made.
    unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        let address = libc::dlsym(library, name.as_ptr());
        assert!(!address.is_null(), "{name:?}");
        std::mem::transmute_copy(&address)
    }
}

/// The work that was captured from a stream.
pub struct Graph(*mut c_void);

impl Graph {
    pub fn capture(stream: &Stream, work: impl FnOnce()) -> Self {
        /// `CU_STREAM_CAPTURE_MODE_THREAD_LOCAL`: calls that a capture does not allow fail on this thread.
        const THREAD_LOCAL: c_int = 1;
        let (mut graph, mut executable) = (std::ptr::null_mut::<c_void>(), std::ptr::null_mut::<c_void>());
        // SAFETY: the driver's functions have these signatures, and the pointers are to locals.
        unsafe {
            let begin: unsafe extern "C" fn(*mut c_void, c_int) -> c_int = driver(c"cuStreamBeginCapture_v2");
            let end: unsafe extern "C" fn(*mut c_void, *mut *mut c_void) -> c_int = driver(c"cuStreamEndCapture");
            let instantiate: unsafe extern "C" fn(*mut *mut c_void, *mut c_void, c_ulonglong) -> c_int =
                driver(c"cuGraphInstantiateWithFlags");
            assert_eq!(begin(stream.as_raw(), THREAD_LOCAL), 0);
            work();
            assert_eq!(end(stream.as_raw(), &mut graph), 0, "the capture was broken");
            assert_eq!(instantiate(&mut executable, graph, 0), 0);
            let destroy: unsafe extern "C" fn(*mut c_void) -> c_uint = driver(c"cuGraphDestroy");
            assert_eq!(destroy(graph), 0);
        }
        Self(executable)
    }

    pub fn launch(&self, stream: &Stream) {
        // SAFETY: the driver's function has this signature, and the graph was instantiated.
        unsafe {
            let launch: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int = driver(c"cuGraphLaunch");
            assert_eq!(launch(self.0, stream.as_raw()), 0);
        }
        stream.synchronize().unwrap();
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: as in `launch`.
        unsafe {
            let destroy: unsafe extern "C" fn(*mut c_void) -> c_int = driver(c"cuGraphExecDestroy");
            destroy(self.0);
        }
    }
}
