//! The steps that plans are made of, and the queue that executes them on a CUDA stream.

use std::{ffi::c_void, ptr};

use kernel_params::{
    FillParams, IndexLayout, OffsetsParams,
    entry::{Grid, Params},
};
use lazy_cuda_driver::sys::{self, LaunchAttribute, LaunchConfig};

use super::{
    Tuning,
    driver::{CheckedCall, check},
    kernel::Kernel,
    kernels::Kernels,
};
use crate::{Error, Shape, broadcast::Layout};

pub use kernel_params::THREADS_PER_BLOCK;

/// Executes the steps of an operator, in the order in which they are given: on a CUDA stream, or in the emulator that
/// tests the kernels on the CPU.
pub trait Queue {
    /// Sets `count` 32-bit words from `address` on to `value`.
    ///
    /// # Safety
    /// The words must lie in memory of the device that may be written until the queue has executed the work given to
    /// it.
    unsafe fn fill_u32(&mut self, address: u64, value: u32, count: usize) -> Result<(), Error>;

    /// Runs a kernel with `blocks` blocks of [`THREADS_PER_BLOCK`] threads, each with `shared_bytes` bytes of dynamic
    /// shared memory. A queue implements this method. Steps call the other three, which check in debug builds that the
    /// launch keeps the kernel's [`contract`](Kernel::contract).
    ///
    /// # Safety
    /// The launch must keep the kernel's contract, and each address in `params` must stay valid until the queue has
    /// executed the work given to it.
    unsafe fn run<P: Params>(
        &mut self,
        kernel: Kernel,
        blocks: u32,
        shared_bytes: u32,
        params: &P,
    ) -> Result<(), Error>;

    /// Runs a kernel that may have any grid with `blocks` blocks.
    ///
    /// # Safety
    /// As [`Queue::run`].
    unsafe fn launch<P: Params>(&mut self, kernel: Kernel, blocks: u32, params: &P) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { self.launch_with_shared(kernel, blocks, 0, params) }
    }

    /// Runs a kernel that needs dynamic shared memory: `blocks` blocks with `shared_bytes` bytes each. If the kernel may
    /// not have any grid, there is a block for each work item.
    ///
    /// # Safety
    /// As [`Queue::run`].
    unsafe fn launch_with_shared<P: Params>(
        &mut self,
        kernel: Kernel,
        blocks: u32,
        shared_bytes: u32,
        params: &P,
    ) -> Result<(), Error> {
        debug_assert_eq!(kernel.contract().fault_of_launch::<P>(shared_bytes), None, "{kernel:?}");
        // SAFETY: the caller's promise.
        unsafe { self.run(kernel, blocks, shared_bytes, params) }
    }

    /// The bytes of input that decide which kernels are launched. Streams return `bytes`, the bytes there are. The
    /// emulator may return more, so that a small input runs the kernels of a large one.
    fn bytes_to_weigh(&self, bytes: usize) -> usize {
        bytes
    }

    /// Whether four float32 values join in one atomic: from sm_90 on.
    fn has_vector_atomics(&self) -> bool;

    /// How the kernels share out their work on the device.
    fn tuning(&self) -> &Tuning;

    /// Runs a kernel on `items` work items. The kernel's [`contract`](Kernel::contract) says what takes an item: a
    /// thread, a warp or a block. If a grid cannot have one for each item, a loop in the kernel takes the rest. Does
    /// nothing if there are no items.
    ///
    /// # Safety
    /// As [`Queue::run`].
    unsafe fn launch_for_each<P: Params>(&mut self, kernel: Kernel, items: usize, params: &P) -> Result<(), Error> {
        // A grid has at most 2^31 - 1 blocks along x (CUDA C++ Programming Guide, table of limits).
        const MOST: u64 = i32::MAX as u64;
        if items == 0 {
            return Ok(());
        }
        let contract = kernel.contract();
        let blocks = contract.blocks(items as u64);
        debug_assert_eq!(contract.fault_of_launch::<P>(0), None, "{kernel:?}");
        debug_assert!(blocks <= MOST || contract.grid == Grid::Any, "{kernel:?} cannot have {blocks} blocks");
        // SAFETY: the caller's promise.
        unsafe { self.run(kernel, blocks.min(MOST) as u32, 0, params) }
    }
}

