//! Registers the plugins with TensorRT. There are three ways: the constructor, which runs when the library is loaded;
//! `getPluginCreators` and `getCreators`, which TensorRT's `loadLibrary` calls; and `trts_register_plugins` of the C
//! ABI.
//!
//! A process can have several TensorRT runtimes, each with its own registry. Each registry gets the creators of its
//! release's generation. A TensorRT that the library has no plugins for gets none, and the log says why.

use std::{
    fmt,
    panic::catch_unwind,
    ptr::NonNull,
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::{
    bridge::{CreatorV2, CreatorV3, new_creator_v2, new_creator_v3},
    creator::Creator,
    operators::{VERSION, plugins},
    tensorrt::{
        Generation, Object, Registry, Release, Severity, TensorRt, Unserved, Version, log, logger_finder_owner,
        set_logger_finder,
    },
};

/// The creators of one generation. They are made on first use and never freed, because registries point to them.
struct Creators<T>(OnceLock<Vec<*mut T>>);

// SAFETY: the library only passes the pointers to TensorRT, which locks its registry.
unsafe impl<T> Sync for Creators<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Creators<T> {}

static CREATORS_V2: Creators<CreatorV2> = Creators(OnceLock::new());
static CREATORS_V3: Creators<CreatorV3> = Creators(OnceLock::new());

impl<T> Creators<T> {
    fn get(&self, generation: Generation, make: fn(Box<Creator>) -> *mut T) -> &[*mut T] {
        self.0.get_or_init(|| {
            let all = plugins().map(|declaration| make(Box::new(Creator::new(declaration, generation))));
            all.filter(|creator| !creator.is_null()).collect()
        })
    }
}

fn creators_v2() -> &'static [*mut CreatorV2] {
    CREATORS_V2.get(Generation::V2, new_creator_v2)
}

fn creators_v3() -> &'static [*mut CreatorV3] {
    CREATORS_V3.get(Generation::V3, new_creator_v3)
}

/// The creators of a generation, as C++ objects.
fn objects(generation: Generation) -> Vec<Object> {
    match generation {
        Generation::V2 => creators_v2().iter().filter_map(|creator| NonNull::new(creator.cast())).collect(),
        Generation::V3 => creators_v3().iter().filter_map(|creator| NonNull::new(creator.cast())).collect(),
    }
}

/// A creator that this library has registered itself and not removed since.
#[derive(Clone, Copy, PartialEq)]
struct Own {
    /// The registry's address.
    registry: usize,
    creator: Object,
}

// SAFETY: the library only passes the creator to TensorRT, which locks its registry.
unsafe impl Send for Own {}

/// The lock is never held during a call of TensorRT, because TensorRT may hold its registry's lock when it calls
/// `getCreators`.
static OWN: Mutex<Vec<Own>> = Mutex::new(Vec::new());

/// Reads or changes the list of creators that the library has registered.
fn with_own<T>(change: impl FnOnce(&mut Vec<Own>) -> T) -> T {
    change(&mut OWN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Why a TensorRT of this process does not have all plugins.
#[derive(Debug)]
pub(crate) enum Unregistered {
    /// The library has no plugins for it.
    Unserved(Unserved),
    /// Its registry did not take these plugins.
    Refused { version: Version, plugins: Vec<String> },
}

impl fmt::Display for Unregistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unserved(unserved) => unserved.fmt(f),
            Self::Refused { version, plugins } => {
                write!(f, "the plugin registry of {version} did not take {}", plugins.join(", "))
            }
        }
    }
}

/// Registers the creators with every TensorRT of the process that the library has plugins for, where its registry does
/// not have them. True where every such registry has all plugins now, whoever registered them. False where the process
/// has no TensorRT.
pub(crate) fn ensure_registered() -> Result<bool, Unregistered> {
    let (mut served, mut unserved) = (false, Vec::new());
    for tensorrt in TensorRt::all() {
        match tensorrt.release() {
            Ok(release) => {
                register_with(&tensorrt, &release);
                check_registered(&tensorrt, &release)?;
                served = true;
            }
            Err(reason) => unserved.push(reason),
        }
    }
    if served {
        unserved.into_iter().for_each(say_once);
        return Ok(true);
    }
    match unserved.first() {
        Some(&reason) => Err(Unregistered::Unserved(reason)),
        None => Ok(false),
    }
}

/// Registers the creators with every TensorRT of the process that the library has plugins for.
fn register() {
    for tensorrt in TensorRt::all() {
        match tensorrt.release() {
            Ok(release) => register_with(&tensorrt, &release),
            Err(reason) => say_once(reason),
        }
    }
}

