//! The compiled kernels: embedded as PTX, each loaded into a context when it is first used.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ffi::{CString, c_int, c_uint},
    num::NonZero,
    ptr,
    sync::{Mutex, MutexGuard, OnceLock},
    thread,
};

use cust::sys;
use lazy_cuda_driver::sys::{JIT_SPLIT_COMPILE, cuModuleLoadDataEx};

use super::{
    device::{CheckedCall, check, current_context, driver_error},
    kernel::Kernel,
};
use crate::Error;

/// The kernels as PTX for one architecture and everything newer.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedPtx {
    /// The oldest compute capability it runs on, as major * 10 + minor.
    pub architecture: u32,
    /// The text.
    pub ptx: &'static str,
    /// Where in the text each entry point starts. It ends where the next one starts, the last one with the text.
    starts: &'static [usize; Kernel::COUNT],
}

macro_rules! embedded {
    ($architecture:literal) => {
        EmbeddedPtx {
            architecture: $architecture,
            ptx: include_str!(concat!(env!("OUT_DIR"), "/kernels_sm_", $architecture, ".ptx")),
            starts: &include!(concat!(env!("OUT_DIR"), "/kernels_sm_", $architecture, ".rs")),
        }
    };
}

/// The kernels for each architecture they were compiled for, oldest first. PTX runs forward, so the newest
/// that the device accepts is loaded.
pub const EMBEDDED_PTX: [EmbeddedPtx; 3] = [embedded!(75), embedded!(80), embedded!(90)];

impl EmbeddedPtx {
    /// The text with no more than some of its entry points, so that a process compiles only the kernels it uses.
    fn module(&self, kernels: &BTreeSet<Kernel>) -> String {
        // What stands before the entry points belongs to all of them.
        let mut module = self.ptx[..self.starts[0]].to_owned();
        for &kernel in kernels {
            let number = kernel as usize;
            let end = self.starts.get(number + 1).map_or(self.ptx.len(), |&next| next);
            module.push_str(&self.ptx[self.starts[number]..end]);
        }
        module
    }
}

/// The kernels of one CUDA context.
pub struct Kernels {
    /// The embedded PTX that the device can run, newest architecture first.
    candidates: Vec<&'static EmbeddedPtx>,
    /// Whether a kernel may be launched so that it overlaps the one before it.
    can_overlap: bool,
    functions: Mutex<Functions>,
    used: Mutex<HashSet<[&'static str; 4]>>,
}

/// Entry points that are loaded.
type Functions = HashMap<Kernel, Function>;

#[derive(Clone, Copy)]
struct Function(sys::CUfunction);

// SAFETY: a CUfunction is a handle that the driver lets any thread use.
unsafe impl Send for Function {}

impl Kernels {
    /// The kernels of the calling thread's current context.
    ///
    /// # Errors
    /// [`Error::NoDevice`] without a driver or a current context; [`Error::UnsupportedDevice`] for a device
    /// older than the oldest embedded architecture.
    pub fn for_current_context() -> Result<&'static Self, Error> {
        static LOADED: OnceLock<Mutex<HashMap<ContextKey, &'static Kernels>>> = OnceLock::new();
        let (context, architecture) = current_context()?;
        let key = ContextKey::new(context);
        let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(kernels) = loaded.get(&key) {
            return Ok(kernels);
        }
        let kernels: &'static Self = Box::leak(Box::new(Self::for_architecture(architecture)?));
        loaded.insert(key, kernels);
        Ok(kernels)
    }

    fn for_architecture(architecture: u32) -> Result<Self, Error> {
        let oldest = EMBEDDED_PTX[0].architecture;
        let runs = |embedded: &&EmbeddedPtx| embedded.architecture <= architecture;
        let candidates: Vec<_> = EMBEDDED_PTX.iter().rev().filter(runs).collect();
        if candidates.is_empty() {
            return Err(Error::UnsupportedDevice {
                major: architecture / 10,
                minor: architecture % 10,
                needed_major: oldest / 10,
                needed_minor: oldest % 10,
            });
        }
        let can_overlap = candidates[0].architecture >= 90 && driver_version() >= OVERLAP_IN_GRAPHS;
        Ok(Self { candidates, can_overlap, functions: Mutex::default(), used: Mutex::default() })
    }

    /// Whether a kernel may be launched so that it overlaps the one before it, whose end it waits for: on sm_90, whose PTX
    /// has that wait, with a driver that can capture such launches.
    pub(super) fn can_overlap(&self) -> bool {
        self.can_overlap
    }

    /// Whether four float32 values join in one atomic: an instruction of sm_90.
    pub(super) fn has_vector_atomics(&self) -> bool {
        self.candidates.first().is_some_and(|newest| newest.architecture >= 90)
    }

    /// An entry point, compiled if it is not there yet. The context must be current.
    pub(super) fn function(&self, kernel: Kernel) -> Result<sys::CUfunction, Error> {
        let mut functions = self.functions();
        if let Some(function) = functions.get(&kernel) {
            return Ok(function.0);
        }
        self.compile(&BTreeSet::from([kernel]), &mut functions)?;
        Ok(functions[&kernel].0)
    }

