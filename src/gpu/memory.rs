//! Tensors and workspaces in device memory.

use std::{marker::PhantomData, ptr};

use bytemuck::Pod;
use lazy_cuda_driver::sys;

use super::{
    Gpu, Stream,
    driver::{CheckedCall, check, driver_error},
};
use crate::{Error, Shape, Tensor, TensorView};

/// A row-major tensor in device memory. It owns its elements, unless [`from_raw`](Self::from_raw) made it.
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
    /// [`Error::OutOfDeviceMemory`] where the device has no room; [`Error::Cuda`] where the driver refuses.
    pub fn zeros(stream: &Stream, shape: Shape) -> Result<Self, Error> {
        let tensor = Self::uninitialized(stream.gpu(), shape)?;
        if tensor.memory.bytes != 0 {
            // SAFETY: the memory is ours, of that length and of the stream's context, which was made current.
            check(CheckedCall::Fill, unsafe {
                sys::cuMemsetD8Async(tensor.address(), 0, tensor.memory.bytes, stream.as_raw())
            })?;
        }
        Ok(tensor)
    }

    /// A copy of a host tensor. The host's memory may be reused when the call returns.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] where the device has no room; [`Error::Cuda`] where the driver refuses.
    pub fn from_host<'a>(stream: &Stream, tensor: impl Into<TensorView<'a, T>>) -> Result<Self, Error>
    where
        T: 'a,
    {
        let tensor = tensor.into();
        let copy = Self::uninitialized(stream.gpu(), *tensor.shape())?;
        if copy.memory.bytes != 0 {
            // SAFETY: both sides have `bytes` bytes, and the stream is waited for before either can go.
            check(CheckedCall::Copy, unsafe {
                sys::cuMemcpyHtoDAsync_v2(
                    copy.address(),
                    tensor.data().as_ptr().cast(),
                    copy.memory.bytes,
                    stream.as_raw(),
                )
            })?;
            stream.synchronize()?;
        }
        Ok(copy)
    }

    /// A copy in host memory, after the work given to the stream so far.
    ///
    /// # Errors
    /// [`Error::OtherDevice`] where the tensor does not lie on the stream's device; [`Error::OutOfMemory`] where the
    /// host has no room; [`Error::Cuda`] where the copy, or a step before it, failed.
    pub fn to_host(&self, stream: &Stream) -> Result<Tensor<T>, Error> {
        let address = self.address_on(stream, "tensor")?;
        let mut tensor = Tensor::full(self.shape, T::zeroed())?;
        stream.gpu().bind()?;
        if self.memory.bytes != 0 {
            // SAFETY: both sides have `bytes` bytes, and the stream is waited for before either can go.
            check(CheckedCall::Copy, unsafe {
                sys::cuMemcpyDtoHAsync_v2(
                    tensor.data_mut().as_mut_ptr().cast(),
                    address,
                    self.memory.bytes,
                    stream.as_raw(),
                )
            })?;
        }
        stream.synchronize()?;
        Ok(tensor)
    }

    /// A tensor with undefined elements, for a result of which every element is written.
    pub(super) fn uninitialized(gpu: &Gpu, shape: Shape) -> Result<Self, Error> {
        let bytes = shape
            .element_count()
            .checked_mul(size_of::<T>())
            .ok_or_else(|| Error::TooManyElements { dims: shape.dims().to_vec() })?;
        Ok(Self { shape, memory: Memory::new(gpu, bytes)?, element: PhantomData })
    }
}

