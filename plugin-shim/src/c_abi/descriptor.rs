//! `trts_tensor`: the checked description of a tensor of the caller.

use std::{ffi::c_void, ops::Range, ptr::NonNull, slice};

use bytemuck::Pod;
use tensorrt_scatter::{
    IndexType, ScalarType, Shape, TensorView, TensorViewMut,
    gpu::{DeviceTensor, Gpu},
};

use super::{
    status::Failure,
    words::{alternatives, numbered, type_constant},
};

/// `trts_tensor`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct TrtsTensor {
    data: *mut c_void,
    element_type: i32,
    rank: i32,
    shape: *const i64,
    strides: *const i64,
}

#[cfg(test)]
impl TrtsTensor {
    /// A tensor of no elements.
    pub(super) fn without_elements(scalar: ScalarType) -> Self {
        static NONE: i64 = 0;
        let data = std::ptr::null_mut();
        Self { data, element_type: scalar.number(), rank: 1, shape: &raw const NONE, strides: std::ptr::null() }
    }
}

/// A tensor whose description was checked. Its data cannot be checked.
#[derive(Clone, Copy)]
pub(super) struct Descriptor {
    name: &'static str,
    pub(super) shape: Shape,
    pub(super) scalar: ScalarType,
    address: usize,
}

impl Descriptor {
    /// Reads an argument that must not be null.
    ///
    /// # Safety
    /// That of [`Descriptor::optional`].
    pub(super) unsafe fn required(name: &'static str, tensor: *const TrtsTensor) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        unsafe { Self::optional(name, tensor)? }.ok_or_else(|| Failure::invalid(format!("{name} is a null pointer")))
    }

    /// Reads an argument; None if it is null.
    ///
    /// # Safety
    /// `tensor` must be null or valid for reads, and so must its `shape` and `strides`, of `rank` numbers each.
    pub(super) unsafe fn optional(name: &'static str, tensor: *const TrtsTensor) -> Result<Option<Self>, Failure> {
        // SAFETY: the caller's promise.
        let Some(tensor) = (unsafe { tensor.as_ref() }) else { return Ok(None) };
        let scalar = scalar_type(name, tensor.element_type)?;
        let rank = usize::try_from(tensor.rank).ok().filter(|&rank| rank <= Shape::MAX_RANK).ok_or_else(|| {
            Failure::invalid(format!("{name} has rank {}; expected 0 to {}", tensor.rank, Shape::MAX_RANK))
        })?;
        // SAFETY: the caller's promise.
        let sizes = unsafe { numbers(tensor.shape, rank) };
        let sizes = sizes
            .ok_or_else(|| Failure::invalid(format!("{name} has rank {rank}, but its shape is a null pointer")))?;
        let shape = shape(name, sizes, scalar)?;
        // SAFETY: the caller's promise; a null pointer says nothing, whatever the rank is.
        if let Some(strides) = unsafe { numbers(tensor.strides, rank) } {
            check_strides(name, &shape, strides)?;
        }
        let address = tensor.data as usize;
        if !address.is_multiple_of(scalar.bytes()) {
            return Err(Failure::invalid(format!(
                "{name}'s data lies at {address:#x}; elements of type {} need an address that is a multiple of {}",
                type_constant(scalar),
                scalar.bytes()
            )));
        }
        Ok(Some(Self { name, shape, scalar, address }))
    }

    /// Refuses a null pointer for data, unless there are no elements.
    pub(super) fn check_data(&self) -> Result<(), Failure> {
        if self.address != 0 || self.shape.element_count() == 0 {
            return Ok(());
        }
        Err(Failure::invalid(format!("{} of shape {} has a null pointer for data", self.name, self.shape)))
    }

    /// The type of an index, indptr or arg_out.
    pub(super) fn index_type(&self) -> Result<IndexType, Failure> {
        IndexType::of(self.scalar).ok_or_else(|| {
            Failure::invalid(format!(
                "{} is of type {}; expected {}",
                self.name,
                type_constant(self.scalar),
                alternatives(IndexType::ALL.into_iter().map(|index| type_constant(index.scalar())))
            ))
        })
    }

    /// Refuses a type that is not the type of `other`.
    pub(super) fn check_same_type(&self, other: &Self) -> Result<(), Failure> {
        if self.scalar == other.scalar {
            return Ok(());
        }
        Err(Failure::invalid(format!(
            "{} is of type {}; expected {}'s type, {}",
            self.name,
            type_constant(self.scalar),
            other.name,
            type_constant(other.scalar)
        )))
    }

    /// Refuses weights that have neither the type of `src`, nor float32 where `src` has 16-bit floats.
    pub(super) fn check_weight_type(&self, src: &Self) -> Result<(), Failure> {
        if !src.scalar.is_half() {
            return self.check_same_type(src);
        }
        if [src.scalar, ScalarType::F32].contains(&self.scalar) {
            return Ok(());
        }
        Err(Failure::invalid(format!(
            "{} is of type {}; expected {}'s type, {}, or {}",
            self.name,
            type_constant(self.scalar),
            src.name,
            type_constant(src.scalar),
            type_constant(ScalarType::F32)
        )))
    }