    /// Compiles the entry points that are not there yet, all together, which takes less time than one by
    /// one: a module of its own takes the driver as long as a hundred instructions, and some drivers compile those of one
    /// module at the same time. The context must be current.
    pub(super) fn load(&self, kernels: impl Iterator<Item = Kernel>) -> Result<(), Error> {
        let mut functions = self.functions();
        let missing: BTreeSet<Kernel> = kernels.filter(|kernel| !functions.contains_key(kernel)).collect();
        if missing.is_empty() { Ok(()) } else { self.compile(&missing, &mut functions) }
    }

    /// Whether this is the first call for `what`, which need not be all that tells calls apart.
    pub(super) fn is_first(&self, what: [&'static str; 4]) -> bool {
        self.used.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(what)
    }

    fn functions(&self) -> MutexGuard<'_, Functions> {
        self.functions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Kernels {
    /// Compiles entry points as one module, and notes them.
    fn compile(&self, kernels: &BTreeSet<Kernel>, functions: &mut Functions) -> Result<(), Error> {
        // The module is never unloaded: the functions stay in use, and the driver may be gone before the process's
        // last statics.
        let module = self.load_module(kernels)?;
        for &kernel in kernels {
            let name_with_nul = CString::new(kernel.name()).unwrap_or_default();
            let mut function = ptr::null_mut();
            // SAFETY: the module was just loaded, the name ends in a NUL, and the function's pointer is to a local.
            check(CheckedCall::LoadKernels, unsafe {
                sys::cuModuleGetFunction(&mut function, module, name_with_nul.as_ptr())
            })?;
            functions.insert(kernel, Function(function));
        }
        Ok(())
    }

    /// A module of entry points. A driver older than the PTX of the device's architecture (sm_90's is PTX 8.1, of
    /// CUDA 12.1) gets that of an older architecture, which is written in an older PTX.
    fn load_module(&self, kernels: &BTreeSet<Kernel>) -> Result<sys::CUmodule, Error> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let mut threads = [ptr::without_provenance_mut(kernels.len().min(processors))];
        let options = if driver_version() >= SPLIT_COMPILE { &[JIT_SPLIT_COMPILE][..] } else { &[] };
        let mut answer = sys::CUresult::CUDA_ERROR_NOT_FOUND as c_int;
        for embedded in &self.candidates {
            let ptx = CString::new(embedded.module(kernels)).unwrap_or_default();
            let mut module = ptr::null_mut();
            // SAFETY: the text ends in a NUL, each option has a value, and the module's pointer is to a local.
            answer = unsafe {
                cuModuleLoadDataEx(
                    &mut module,
                    ptx.as_ptr().cast(),
                    options.len() as c_uint,
                    options.as_ptr(),
                    threads.as_mut_ptr(),
                )
            };
            if answer == sys::CUresult::CUDA_SUCCESS as c_int {
                return Ok(module.cast());
            }
            if answer != sys::CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION as c_int {
                break;
            }
        }
        Err(driver_error(CheckedCall::LoadKernels, answer))
    }
}

/// The driver's CUDA version from which on it compiles the functions of a module in several threads: 13.0.
const SPLIT_COMPILE: i32 = 13_000;

/// The driver's CUDA version from which on overlapping launches can be captured in a graph: 12.3.
const OVERLAP_IN_GRAPHS: i32 = 12_030;

/// The CUDA version of the driver, as major * 1000 + minor * 10.
fn driver_version() -> i32 {
    let mut version = 0;
    // A driver that does not answer leaves 0, which is too old for anything.
    // SAFETY: the pointer is to a local.
    unsafe { sys::cuDriverGetVersion(&mut version) };
    version
}

/// What tells contexts apart. An address alone can come back after a context was destroyed; the driver's own
/// number (CUDA 12 and later) cannot.
#[derive(PartialEq, Eq, Hash)]
struct ContextKey {
    address: usize,
    id: u64,
}

impl ContextKey {
    fn new(context: sys::CUcontext) -> Self {
        let mut id = 0;
        // An older driver leaves 0 there, and the address has to do.
        // SAFETY: the context is current, and the pointer is to a local.
        unsafe { lazy_cuda_driver::sys::cuCtxGetId(context.cast(), &mut id) };
        Self { address: context as usize, id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_point_is_a_module_of_its_own() {
        for embedded in &EMBEDDED_PTX {
            assert_eq!(Kernel::COUNT, embedded.ptx.matches(".visible .entry ").count());
            for &kernel in Kernel::ALL {
                let (module, name) = (embedded.module(&BTreeSet::from([kernel])), kernel.name());
                assert!(module.starts_with(".version"), "{name}");
                assert_eq!(module.matches(".visible .entry ").count(), 1, "{name}");
                assert_eq!(module.matches(&format!(".visible .entry {name}(")).count(), 1, "{name}");
                assert_eq!(module.matches('{').count(), module.matches('}').count(), "{name}");
            }
            assert!(!embedded.module(&BTreeSet::new()).contains(".entry"));
        }
    }
}
