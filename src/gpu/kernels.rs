//! The compiled kernels: embedded as PTX, loaded once per context.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock},
};

use cust::{module::Module, sys};

use super::device::{CheckedCall, cuda_error, current_context};
use crate::Error;

/// The kernels as PTX for one architecture and everything newer.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedPtx {
    /// The oldest compute capability it runs on, as major * 10 + minor.
    pub architecture: u32,
    /// The text.
    pub ptx: &'static str,
}

/// The kernels for each architecture they were compiled for, oldest first. PTX runs forward, so the newest
/// that the device accepts is loaded.
pub const EMBEDDED_PTX: [EmbeddedPtx; 3] = [
    EmbeddedPtx { architecture: 75, ptx: include_str!(concat!(env!("OUT_DIR"), "/kernels_sm_75.ptx")) },
    EmbeddedPtx { architecture: 80, ptx: include_str!(concat!(env!("OUT_DIR"), "/kernels_sm_80.ptx")) },
    EmbeddedPtx { architecture: 90, ptx: include_str!(concat!(env!("OUT_DIR"), "/kernels_sm_90.ptx")) },
];

/// The kernels, loaded into one CUDA context.
pub struct Kernels {
    /// Owns the functions below. Never unloaded: the driver may be gone before the process's last statics.
    module: Module,
    functions: Mutex<HashMap<String, Function>>,
}

#[derive(Clone, Copy)]
struct Function(sys::CUfunction);

// SAFETY: a CUfunction is a handle that the driver lets any thread use.
unsafe impl Send for Function {}
// SAFETY: the module is only asked for functions, which the driver allows from any thread; the map has a lock.
unsafe impl Sync for Kernels {}
// SAFETY: as above; a module belongs to a context, not to a thread.
unsafe impl Send for Kernels {}

impl Kernels {
    /// The kernels of the calling thread's current context, loaded at the first call for each context.
    ///
    /// # Errors
    /// [`Error::NoDevice`] without a driver or a current context; [`Error::UnsupportedDevice`] for a device
    /// older than the oldest embedded architecture; [`Error::Cuda`] where the driver refuses the PTX.
    pub fn for_current_context() -> Result<&'static Self, Error> {
        static LOADED: OnceLock<Mutex<HashMap<ContextKey, &'static Kernels>>> = OnceLock::new();
        let (context, architecture) = current_context()?;
        let key = ContextKey::new(context);
        let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(kernels) = loaded.get(&key) {
            return Ok(kernels);
        }
        let kernels: &'static Self = Box::leak(Box::new(Self::load(architecture)?));
        loaded.insert(key, kernels);
        Ok(kernels)
    }

    fn load(architecture: u32) -> Result<Self, Error> {
        let oldest = EMBEDDED_PTX[0].architecture;
        let embedded = EMBEDDED_PTX.iter().rev().find(|embedded| embedded.architecture <= architecture).ok_or(
            Error::UnsupportedDevice {
                major: architecture / 10,
                minor: architecture % 10,
                needed_major: oldest / 10,
                needed_minor: oldest % 10,
            },
        )?;
        let module =
            Module::from_ptx(embedded.ptx, &[]).map_err(|error| cuda_error(CheckedCall::LoadKernels, error))?;
        Ok(Self { module, functions: Mutex::default() })
    }

    /// The entry point of the given name.
    pub(super) fn function(&self, name: &str) -> Result<sys::CUfunction, Error> {
        let mut functions = self.functions.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(function) = functions.get(name) {
            return Ok(function.0);
        }
        let function =
            self.module.get_function(name).map_err(|error| cuda_error(CheckedCall::LoadKernels, error))?.to_raw();
        functions.insert(name.to_owned(), Function(function));
        Ok(function)
    }
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
