//! The tests' own TensorRT. It finds the plugin library and calls it as TensorRT does: by positions in virtual function
//! tables, which were read from TensorRT's releases and not from the library's own headers.

#![allow(dead_code, reason = "each test program uses a part")]

pub mod damage;
pub mod host;
pub mod layers;
pub mod pose;
pub mod prepared;
pub mod random;
pub mod registry;
pub mod tensors;
pub mod v2;
pub mod v3;
pub mod v3_layer_rules;
pub mod v3_rules;
pub mod wrong;

use std::{
    env,
    ffi::{CStr, CString, c_char, c_void},
    path::PathBuf,
    sync::{Mutex, MutexGuard},
};

/// A C++ object.
pub type Object = *mut c_void;

/// A function in an object's virtual function table.
///
/// # Safety
/// The slot must hold a function of type `F`.
pub unsafe fn slot<F: Copy>(object: Object, slot: usize) -> F {
    assert_eq!(size_of::<F>(), size_of::<usize>());
    // SAFETY: the caller's promise.
    unsafe { std::mem::transmute_copy(&*(*object.cast::<*const *const c_void>()).add(slot)) }
}

/// Calls the function in a slot of an object: `call!(object, 3 => fn(i32) -> bool, 7)`.
#[macro_export]
macro_rules! call {
    ($object:expr, $slot:expr => fn($($type:ty),*) $(-> $result:ty)? $(, $argument:expr)* $(,)?) => {{
        let object: $crate::common::Object = $object;
        // SAFETY: the slot's number and signature are TensorRT's.
        #[allow(clippy::macro_metavars_in_unsafe, reason = "arguments of a foreign call, in this crate's tests alone")]
        unsafe {
            $crate::common::slot::<unsafe extern "C" fn($crate::common::Object $(, $type)*) $(-> $result)?>(object, $slot)(
                object $(, $argument)*
            )
        }
    }};
}

/// Where the plugin library is: `TRTS_PLUGIN_LIBRARY`, else beside the test program.
pub fn library_path() -> PathBuf {
    const FILE: &str = "libtensorrt_scatter_plugin.so";
    if let Some(path) = env::var_os("TRTS_PLUGIN_LIBRARY") {
        return path.into();
    }
    let program = env::current_exe().unwrap();
    let mut folders = program.ancestors().skip(1).take(2).map(|folder| folder.join(FILE));
    folders
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{FILE} is not beside {}; build it, or set TRTS_PLUGIN_LIBRARY", program.display()))
}

/// A loaded library.
pub struct Library(*mut c_void);

// SAFETY: the handle is only given to dlsym, which any thread may call.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    pub fn open(path: &std::path::Path) -> Self {
        let name = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the path ends in a NUL.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            // SAFETY: dlerror gives a text after a failure.
            panic!("{}: {}", path.display(), unsafe { CStr::from_ptr(libc::dlerror()) }.to_string_lossy());
        }
        Self(handle)
    }

    /// A function by name.
    ///
    /// # Safety
    /// The library must have it with type `F`.
    pub unsafe fn function<F: Copy>(&self, name: &CStr) -> F {
        assert_eq!(size_of::<F>(), size_of::<usize>());
        // SAFETY: the name ends in a NUL.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!address.is_null(), "{name:?} is not exported");
        // SAFETY: the caller's promise.
        unsafe { std::mem::transmute_copy(&address) }
    }

    /// The creators that `getPluginCreators` or `getCreators` hands over.
    pub fn creators(&self, function: &CStr) -> Vec<Object> {
        let mut count = -1;
        // SAFETY: both functions have this signature.
        unsafe {
            let creators = self.function::<unsafe extern "C" fn(&mut i32) -> *const Object>(function)(&mut count);
            (0..count as usize).map(|i| *creators.add(i)).collect()
        }
    }

    /// What `trts_register_plugins` answers: whether the plugins are registered, or the status and the error.
    pub fn register_plugins(&self) -> Result<i32, (i32, String)> {
        let mut registered = -1;
        // SAFETY: the functions have these signatures.
        unsafe {
            let status =
                self.function::<unsafe extern "C" fn(&mut i32) -> i32>(c"trts_register_plugins")(&mut registered);
            let error = self.function::<extern "C" fn() -> *const c_char>(c"trts_last_error")();
            if status == 0 { Ok(registered) } else { Err((status, text(error).to_owned())) }
        }
    }
}

