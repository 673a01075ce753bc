//! The plugin registry of a real TensorRT, loaded from a library that an environment variable names.

use std::{
    env,
    ffi::{CString, c_char},
};

use super::{Library, Object, library_path, plugin_library, skipped, text};
use crate::call;

/// Positions in `IPluginRegistry`'s virtual function table, and in the creators' own.
struct Slots {
    load_library: usize,
    deregister_library: usize,
    list_creators: usize,
    get_creator: usize,
    creator_name: usize,
}

const TENSORRT_8: Slots =
    Slots { load_library: 5, deregister_library: 6, list_creators: 1, get_creator: 2, creator_name: 1 };
const TENSORRT_10: Slots =
    Slots { load_library: 10, deregister_library: 11, list_creators: 13, get_creator: 14, creator_name: 6 };
const TENSORRT_11: Slots =
    Slots { load_library: 6, deregister_library: 7, list_creators: 9, get_creator: 10, creator_name: 6 };

pub struct TensorRt {
    pub version: i32,
    registry: usize,
    slots: &'static Slots,
}

impl TensorRt {
    /// The TensorRT that the variable names; None, said aloud, where it is not set.
    pub fn load(variable: &str, test: &str) -> Option<Self> {
        let Some(path) = env::var_os(variable) else {
            skipped(test, &format!("{variable} does not name a TensorRT runtime library"));
            return None;
        };
        let library = Library::open(path.as_ref());
        // SAFETY: TensorRT exports both with these signatures.
        let (version, registry) = unsafe {
            (
                library.function::<extern "C" fn() -> i32>(c"getInferLibVersion")(),
                library.function::<extern "C" fn() -> Object>(c"getPluginRegistry")(),
            )
        };
        let slots = match version {
            ..10_000 => &TENSORRT_8,
            10_000..110_000 => &TENSORRT_10,
            110_000.. => &TENSORRT_11,
        };
        Some(Self { version, registry: registry as usize, slots })
    }

    fn registry(&self) -> Object {
        self.registry as Object
    }

    /// Opens the plugin library, as an application does; null where TensorRT refuses.
    pub fn load_library(&self) -> Object {
        let path = CString::new(library_path().to_str().unwrap()).unwrap();
        call!(self.registry(), self.slots.load_library => fn(*const c_char) -> Object, path.as_ptr())
    }

    fn deregister_library(&self, handle: Object) {
        call!(self.registry(), self.slots.deregister_library => fn(Object), handle);
    }

    /// The creator of TRTS_Scatter, or null.
    pub fn creator(&self) -> Object {
        call!(
            self.registry(), self.slots.get_creator => fn(*const c_char, *const c_char, *const c_char) -> Object,
            c"TRTS_Scatter".as_ptr(), c"1".as_ptr(), c"".as_ptr()
        )
    }

    /// How often the creator is listed.
    fn listed(&self) -> usize {
        let creator = self.creator();
        let mut count = 0;
        let creators = call!(self.registry(), self.slots.list_creators => fn(&mut i32) -> *const Object, &mut count);
        // SAFETY: the registry hands out that many.
        let creators = unsafe { std::slice::from_raw_parts(creators, count as usize) };
        creators.iter().filter(|&&listed| listed == creator).count()
    }
}

/// dlopen, loadLibrary and deregisterLibrary, in the orders that processes have them.
pub fn loads_and_unloads(tensorrt: &TensorRt) {
    assert!(tensorrt.creator().is_null());
    // dlopen alone registers.
    plugin_library();
    assert_eq!(tensorrt.listed(), 1);
    // loadLibrary after it takes the creators over, is refused a second time, and takes them out when told to.
    let handle = tensorrt.load_library();
    assert!(!handle.is_null());
    assert!(tensorrt.load_library().is_null());
    assert_eq!(tensorrt.listed(), 1);
    let creator = tensorrt.creator();
    tensorrt.deregister_library(handle);
    assert!(tensorrt.creator().is_null());
    // The library stays in memory: what it handed out lives on, and it can be loaded again.
    assert_eq!(text(call!(creator, tensorrt.slots.creator_name => fn() -> *const c_char)), "TRTS_Scatter");
    assert!(!tensorrt.load_library().is_null());
    assert_eq!(tensorrt.listed(), 1);
}