    /// Refuses an output that shares memory with another tensor.
    pub(super) fn check_apart(&self, other: &Self) -> Result<(), Failure> {
        let (mine, others) = (self.addresses(), other.addresses());
        if mine.start < others.end && others.start < mine.end {
            return Err(Failure::invalid(format!("{} overlaps {}; give it memory of its own", self.name, other.name)));
        }
        Ok(())
    }

    /// Whether both tensors lie in the same memory.
    pub(super) fn is_same_memory(&self, other: &Self) -> bool {
        self.addresses() == other.addresses()
    }

    fn addresses(&self) -> Range<usize> {
        // The number of bytes was checked. No tensor lies at an address for which the sum overflows.
        self.address..self.address.saturating_add(self.shape.element_count() * self.scalar.bytes())
    }

    /// The elements in host memory.
    ///
    /// # Safety
    /// `data` must hold the elements, of type `T`; it may be null if there are none. Nothing may write to them while
    /// the view is used.
    pub(super) unsafe fn view<'a, T: Pod>(&self) -> Result<TensorView<'a, T>, Failure> {
        // SAFETY: the address is aligned, and the bytes fit an isize; the rest is the caller's promise.
        let data = unsafe { slice::from_raw_parts(self.pointer::<T>().as_ptr(), self.shape.element_count()) };
        Ok(TensorView::new(self.shape.dims(), data)?)
    }

    /// The elements in host memory, to write to.
    ///
    /// # Safety
    /// That of [`view`](Self::view), and nothing else may read the elements either.
    pub(super) unsafe fn view_mut<'a, T: Pod>(&self) -> Result<TensorViewMut<'a, T>, Failure> {
        // SAFETY: as in `view`.
        let data = unsafe { slice::from_raw_parts_mut(self.pointer::<T>().as_ptr(), self.shape.element_count()) };
        Ok(TensorViewMut::new(self.shape.dims(), data)?)
    }

    /// The elements in device memory.
    ///
    /// # Safety
    /// `data` must point to the elements, of type `T`, in the device's memory, until the work on them is done.
    pub(super) unsafe fn on_device<T>(&self, gpu: &Gpu) -> DeviceTensor<T> {
        // SAFETY: the alignment was checked; the rest is the caller's promise.
        unsafe { DeviceTensor::from_raw(gpu, self.shape, self.address as u64) }
    }

    /// The last element, as a tensor of its own; None if there are no elements.
    pub(super) fn last_element(&self) -> Option<Self> {
        let before = self.shape.element_count().checked_sub(1)?;
        let shape = Shape::new(&[1]).ok()?;
        Some(Self { shape, address: self.address + before * self.scalar.bytes(), ..*self })
    }

    fn pointer<T>(&self) -> NonNull<T> {
        debug_assert_eq!(size_of::<T>(), self.scalar.bytes());
        NonNull::new(self.address as *mut T).unwrap_or(NonNull::dangling())
    }
}

fn scalar_type(name: &str, number: i32) -> Result<ScalarType, Failure> {
    ScalarType::ALL.into_iter().find(|&scalar| scalar.number() == number).ok_or_else(|| {
        let constants = ScalarType::ALL.map(|scalar| (type_constant(scalar), scalar.number()));
        Failure::invalid(format!("{name} has type {number}; expected {}", numbered(constants)))
    })
}

/// # Safety
/// `pointer` must be null or valid for `count` reads.
unsafe fn numbers<'a>(pointer: *const i64, count: usize) -> Option<&'a [i64]> {
    if count == 0 {
        return Some(&[]);
    }
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts(pointer, count) })
}

fn shape(name: &str, sizes: &[i64], scalar: ScalarType) -> Result<Shape, Failure> {
    let dims: Vec<usize> = sizes
        .iter()
        .map(|&size| usize::try_from(size))
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::invalid(format!("{name} has shape {sizes:?}; sizes are 0 or more")))?;
    let shape = Shape::new(&dims).map_err(|error| Failure::invalid(format!("{name}: {error}")))?;
    let bytes = shape.element_count().checked_mul(scalar.bytes());
    if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Failure::invalid(format!("{name} of shape {shape} has more bytes than memory can have")));
    }
    Ok(shape)
}

/// Refuses strides that are not those of a row-major tensor. The stride of an axis of one element may be any number,
/// and so may all strides if there are no elements.
fn check_strides(name: &str, shape: &Shape, strides: &[i64]) -> Result<(), Failure> {
    let mut expected = 1;
    let mut row_major = true;
    for (&size, &stride) in shape.dims().iter().zip(strides).rev() {
        row_major &= size == 1 || stride == expected;
        expected = expected.saturating_mul(size as i64);
    }
    if row_major || shape.element_count() == 0 {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{name} of shape {shape} has strides {strides:?}; only row-major tensors are taken: copy it to one first"
    )))
}