fn register_with(tensorrt: &TensorRt, release: &Release) {
    let Some(registry) = tensorrt.registry(release) else { return };
    for creator in objects(release.generation) {
        // The registry refuses a plugin that it has already, from `loadLibrary` or from a copy of this library.
        // SAFETY: the creators are of the release's generation and never freed.
        if unsafe { registry.register(creator) } {
            let new = Own { registry: registry.address(), creator };
            with_own(|own| {
                if !own.contains(&new) {
                    own.push(new);
                }
            });
        }
    }
}

/// Asks the registry for every plugin. A flag of this library could not tell: an application may have removed the
/// plugins, and a copy of this library may have registered them.
fn check_registered(tensorrt: &TensorRt, release: &Release) -> Result<(), Unregistered> {
    let registry = tensorrt.registry(release);
    let is_registered = |name| registry.as_ref().is_some_and(|registry: &Registry| registry.has(name, VERSION));
    let names = plugins().map(|declaration| declaration.plugin).filter(|name| !is_registered(name));
    let plugins: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    if plugins.is_empty() { Ok(()) } else { Err(Unregistered::Refused { version: tensorrt.version, plugins }) }
}

/// Removes the creators that this library has registered with a TensorRT. `loadLibrary` needs that: it opens the
/// library, whose constructor registers the creators, and then registers them itself, which fails for creators that are
/// registered.
fn withdraw(tensorrt: &TensorRt) {
    let Ok(release) = tensorrt.release() else { return };
    let Some(registry) = tensorrt.registry(&release) else { return };
    let address = registry.address();
    let own: Vec<_> = with_own(|own| own.extract_if(.., |own| own.registry == address).collect());
    for Own { creator, .. } in own {
        // SAFETY: as in `register_with`.
        unsafe { registry.deregister(creator) };
    }
}

/// Writes to the log why a TensorRT has no plugins, once for each version.
fn say_once(Unserved(version): Unserved) {
    static SAID: Mutex<Vec<Version>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&version) {
        said.push(version);
        drop(said);
        log(Severity::Warning, &format!("tensorrt_scatter: {}", Unserved(version)));
    }
}

extern "C" fn constructor() {
    // The panic's message is on the standard error stream. A constructor cannot return an error.
    let _ = catch_unwind(register);
}

/// The loader calls the functions in this section when it has loaded the library.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

/// Returns the creators, and writes their number. It returns none where the TensorRT that asks is of another
/// generation, or the library has no plugins for it.
///
/// # Safety
/// `count` must be null or valid for a write.
unsafe fn hand_over<T: 'static>(
    count: *mut i32,
    generation: Generation,
    creators: fn() -> &'static [*mut T],
) -> *const *mut T {
    let creators = catch_unwind(|| if prepare_hand_over(generation) { creators() } else { &[] }).unwrap_or_default();
    // SAFETY: the caller's promise.
    if let Some(count) = unsafe { count.as_mut() } {
        *count = creators.len() as i32;
    }
    creators.as_ptr()
}

/// Removes the library's own registrations from the registry that asks for the creators. True where it may have them.
///
/// Where no logger finder tells which TensorRT asks, each of the generation counts as asking; only one registers the
/// creators then, and the others have none until [`ensure_registered`] is called.
fn prepare_hand_over(generation: Generation) -> bool {
    let asking = logger_finder_owner().map_or_else(TensorRt::all, |owner| vec![owner]);
    if asking.is_empty() {
        // TensorRT is there, since it calls, but cannot be found: it is linked statically. Each generation calls only
        // its own function, so the creators are of the right generation.
        return true;
    }
    let mut served = false;
    for tensorrt in &asking {
        match tensorrt.release() {
            Ok(release) if release.generation == generation => {
                withdraw(tensorrt);
                served = true;
            }
            // A TensorRT of the other generation calls the other function.
            Ok(_) => {}
            Err(reason) => say_once(reason),
        }
    }
    served
}

/// `IPluginCreator* const* getPluginCreators(int32_t& nbCreators)`: what `loadLibrary` of TensorRT 8.6 to 9 calls.
///
/// # Safety
/// `count` must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getPluginCreators(count: *mut i32) -> *const *mut CreatorV2 {
    // SAFETY: the caller's promise.
    unsafe { hand_over(count, Generation::V2, creators_v2) }
}

/// `IPluginCreatorInterface* const* getCreators(int32_t& nbCreators)`: what `loadLibrary` of TensorRT 10 and
/// later calls.
///
/// # Safety
/// `count` must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getCreators(count: *mut i32) -> *const *mut CreatorV3 {
    // SAFETY: the caller's promise.
    unsafe { hand_over(count, Generation::V3, creators_v3) }
}

/// `void setLoggerFinder(ILoggerFinder* finder)`: what `loadLibrary` calls before it asks for the creators.
///
/// # Safety
/// `finder` must be null or an `ILoggerFinder` of the process's TensorRT that lives until another is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setLoggerFinder(finder: *mut *const *const std::ffi::c_void) {
    set_logger_finder(finder);
}