/// The words (u64) of workspace for the offsets of an index that does not advance evenly over the axes on one side of
/// the reduced axis. The sides have `b` and `k` positions.
///
/// An index over one axis on each side always advances evenly. For more axes the words are reserved in any case, so
/// that their number never shrinks as shapes grow.
pub(super) fn offset_words(src: &Shape, b: usize, k: usize) -> usize {
    if src.rank() > 2 { b + k } else { 0 }
}

/// A layout in the form that kernels take. If it needs offsets, it also has the steps that write them to
/// [`offset_words`] words of the workspace.
pub(super) struct PlacedLayout {
    /// For the kernels after those steps.
    pub(super) layout: IndexLayout,
    leading: OffsetsParams,
    trailing: OffsetsParams,
}

impl PlacedLayout {
    /// For an index over `b` and `k` positions on the sides of the reduced axis.
    pub(super) fn new(layout: &Layout, b: usize, k: usize, scratch: u64) -> Self {
        let behind = scratch + (b * size_of::<u64>()) as u64;
        let leading = OffsetsParams { offsets: scratch, count: b as u64, runs: layout.leading };
        let trailing = OffsetsParams { offsets: behind, count: k as u64, runs: layout.trailing };
        let address = |side: &OffsetsParams| if side.runs.are_even() { 0 } else { side.offsets };
        let layout = IndexLayout {
            stride_b: layout.leading.even_stride(),
            stride_e: layout.stride_e,
            stride_k: layout.trailing.even_stride(),
            offsets_b: address(&leading),
            offsets_k: address(&trailing),
        };
        Self { layout, leading, trailing }
    }

    /// Gives a queue the steps that write the offsets.
    ///
    /// # Errors
    /// Those of the queue.
    ///
    /// # Safety
    /// As [`Queue::run`].
    pub(super) unsafe fn enqueue(&self, queue: &mut impl Queue) -> Result<(), Error> {
        for side in [&self.leading, &self.trailing].into_iter().filter(|side| !side.runs.are_even()) {
            // SAFETY: the caller's promise.
            unsafe { queue.launch_for_each(Kernel::index_store_offsets_all, side.count as usize, side)? };
        }
        Ok(())
    }
}

/// A CUDA stream together with the kernels of its context.
pub struct StreamQueue<'a> {
    kernels: &'a Kernels,
    stream: sys::Stream,
    /// Whether the last step was a kernel.
    follows_kernel: bool,
}

impl<'a> StreamQueue<'a> {
    /// A queue on a raw `CUstream`; null is the context's default stream.
    ///
    /// # Safety
    /// `stream` must be a stream of the context `kernels` was loaded into, which must be current, and both
    /// must stay so while the queue is used.
    pub unsafe fn new(kernels: &'a Kernels, stream: *mut c_void) -> Self {
        Self { kernels, stream, follows_kernel: false }
    }
}

