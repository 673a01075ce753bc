//! The plugin registry of a real TensorRT, loaded from a library that an environment variable names.

use std::{
    env,
    ffi::{CStr, CString, c_char},
    path::{Path, PathBuf},
    process::Command,
};

use super::{Library, Object, layers::PLUGINS, library_path, plugin_library, skipped, text, v3::interface};
use crate::call;

/// Positions in `IPluginRegistry`'s virtual function table, and in the creators' own.
struct Slots {
    load_library: usize,
    deregister_library: usize,
    list_creators: usize,
    get_creator: usize,
    creator_name: usize,
}

const TENSORRT_8_6_0: Slots =
    Slots { load_library: 5, deregister_library: 6, list_creators: 1, get_creator: 2, creator_name: 1 };
const TENSORRT_8_6_1: Slots =
    Slots { load_library: 10, deregister_library: 11, list_creators: 1, get_creator: 2, creator_name: 1 };
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
    /// The TensorRT that the variable names. Where it is not set: None, and the test counts as skipped.
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
            ..8601 => &TENSORRT_8_6_0,
            8601..10_000 => &TENSORRT_8_6_1,
            // TensorRT-RTX up to 1.4 is laid out as TensorRT 10, from 1.5 on as TensorRT 11.
            10_000..10_500 | 100_000..110_000 => &TENSORRT_10,
            10_500..100_000 | 110_000.. => &TENSORRT_11,
        };
        Some(Self { version, registry: registry as usize, slots })
    }

    fn registry(&self) -> Object {
        self.registry as Object
    }

    /// Calls loadLibrary, as an application does. Null where TensorRT refuses the library.
    pub fn load_library(&self, path: &Path) -> Object {
        let path = CString::new(path.to_str().unwrap()).unwrap();
        call!(self.registry(), self.slots.load_library => fn(*const c_char) -> Object, path.as_ptr())
    }

    fn deregister_library(&self, handle: Object) {
        call!(self.registry(), self.slots.deregister_library => fn(Object), handle);
    }

    /// The creator of a plugin, or null.
    pub fn creator(&self, plugin: &CStr) -> Object {
        call!(
            self.registry(), self.slots.get_creator => fn(*const c_char, *const c_char, *const c_char) -> Object,
            plugin.as_ptr(), c"1".as_ptr(), c"".as_ptr()
        )
    }

    /// All creators of the registry.
    fn creators(&self) -> &[Object] {
        let mut count = 0;
        let creators = call!(self.registry(), self.slots.list_creators => fn(&mut i32) -> *const Object, &mut count);
        if count == 0 {
            return &[];
        }
        // SAFETY: the registry hands out that many.
        unsafe { std::slice::from_raw_parts(creators, count as usize) }
    }

    /// How often the registry lists each plugin of the library. All must be listed equally often.
    fn listed(&self) -> usize {
        // From TensorRT 10 on there are creators of several interfaces, each with other slots.
        let is_ours = |&&creator: &&Object| self.version < 10_000 || interface(creator) == "PLUGIN CREATOR_V3ONE 1.0";
        let name = |&creator: &Object| text(call!(creator, self.slots.creator_name => fn() -> *const c_char));
        let names: Vec<_> = self.creators().iter().filter(is_ours).map(name).collect();
        let times = PLUGINS.map(|(plugin, _)| names.iter().filter(|&&name| name == plugin.to_str().unwrap()).count());
        assert!(times.iter().all(|&listed| listed == times[0]), "{times:?}");
        times[0]
    }
}