/// The plugin library, loaded.
pub fn plugin_library() -> Library {
    Library::open(&library_path())
}

/// `nvinfer1::PluginField`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Field {
    pub name: *const c_char,
    pub data: *const c_void,
    pub field_type: i32,
    pub length: i32,
}

/// `nvinfer1::PluginFieldCollection`.
#[repr(C)]
pub struct FieldCollection {
    pub count: i32,
    pub fields: *const Field,
}

impl FieldCollection {
    pub fn new(fields: &[Field]) -> Self {
        Self { count: fields.len() as i32, fields: fields.as_ptr() }
    }

    /// The collection that an object's function returned.
    pub fn read<'a>(collection: *const Self) -> &'a [Field] {
        // SAFETY: TensorRT takes such a pointer as valid as well.
        unsafe {
            let collection = collection.as_ref().expect("a field collection");
            if collection.count == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(collection.fields, collection.count as usize)
            }
        }
    }
}

impl Field {
    pub fn name(&self) -> &str {
        text(self.name)
    }

    /// What an INT32, FLOAT64 or CHAR field holds.
    pub fn bytes(&self) -> &[u8] {
        let size = match self.field_type {
            INT32 => 4,
            FLOAT64 => 8,
            CHAR => 1,
            other => panic!("{} is of PluginFieldType {other}", self.name()),
        };
        // SAFETY: TensorRT takes a field to hold what it says as well.
        unsafe { std::slice::from_raw_parts(self.data.cast(), size * self.length as usize) }
    }
}

/// A text that an object returned.
pub fn text<'a>(pointer: *const c_char) -> &'a str {
    assert!(!pointer.is_null());
    // SAFETY: TensorRT takes such a pointer as valid as well.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
}

pub const FLOAT32: i32 = 1;
pub const FLOAT64: i32 = 2;
pub const INT32: i32 = 5;
pub const CHAR: i32 = 6;

/// The field for an INT32 attribute.
pub fn int(name: &'static CStr, value: &i32) -> Field {
    Field { name: name.as_ptr(), data: std::ptr::from_ref(value).cast(), field_type: INT32, length: 1 }
}

/// The field for a text attribute.
pub fn chars(name: &'static CStr, value: &str) -> Field {
    Field { name: name.as_ptr(), data: value.as_ptr().cast(), field_type: CHAR, length: value.len() as i32 }
}

/// The field for a FLOAT64 attribute.
pub fn float(name: &'static CStr, value: &f64) -> Field {
    Field { name: name.as_ptr(), data: std::ptr::from_ref(value).cast(), field_type: FLOAT64, length: 1 }
}

/// The fields of a `TRTS_Scatter`.
pub fn scatter_fields(dim: &'static i32, dim_size: Option<&'static i32>, reduce: &'static str) -> Vec<Field> {
    let mut fields = vec![int(c"dim", dim), chars(c"reduce", reduce)];
    fields.extend(dim_size.map(|size| int(c"dim_size", size)));
    fields
}

/// The log, and a lock, so that one test at a time reads it.
pub struct Session(MutexGuard<'static, ()>);

static TURN: Mutex<()> = Mutex::new(());
static LOGGED: Mutex<Vec<(i32, String)>> = Mutex::new(Vec::new());

impl Session {
    pub fn start() -> Self {
        let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        LOGGED.lock().unwrap().clear();
        Self(turn)
    }

    /// What was logged since the last call.
    pub fn logged(&self) -> Vec<(i32, String)> {
        std::mem::take(&mut *LOGGED.lock().unwrap())
    }

    /// Checks that errors were logged, the last of them with all of these words in it.
    #[track_caller]
    pub fn expect_error<Word: AsRef<str>>(&self, words: &[Word]) {
        let logged = self.logged();
        let (severity, message) = logged.last().expect("an error was logged");
        assert_eq!(*severity, 1, "{message}");
        for word in words.iter().map(AsRef::as_ref) {
            assert!(message.contains(word), "no \"{word}\" in: {message}");
        }
    }

    /// Checks that nothing was logged.
    #[track_caller]
    pub fn expect_silence(&self) {
        assert_eq!(self.logged(), []);
    }
}

/// What a logger's `log` writes to.
pub fn record(severity: i32, message: *const c_char) {
    LOGGED.lock().unwrap().push((severity, text(message).to_owned()));
}

/// Says that a test did not run. The line is what counts such tests.
pub fn skipped(test: &str, reason: &str) {
    println!("SKIPPED: {test}: {reason}");
}