impl Queue for StreamQueue<'_> {
    unsafe fn fill_u32(&mut self, address: u64, value: u32, count: usize) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        if fills_by_kernel(self.kernels, count) {
            let params = FillParams { address, count: count as u64, value, unused: 0 };
            // SAFETY: the caller's promise.
            return unsafe { self.launch_for_each(FILL_KERNEL, count, &params) };
        }
        self.follows_kernel = false;
        // SAFETY: the caller's promise.
        check(CheckedCall::Fill, unsafe { sys::cuMemsetD32Async(address, value, count, self.stream) })
    }

    fn has_vector_atomics(&self) -> bool {
        self.kernels.has_vector_atomics()
    }

    fn tuning(&self) -> &Tuning {
        self.kernels.tuning()
    }

    unsafe fn run<P: Params>(
        &mut self,
        kernel: Kernel,
        blocks: u32,
        shared_bytes: u32,
        params: &P,
    ) -> Result<(), Error> {
        let function = self.kernels.function(kernel)?;
        let mut arguments = [ptr::from_ref(params).cast_mut().cast::<c_void>()];
        // Every kernel of this library waits for the end of the kernel before it, so the driver need not wait. The
        // first kernel of a call does not overlap: the kernel before it may be another library's, which may not wait
        // for the kernels before it.
        let overlaps = self.follows_kernel && self.kernels.can_overlap();
        let config = LaunchConfig {
            grid: [blocks, 1, 1],
            block: [THREADS_PER_BLOCK, 1, 1],
            shared_bytes,
            stream: self.stream,
            attributes: &LaunchAttribute::OVERLAPS_PREVIOUS,
            attribute_count: 1,
        };
        // SAFETY: `arguments` points to the one parameter the kernel takes, which the driver copies before
        // it returns; the rest is the caller's promise.
        let answer = if overlaps {
            unsafe { sys::cuLaunchKernelEx(&config, function, arguments.as_mut_ptr(), ptr::null_mut()) }
        } else {
            unsafe {
                sys::cuLaunchKernel(
                    function,
                    blocks,
                    1,
                    1,
                    THREADS_PER_BLOCK,
                    1,
                    1,
                    shared_bytes,
                    self.stream,
                    arguments.as_mut_ptr(),
                    ptr::null_mut(),
                )
            }
        };
        self.follows_kernel = answer == sys::SUCCESS;
        check(CheckedCall::Launch, answer)
    }
}

/// The kernel that fills words.
pub(super) const FILL_KERNEL: Kernel = Kernel::fill_words_all;

/// Whether a kernel fills the words. The next kernel can overlap it.
fn fills_by_kernel(kernels: &Kernels, count: usize) -> bool {
    kernels.can_overlap() && count <= kernels.tuning().fill_words
}

/// A queue that launches nothing. It notes the kernels of the launches, and compiles them together. A later enqueue
/// then compiles nothing, so it can be captured in a CUDA graph.
pub(super) struct Collector<'a> {
    kernels: &'a Kernels,
    launched: Vec<Kernel>,
}

impl<'a> Collector<'a> {
    /// Compiles the kernels that `steps` launch and that are not compiled yet.
    ///
    /// # Errors
    /// Those of the steps; [`Error::Cuda`] where the driver refuses.
    pub(super) fn load(kernels: &'a Kernels, steps: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        let mut collector = Self { kernels, launched: Vec::new() };
        steps(&mut collector)?;
        kernels.load(collector.launched.into_iter())
    }

    /// Calls [`load`](Self::load) if this is the first call for `what`. Later calls for the same `what` may need other
    /// kernels; their launches compile what is missing.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub(super) fn load_first(
        kernels: &'a Kernels,
        what: [&'static str; 4],
        steps: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if kernels.is_first(what) { Self::load(kernels, steps) } else { Ok(()) }
    }
}

impl Queue for Collector<'_> {
    unsafe fn fill_u32(&mut self, _address: u64, _value: u32, count: usize) -> Result<(), Error> {
        if count > 0 && fills_by_kernel(self.kernels, count) {
            self.launched.push(FILL_KERNEL);
        }
        Ok(())
    }

    fn has_vector_atomics(&self) -> bool {
        self.kernels.has_vector_atomics()
    }

    fn tuning(&self) -> &Tuning {
        self.kernels.tuning()
    }

    unsafe fn run<P: Params>(
        &mut self,
        kernel: Kernel,
        _blocks: u32,
        _shared_bytes: u32,
        _params: &P,
    ) -> Result<(), Error> {
        self.launched.push(kernel);
        Ok(())
    }
}