/// Calls dlopen, loadLibrary, deregisterLibrary and trts_register_plugins, in the orders that occur in processes.
pub fn loads_and_unloads(tensorrt: &TensorRt) {
    let scatter = || tensorrt.creator(c"TRTS_Scatter");
    assert!(scatter().is_null());
    // dlopen alone registers.
    let library = plugin_library();
    assert_eq!(tensorrt.listed(), 1);
    assert_eq!(library.register_plugins(), Ok(1));
    // loadLibrary after dlopen registers the creators itself. A second call is refused. deregisterLibrary removes them.
    let handle = tensorrt.load_library(&library_path());
    assert!(!handle.is_null());
    assert!(tensorrt.load_library(&library_path()).is_null());
    assert_eq!(tensorrt.listed(), 1);
    let creator = scatter();
    tensorrt.deregister_library(handle);
    assert!(scatter().is_null());
    // The library stays in memory, so its creators stay valid, and it can be loaded again.
    assert_eq!(text(call!(creator, tensorrt.slots.creator_name => fn() -> *const c_char)), "TRTS_Scatter");
    for _ in 0..2 {
        assert_eq!(library.register_plugins(), Ok(1));
        assert_eq!(tensorrt.listed(), 1);
    }
    assert!(!tensorrt.load_library(&library_path()).is_null());
    assert_eq!(tensorrt.listed(), 1);
    a_copy_changes_nothing(tensorrt);
}

/// Checks that a TensorRT which the library has no plugins for gets none in any way.
pub fn gets_nothing(tensorrt: &TensorRt, name: &str) {
    let before = tensorrt.creators().to_vec();
    let library = plugin_library();
    assert_eq!(library.creators(c"getCreators"), [] as [Object; 0]);
    assert_eq!(library.creators(c"getPluginCreators"), [] as [Object; 0]);
    assert!(tensorrt.load_library(&library_path()).is_null());
    let (status, reason) = library.register_plugins().unwrap_err();
    assert_eq!(status, 7, "TRTS_UNSUPPORTED_TENSORRT");
    assert!(reason.contains(name), "{reason}");
    assert_eq!(tensorrt.creators(), before);
}

/// Loads a copy of the library under another name. To the loader it is another library; its plugins have the same
/// names.
fn a_copy_changes_nothing(tensorrt: &TensorRt) {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("copy_{}.so", tensorrt.version));
    std::fs::copy(library_path(), &copy).unwrap();
    let before = tensorrt.creator(c"TRTS_ScatterStd");
    let library = Library::open(&copy);
    assert_eq!(library.register_plugins(), Ok(1), "the registry has the plugins, though of the other library");
    assert_eq!((tensorrt.listed(), tensorrt.creator(c"TRTS_ScatterStd")), (1, before));
    // TensorRT may refuse the copy. The plugins that the registry has must stay.
    tensorrt.load_library(&copy);
    assert_eq!((tensorrt.listed(), tensorrt.creator(c"TRTS_ScatterStd")), (1, before));
    std::fs::remove_file(copy).unwrap();
}

/// Runs a program that is linked with the TensorRT which the variable names, with the library in LD_PRELOAD.
pub fn a_preloaded_library_registers(variable: &str, test: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/linked.cpp");
    let Some(tensorrt) = env::var_os(variable).map(PathBuf::from).filter(|_| source.exists()) else {
        return skipped(
            test,
            &format!("{variable} does not name a TensorRT runtime library, or the sources are not here"),
        );
    };
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let folder = tensorrt.parent().unwrap();
    let compiled = Command::new(&compiler)
        .arg(source)
        .arg(&tensorrt)
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        // The loader looks for the runtime's own dependencies when the program runs.
        .args(["-Wl,--allow-shlib-undefined", "-o"])
        .arg(&program)
        .output();
    match compiled {
        Err(error) => return skipped(test, &format!("{compiler}: {error}")),
        Ok(compiled) => assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr)),
    }
    let run = |preload: Option<PathBuf>| {
        let mut command = Command::new(&program);
        command.envs(preload.map(|library| ("LD_PRELOAD", library)));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run(None).0, Some(1), "there is no plugin without the library");
    let preloaded = run(Some(library_path()));
    assert_eq!(preloaded.0, Some(0), "{}", preloaded.1);
    std::fs::remove_file(program).unwrap();
}
