//! Tensors and scratch space in device memory.

use std::{marker::PhantomData, ptr};

use bytemuck::Pod;
use cust::{memory::DeviceBuffer, sys};

use super::{
    Gpu, Stream,
    device::{CheckedCall, check, cuda_error},
};
use crate::{Error, Shape, Tensor, TensorView};

/// A row-major tensor in device memory that owns its elements, but for one made by [`from_raw`](Self::from_raw).
///
/// Work on it runs in the order of the stream it is given to; a tensor used on several streams needs
/// [`Stream::synchronize`] between them.
pub struct DeviceTensor<T> {
    shape: Shape,
    memory: Memory,
    element: PhantomData<T>,
}

impl<T: Pod> DeviceTensor<T> {
    /// A tensor with every byte 0.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the device has no room.
    pub fn zeros(stream: &Stream, shape: Shape) -> Result<Self, Error> {
        let tensor = Self::uninitialized(stream.gpu(), shape)?;
        if tensor.memory.bytes != 0 {
            let stream = stream.as_raw().cast();
            // SAFETY: the buffer is ours and of that length.
            check(CheckedCall::Fill, unsafe {
                sys::cuMemsetD8Async(tensor.address(), 0, tensor.memory.bytes, stream)
            })?;
        }
        Ok(tensor)
    }

    /// A copy of a host tensor. The host's memory may be reused when the call returns.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the device has no room.
    pub fn from_host<'a>(stream: &Stream, tensor: impl Into<TensorView<'a, T>>) -> Result<Self, Error>
    where
        T: 'a,
    {
        let tensor = tensor.into();
        let copy = Self::uninitialized(stream.gpu(), *tensor.shape())?;
        if copy.memory.bytes != 0 {
            // SAFETY: both sides have `bytes` bytes. The driver takes pageable host memory into its own
            // before it returns, and page-locked memory is not what a `TensorView` can promise: the
            // synchronisation below covers that.
            check(CheckedCall::Copy, unsafe {
                sys::cuMemcpyHtoDAsync_v2(
                    copy.address(),
                    tensor.data().as_ptr().cast(),
                    copy.memory.bytes,
                    stream.as_raw().cast(),
                )
            })?;
            stream.synchronize()?;
        }
        Ok(copy)
    }

    /// A copy in host memory, after everything given to the stream so far.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the copy, or a step before it, failed.
    pub fn to_host(&self, stream: &Stream) -> Result<Tensor<T>, Error> {
        let mut tensor = Tensor::full(self.shape, T::zeroed())?;
        stream.gpu().bind()?;
        if self.memory.bytes != 0 {
            // SAFETY: both sides have `bytes` bytes, and the stream is waited for before either can go.
            check(CheckedCall::Copy, unsafe {
                sys::cuMemcpyDtoHAsync_v2(
                    tensor.data_mut().as_mut_ptr().cast(),
                    self.address(),
                    self.memory.bytes,
                    stream.as_raw().cast(),
                )
            })?;
        }
        stream.synchronize()?;
        Ok(tensor)
    }

    /// A tensor whose elements are whatever the memory held: for results that are written whole.
    pub(super) fn uninitialized(gpu: &Gpu, shape: Shape) -> Result<Self, Error> {
        let bytes = shape
            .element_count()
            .checked_mul(size_of::<T>())
            .ok_or_else(|| Error::TooManyElements { dims: shape.dims().to_vec() })?;
        Ok(Self { shape, memory: Memory::new(gpu, bytes)?, element: PhantomData })
    }
}

impl<T> DeviceTensor<T> {
    /// A tensor over memory that somebody else owns: it is not freed.
    ///
    /// # Safety
    /// `address` must point to device memory that holds `shape` elements, aligned to an element, for as long as the
    /// tensor and all work on it last.
    pub unsafe fn from_raw(gpu: &Gpu, shape: Shape, address: u64) -> Self {
        let bytes = shape.element_count() * size_of::<T>();
        Self { shape, memory: Memory::borrowed(gpu, address, bytes), element: PhantomData }
    }

