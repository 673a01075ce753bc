//! How TensorRT learns of the plugins: the functions it calls in a library that `loadLibrary` opens, and the
//! constructor that registers them in a process that has TensorRT already.

use std::{
    panic::catch_unwind,
    ptr::NonNull,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    bridge::{CreatorV2, CreatorV3, new_creator_v2, new_creator_v3},
    creator::Creator,
    operators::OPERATORS,
    tensorrt::{Generation, Object, TensorRt, set_logger_finder},
};

/// The creators of one generation, made when first asked for and never freed: registries point to them.
struct Creators<T>(OnceLock<Vec<*mut T>>);

// SAFETY: the pointers are only handed on, to TensorRT, which locks its registry.
unsafe impl<T> Sync for Creators<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Creators<T> {}

static CREATORS_V2: Creators<CreatorV2> = Creators(OnceLock::new());
static CREATORS_V3: Creators<CreatorV3> = Creators(OnceLock::new());

impl<T> Creators<T> {
    fn get(&self, generation: Generation, make: fn(Box<Creator>) -> *mut T) -> &[*mut T] {
        self.0.get_or_init(|| {
            let all = OPERATORS.iter().map(|row| make(Box::new(Creator::new(row, generation))));
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

/// The creators of a generation, as the registry takes them.
fn objects(generation: Generation) -> Vec<Object> {
    match generation {
        Generation::V2 => creators_v2().iter().filter_map(|creator| NonNull::new(creator.cast())).collect(),
        Generation::V3 => creators_v3().iter().filter_map(|creator| NonNull::new(creator.cast())).collect(),
    }
}

/// Whether the constructor has registered the creators.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Whether a registry has asked for the creators, to register them itself.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// Registers the creators with the TensorRT that the process has, if it has one and they are not registered yet.
/// Whether they are now.
pub(crate) fn ensure_registered() -> bool {
    let is_registered = || REGISTERED.load(Ordering::Acquire) || HANDED_OVER.load(Ordering::Acquire);
    if !is_registered() {
        register();
    }
    is_registered()
}

/// Registers the creators with the TensorRT that the process has, if it has one.
fn register() {
    let Some(tensorrt) = TensorRt::find() else { return };
    let Some(registry) = tensorrt.registry() else { return };
    for creator in objects(tensorrt.release.generation) {
        // A creator of that name is there already where a copy of the library was loaded before this one.
        // SAFETY: the creators are of the release's generation and never freed.
        if unsafe { registry.register(creator) } {
            REGISTERED.store(true, Ordering::Release);
        }
    }
}

/// Takes back what the constructor registered: `loadLibrary` opens the library, which runs the constructor, and
/// then registers the creators itself, which must not be there already.
fn withdraw() {
    if !REGISTERED.swap(false, Ordering::AcqRel) {
        return;
    }
    let Some(tensorrt) = TensorRt::find() else { return };
    let Some(registry) = tensorrt.registry() else { return };
    for creator in objects(tensorrt.release.generation) {
        // SAFETY: as in `register`.
        unsafe { registry.deregister(creator) };
    }
}

extern "C" fn constructor() {
    // A panic has been written to the standard error stream; a library cannot fail to load.
    let _ = catch_unwind(register);
}

/// The loader calls what is in this section when the library is opened.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

/// Hands the creators over, and their number.
///
/// # Safety
/// `count` must be null or valid for a write.
unsafe fn hand_over<T: 'static>(
    count: *mut i32,
    creators: impl FnOnce() -> &'static [*mut T] + std::panic::UnwindSafe,
) -> *const *mut T {
    let creators = catch_unwind(|| {
        withdraw();
        creators()
    })
    .unwrap_or_default();
    HANDED_OVER.fetch_or(!creators.is_empty(), Ordering::AcqRel);
    // SAFETY: the caller's promise.
    if let Some(count) = unsafe { count.as_mut() } {
        *count = creators.len() as i32;
    }
    creators.as_ptr()
}

/// The generation of the process's TensorRT.
fn generation() -> Option<Generation> {
    TensorRt::find().map(|tensorrt| tensorrt.release.generation)
}

/// `IPluginCreator* const* getPluginCreators(int32_t& nbCreators)`: what `loadLibrary` of TensorRT 8.6 to 9 calls.
///
/// # Safety
/// `count` must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getPluginCreators(count: *mut i32) -> *const *mut CreatorV2 {
    // TensorRT 10 knows IPluginCreator too, but lays it out differently.
    let creators = || if generation() == Some(Generation::V3) { &[] } else { creators_v2() };
    // SAFETY: the caller's promise.
    unsafe { hand_over(count, creators) }
}

/// `IPluginCreatorInterface* const* getCreators(int32_t& nbCreators)`: what `loadLibrary` of TensorRT 10 and
/// later calls.
///
/// # Safety
/// `count` must be null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getCreators(count: *mut i32) -> *const *mut CreatorV3 {
    let creators = || if generation() == Some(Generation::V2) { &[] } else { creators_v3() };
    // SAFETY: the caller's promise.
    unsafe { hand_over(count, creators) }
}

/// `void setLoggerFinder(ILoggerFinder* finder)`: what `loadLibrary` calls before it asks for the creators.
///
/// # Safety
/// `finder` must be null or an `ILoggerFinder` of the process's TensorRT that lives until another is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setLoggerFinder(finder: *mut *const *const std::ffi::c_void) {
    set_logger_finder(finder);
}
