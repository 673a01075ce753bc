//! `trts_target`: the CPU, or a stream of a CUDA device.

use std::{
    collections::BTreeMap,
    ffi::c_void,
    ptr,
    sync::{Mutex, PoisonError},
};

use tensorrt_scatter::gpu::{Gpu, Stream, Workspace, raw::CurrentContext};

use super::{
    options::{Growing, read},
    status::Failure,
};

/// `trts_target`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct TrtsTarget {
    struct_size: usize,
    device: i32,
    stream: *mut c_void,
    workspace: *mut c_void,
    workspace_bytes: usize,
}

/// `TRTS_CPU`.
const CPU: i32 = -1;

// SAFETY: all fields are numbers and raw pointers.
unsafe impl Growing for TrtsTarget {
    const NAME: &'static str = "trts_target";
    const FIRST_SIZE: usize = 40;
    const DEFAULT: Self = Self {
        struct_size: size_of::<Self>(),
        device: CPU,
        stream: ptr::null_mut(),
        workspace: ptr::null_mut(),
        workspace_bytes: 0,
    };
}

/// The place of a call: the CPU or a device.
pub(super) enum Target {
    Cpu,
    Cuda(Cuda),
}

/// The caller's stream and workspace. The device's context is current while the value lives.
pub(super) struct Cuda {
    pub(super) stream: Stream,
    pub(super) workspace: Workspace,
    _callers_context: CurrentContext,
}

impl Target {
    /// # Safety
    /// `target` must be null or valid for reads of as many bytes as it says, and what it points to must be what the
    /// header says.
    pub(super) unsafe fn new(target: *const TrtsTarget) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        let given = unsafe { read(target)? };
        if given.device == CPU {
            return Ok(Self::Cpu);
        }
        let (address, bytes) = (given.workspace as usize, given.workspace_bytes);
        if bytes != 0 && (address == 0 || !address.is_multiple_of(size_of::<u64>())) {
            return Err(Failure::invalid(format!(
                "the workspace of {bytes} bytes lies at {address:#x}; expected device memory at a multiple of 8"
            )));
        }
        let callers_context = CurrentContext::keep();
        let gpu = gpu(given.device)?;
        // SAFETY: the caller's promise; an empty workspace has no bytes to use.
        let (stream, workspace) = unsafe {
            (Stream::from_raw(&gpu, given.stream), Workspace::from_raw(&gpu, address as u64, given.workspace_bytes))
        };
        Ok(Self::Cuda(Cuda { stream, workspace, _callers_context: callers_context }))
    }
}

/// A device, with its context current. It is kept for later calls, because retaining a context takes time. If the
/// device was reset since then, it is made again. The error says why that failed.
pub(super) fn gpu(device: i32) -> Result<Gpu, Failure> {
    static GPUS: Mutex<BTreeMap<u32, Gpu>> = Mutex::new(BTreeMap::new());
    let ordinal = u32::try_from(device).map_err(|_| {
        Failure::invalid(format!("device is {device}; expected TRTS_CPU (-1) or the number of a CUDA device"))
    })?;
    let mut gpus = GPUS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(gpu) = gpus.get(&ordinal)
        && gpu.bind().is_ok()
    {
        return Ok(gpu.clone());
    }
    let gpu = Gpu::new(ordinal)?;
    gpus.insert(ordinal, gpu.clone());
    Ok(gpu)
}