impl<T> DeviceTensor<T> {
    /// A tensor over memory that the caller owns. Dropping the tensor does not free the memory.
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

impl<T> DeviceTensor<T> {
    /// The address, for work on `stream`. `name` is what the message of an error calls the tensor.
    ///
    /// # Errors
    /// [`Error::OtherDevice`] where the tensor does not lie on the stream's device; [`Error::ContextLost`] where the
    /// device was reset since.
    pub(super) fn address_on(&self, stream: &Stream, name: &'static str) -> Result<u64, Error> {
        self.memory.address_on(stream, name)
    }
}

impl<T: Pod> DeviceTensor<T> {
    /// The element at a row-major position, after the work given to the stream so far.
    ///
    /// # Errors
    /// Those of [`address_on`](Self::address_on); [`Error::Cuda`] where the copy, or a step before it, failed.
    ///
    /// # Panics
    /// Where the tensor has no such position.
    pub(super) fn element(&self, stream: &Stream, name: &'static str, position: u64) -> Result<T, Error> {
        assert!(
            position < self.shape.element_count() as u64,
            "{name} of shape {} has no position {position}",
            self.shape
        );
        let address = self.address_on(stream, name)?;
        // SAFETY: the element lies inside the tensor, which is of the stream's context.
        unsafe { read(stream, address + position * size_of::<T>() as u64) }
    }
}

/// One value from device memory, after the work given to the stream so far.
///
/// # Errors
/// [`Error::Cuda`] where the copy, or a step before it, failed.
///
/// # Safety
/// `address` must be that of a `T` in device memory of the stream's context.
pub(super) unsafe fn read<T: Pod>(stream: &Stream, address: u64) -> Result<T, Error> {
    let mut value = T::zeroed();
    stream.gpu().bind()?;
    // SAFETY: the caller's promise for the one side; the other is a local, and the stream is waited for below.
    check(CheckedCall::Copy, unsafe {
        sys::cuMemcpyDtoHAsync_v2(ptr::from_mut(&mut value).cast(), address, size_of::<T>(), stream.as_raw())
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

    /// A workspace of `bytes` bytes, which are not initialised.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] where the device has no room; [`Error::Cuda`] where the driver refuses.
    pub fn with_bytes(gpu: &Gpu, bytes: usize) -> Result<Self, Error> {
        Ok(Self { memory: Memory::new(gpu, bytes)? })
    }

    /// A workspace in memory that the caller owns. Dropping it does not free the memory, and it does not grow.
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

    /// The address of at least `bytes` bytes for work on `stream`, aligned to 256 where they are not borrowed.
    ///
    /// # Errors
    /// [`Error::OtherDevice`] where the workspace does not lie on the stream's device, and [`Error::ContextLost`] where
    /// the device was reset since; [`Error::OutOfDeviceMemory`] where the device has no room;
    /// [`Error::WorkspaceTooSmall`] where the memory is borrowed and has fewer bytes.
    pub(super) fn reserve(&mut self, stream: &Stream, bytes: usize) -> Result<u64, Error> {
        let address = self.memory.address_on(stream, "workspace")?;
        if bytes <= self.memory.bytes {
            return Ok(address);
        }
        if !self.memory.is_owned {
            return Err(Error::WorkspaceTooSmall { given: self.memory.bytes, needed: bytes });
        }
        self.memory = Memory::new(&self.memory.gpu, bytes)?;
        Ok(self.memory.address)
    }
}

/// A block of device memory. Freeing it waits for the device, so no running kernel loses its memory.
struct Memory {
    gpu: Gpu,
    address: u64,
    bytes: usize,
    /// Whether dropping the value frees the memory.
    is_owned: bool,
}

impl Memory {
    fn new(gpu: &Gpu, bytes: usize) -> Result<Self, Error> {
        gpu.bind()?;
        let mut address = 0;
        // The driver refuses to allocate 0 bytes. The address 0 stands for an empty block.
        if bytes != 0 {
            // SAFETY: the pointer is to a local.
            match unsafe { sys::cuMemAlloc_v2(&mut address, bytes) } {
                sys::SUCCESS => {}
                sys::ERROR_OUT_OF_MEMORY => return Err(Error::OutOfDeviceMemory { device: gpu.ordinal(), bytes }),
                answer => return Err(driver_error(CheckedCall::Allocate, answer)),
            }
        }
        Ok(Self { gpu: gpu.clone(), address, bytes, is_owned: true })
    }

    fn borrowed(gpu: &Gpu, address: u64, bytes: usize) -> Self {
        Self { gpu: gpu.clone(), address, bytes, is_owned: false }
    }

    fn address_on(&self, stream: &Stream, name: &'static str) -> Result<u64, Error> {
        if self.gpu.shares_context_with(stream.gpu()) {
            return Ok(self.address);
        }
        let (device, stream_device) = (self.gpu.ordinal(), stream.gpu().ordinal());
        // The device is the same and the context is not: the device was reset in between.
        Err(if device == stream_device {
            Error::ContextLost { device }
        } else {
            Error::OtherDevice { tensor: name, device, stream_device }
        })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // The driver frees in the current context, which on this thread may be another or none. If the context was
        // reset, the memory is gone already, and its address may belong to another allocation.
        if self.is_owned && self.address != 0 && self.gpu.bind().is_ok() {
            // SAFETY: the memory is of `cuMemAlloc_v2`, and nobody else has it.
            unsafe { sys::cuMemFree_v2(self.address) };
        }
    }
}