    /// The sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The address in device memory.
    pub fn address(&self) -> u64 {
        self.memory.address
    }
}

/// One value from device memory, after everything given to the stream so far.
pub(super) fn read<T: Pod>(stream: &Stream, address: u64) -> Result<T, Error> {
    let mut value = T::zeroed();
    stream.gpu().bind()?;
    // SAFETY: the callers read addresses inside tensors of theirs; the stream is waited for below.
    check(CheckedCall::Copy, unsafe {
        sys::cuMemcpyDtoHAsync_v2(ptr::from_mut(&mut value).cast(), address, size_of::<T>(), stream.as_raw().cast())
    })?;
    stream.synchronize()?;
    Ok(value)
}

/// Scratch space in device memory that grows when a call needs more, and is reused by the next.
///
/// One workspace serves one stream at a time.
pub struct Workspace {
    memory: Memory,
}

impl Workspace {
    /// A workspace without memory yet.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the driver refuses.
    pub fn new(gpu: &Gpu) -> Result<Self, Error> {
        Self::with_bytes(gpu, 0)
    }

    /// A workspace of so many bytes, whatever they hold.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the device has no room.
    pub fn with_bytes(gpu: &Gpu, bytes: usize) -> Result<Self, Error> {
        Ok(Self { memory: Memory::new(gpu, bytes)? })
    }

    /// A workspace in memory that somebody else owns: it is not freed and does not grow.
    ///
    /// # Safety
    /// `address`, a multiple of 8, must point to `bytes` bytes of device memory that nothing else uses for as long as
    /// the workspace and all work given to it last.
    pub unsafe fn from_raw(gpu: &Gpu, address: u64, bytes: usize) -> Self {
        Self { memory: Memory::borrowed(gpu, address, bytes) }
    }

    /// The address in device memory.
    pub fn address(&self) -> u64 {
        self.memory.address
    }

    /// The number of bytes held.
    pub fn bytes(&self) -> usize {
        self.memory.bytes
    }

    /// The address of at least `bytes` bytes, aligned to 256 where they are not borrowed.
    ///
    /// # Errors
    /// [`Error::Cuda`] where the device has no room; [`Error::WorkspaceTooSmall`] where the memory is borrowed.
    pub(super) fn reserve(&mut self, bytes: usize) -> Result<u64, Error> {
        if self.memory.bytes < bytes {
            if self.memory.buffer.is_none() {
                return Err(Error::WorkspaceTooSmall { given: self.memory.bytes, needed: bytes });
            }
            self.memory = Memory::new(&self.memory.gpu, bytes)?;
        }
        Ok(self.memory.address)
    }
}

/// A block of device memory. Freeing it waits for the device, so no running kernel loses its memory.
struct Memory {
    gpu: Gpu,
    address: u64,
    bytes: usize,
    /// None where somebody else owns it.
    buffer: Option<DeviceBuffer<u8>>,
}

impl Memory {
    fn new(gpu: &Gpu, bytes: usize) -> Result<Self, Error> {
        gpu.bind()?;
        // SAFETY: bytes have no invalid values, and nothing reads them before they are written.
        let buffer =
            unsafe { DeviceBuffer::uninitialized(bytes) }.map_err(|error| cuda_error(CheckedCall::Allocate, error))?;
        let address = buffer.as_device_ptr().as_raw();
        Ok(Self { gpu: gpu.clone(), address, bytes, buffer: Some(buffer) })
    }

    fn borrowed(gpu: &Gpu, address: u64, bytes: usize) -> Self {
        Self { gpu: gpu.clone(), address, bytes, buffer: None }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let Some(buffer) = self.buffer.take() else { return };
        // The driver frees in the current context, which on this thread may be another or none.
        if self.gpu.bind().is_ok() {
            drop(buffer);
        } else {
            std::mem::forget(buffer);
        }
    }
}
