//! The kernels: embedded as PTX, and compiled for a context when they are first used.

use std::{
    collections::{BTreeSet, HashSet},
    ffi::{CString, c_uint, c_void},
    iter,
    num::NonZero,
    ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicPtr, Ordering},
    },
    thread,
};

use lazy_cuda_driver::sys;

use super::{
    context::{self, ContextKey},
    driver::{CheckedCall, check, driver_error},
    kernel::Kernel,
    tuning::{DeviceNumbers, Tuning},
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

macro_rules! architectures {
    ($($architecture:literal),+) => {
        /// The kernels for each architecture that `build.rs` compiles them for, oldest first. PTX runs forward, so the
        /// newest that the device accepts is loaded.
        pub const EMBEDDED_PTX: [EmbeddedPtx; [$($architecture),+].len()] = [$(
            EmbeddedPtx {
                architecture: $architecture,
                ptx: include_str!(concat!(env!("OUT_DIR"), "/kernels_sm_", $architecture, ".ptx")),
                starts: &include!(concat!(env!("OUT_DIR"), "/kernels_sm_", $architecture, ".rs")),
            }
        ),+];
    };
}

include!(concat!(env!("OUT_DIR"), "/architectures.rs"));

impl EmbeddedPtx {
    /// The text with only some of its entry points, so that a process compiles only the kernels it uses.
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
    context: ContextKey,
    /// The embedded PTX that the device can run, newest architecture first.
    candidates: Vec<&'static EmbeddedPtx>,
    /// Whether a kernel may start while the kernel before it still runs.
    can_overlap: bool,
    /// How the work is shared out. What was set before is kept too: a launch on another thread may still read it.
    tuning: AtomicPtr<Tuning>,
    /// The `CUfunction` of each [`Kernel`], null until it is compiled.
    functions: [AtomicPtr<c_void>; Kernel::COUNT],
    /// Held while entry points are compiled, so that each is compiled once. A launch of a compiled kernel does not take
    /// it.
    compiling: Mutex<()>,
    used: Mutex<HashSet<[&'static str; 4]>>,
    /// The kernels of the context that was met before this one.
    next: Option<&'static Kernels>,
}

/// The kernels of the context that was met last: the head of a list of all. None of them is ever freed.
static LAST_MET: AtomicPtr<Kernels> = AtomicPtr::new(ptr::null_mut());

impl Kernels {
    /// The kernels of the calling thread's current context.
    ///
    /// Calls after a context's first one take no lock and allocate nothing.
    ///
    /// # Errors
    /// [`Error::NoDevice`] without a driver or a current context; [`Error::UnsupportedDevice`] for a device
    /// older than the oldest embedded architecture; [`Error::Cuda`] where the driver refuses.
    pub fn for_current_context() -> Result<&'static Self, Error> {
        // Held while a context's kernels are added, so that they are added once.
        static ADDING: Mutex<()> = Mutex::new(());
        let context = context::current()?;
        let number = context::number(context)?;
        if let Some(kernels) = Self::met(context, number) {
            return Ok(kernels);
        }
        let _adding = ADDING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernels) = Self::met(context, number) {
            return Ok(kernels);
        }
        let device = context::device()?;
        let tuning = Tuning::from_environment(&DeviceNumbers::of(device)?)?;
        let mut kernels = Self::for_architecture(context::architecture(device)?, tuning, context)?;
        kernels.next = Self::last_met();
        let kernels = Box::leak(Box::new(kernels));
        LAST_MET.store(kernels, Ordering::Release);
        Ok(kernels)
    }

    /// The kernels of a context that was met before.
    fn met(context: sys::Context, number: Option<u64>) -> Option<&'static Self> {
        iter::successors(Self::last_met(), |kernels| kernels.next).find(|kernels| kernels.are_of(context, number))
    }

    fn last_met() -> Option<&'static Self> {
        // SAFETY: null, or of `Box::leak`.
        unsafe { LAST_MET.load(Ordering::Acquire).as_ref() }
    }

    /// Whether these are the kernels of `context`, whose number is `number`.
    pub(super) fn are_of(&self, context: sys::Context, number: Option<u64>) -> bool {
        self.context.is_of(context, number)
    }

    /// The context's handle.
    pub(super) fn context(&self) -> sys::Context {
        self.context.handle()
    }

    /// The kernels for a compute capability. None is compiled yet. The context must be current.
    fn for_architecture(architecture: u32, tuning: Tuning, context: sys::Context) -> Result<Self, Error> {
        let oldest = EMBEDDED_PTX[0].architecture;
        let runs = |embedded: &&EmbeddedPtx| embedded.architecture <= architecture;
        let candidates: Vec<_> = EMBEDDED_PTX.iter().rev().filter(runs).collect();
        let Some(newest) = candidates.first() else {
            return Err(Error::UnsupportedDevice {
                major: architecture / 10,
                minor: architecture % 10,
                needed_major: oldest / 10,
                needed_minor: oldest % 10,
            });
        };
        let can_overlap = newest.architecture >= 90 && driver_version() >= OVERLAP_IN_GRAPHS;
        Ok(Self {
            context: ContextKey::new(context)?,
            candidates,
            can_overlap,
            tuning: AtomicPtr::new(Box::leak(Box::new(tuning))),
            functions: [const { AtomicPtr::new(ptr::null_mut()) }; Kernel::COUNT],
            compiling: Mutex::default(),
            used: Mutex::default(),
            next: None,
        })
    }

    /// Whether a kernel may start while the kernel before it still runs. That needs the PTX of sm_90, in which each
    /// kernel waits for the end of the kernel before it, and a driver that can capture such launches.
    pub(super) fn can_overlap(&self) -> bool {
        self.can_overlap
    }

    /// How the kernels share out their work on the device.
    pub(super) fn tuning(&self) -> &Tuning {
        // SAFETY: the pointer is never null, and what it points to is never freed.
        unsafe { &*self.tuning.load(Ordering::Acquire) }
    }

    /// Shares the work out in another way from now on.
    pub(super) fn set_tuning(&self, tuning: Tuning) {
        self.tuning.store(Box::leak(Box::new(tuning)), Ordering::Release);
    }

    /// Whether four float32 values join in one atomic: an instruction of sm_90.
    pub(super) fn has_vector_atomics(&self) -> bool {
        self.candidates.first().is_some_and(|newest| newest.architecture >= 90)
    }

    /// The function of an entry point. Compiles the entry point if nobody has done so. The context must be current.
    ///
    /// If it is compiled, no lock is taken. So a launch never waits for a thread that compiles something else.
    pub(super) fn function(&self, kernel: Kernel) -> Result<sys::Function, Error> {
        if !self.is_compiled(kernel) {
            self.load(iter::once(kernel))?;
        }
        Ok(self.functions[kernel as usize].load(Ordering::Acquire))
    }

    /// Compiles the entry points that are not compiled yet, as one module. One module takes less time than several: the
    /// driver spends as long on each module as on a hundred instructions, and some drivers compile the entry points of
    /// one module in several threads. The context must be current.
    pub(super) fn load(&self, kernels: impl Iterator<Item = Kernel>) -> Result<(), Error> {
        let mut missing: BTreeSet<Kernel> = kernels.filter(|&kernel| !self.is_compiled(kernel)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let _compiling = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have compiled some of them while this one waited.
        missing.retain(|&kernel| !self.is_compiled(kernel));
        if missing.is_empty() { Ok(()) } else { self.compile(&missing) }
    }

    /// Whether this is the first call for `what`: the operator, the reduction and the types.
    pub(super) fn is_first(&self, what: [&'static str; 4]) -> bool {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(what)
    }

    fn is_compiled(&self, kernel: Kernel) -> bool {
        !self.functions[kernel as usize].load(Ordering::Acquire).is_null()
    }

    /// Compiles entry points as one module, and notes them.
    fn compile(&self, kernels: &BTreeSet<Kernel>) -> Result<(), Error> {
        // The module is never unloaded. The functions stay in use, and when the process ends, the driver may be gone
        // before the statics are.
        let module = self.load_module(kernels)?;
        for &kernel in kernels {
            let name = CString::new(kernel.name()).unwrap_or_default();
            let mut function = ptr::null_mut();
            // SAFETY: the module was just loaded, the name ends in a NUL, and the function's pointer is to a local.
            check(CheckedCall::LoadKernels, unsafe { sys::cuModuleGetFunction(&mut function, module, name.as_ptr()) })?;
            self.functions[kernel as usize].store(function, Ordering::Release);
        }
        Ok(())
    }

    /// A module of entry points. The PTX of sm_90 is PTX 8.1, which needs CUDA 12.1. A driver that is older than the
    /// PTX of the device's architecture gets the PTX of an older architecture.
    fn load_module(&self, kernels: &BTreeSet<Kernel>) -> Result<sys::Module, Error> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let mut threads = [ptr::without_provenance_mut(kernels.len().min(processors))];
        let options = if driver_version() >= SPLIT_COMPILE { &[sys::JIT_SPLIT_COMPILE][..] } else { &[] };
        let mut answer = sys::ERROR_NOT_FOUND;
        for embedded in &self.candidates {
            let ptx = CString::new(embedded.module(kernels)).unwrap_or_default();
            let mut module = ptr::null_mut();
            // SAFETY: the text ends in a NUL, each option has a value, and the module's pointer is to a local.
            answer = unsafe {
                sys::cuModuleLoadDataEx(
                    &mut module,
                    ptx.as_ptr().cast(),
                    options.len() as c_uint,
                    options.as_ptr(),
                    threads.as_mut_ptr(),
                )
            };
            match answer {
                sys::SUCCESS => return Ok(module),
                sys::ERROR_UNSUPPORTED_PTX_VERSION => {}
                _ => break,
            }
        }
        Err(driver_error(CheckedCall::LoadKernels, answer))
    }
}

/// The first CUDA version whose driver compiles the functions of a module in several threads: 13.0.
const SPLIT_COMPILE: i32 = 13_000;

/// The first CUDA version whose driver can capture overlapping launches in a graph: 12.3.
const OVERLAP_IN_GRAPHS: i32 = 12_030;

/// The CUDA version of the driver, as major * 1000 + minor * 10.
fn driver_version() -> i32 {
    let mut version = 0;
    // A driver that does not answer leaves 0, which is too old for anything.
    // SAFETY: the pointer is to a local.
    unsafe { sys::cuDriverGetVersion(&mut version) };
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_come_oldest_first() {
        assert!(EMBEDDED_PTX.is_sorted_by(|older, newer| older.architecture < newer.architecture));
    }

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
