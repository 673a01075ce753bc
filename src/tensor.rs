//! Tensors in host memory.

use crate::{Error, Shape, try_vec};

/// A row-major tensor that owns its elements, in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T> {
    shape: Shape,
    data: Vec<T>,
}

impl<T> Tensor<T> {
    /// A tensor of the given sizes over `data`, row-major.
    ///
    /// # Errors
    /// [`Error::DataLength`] where `data` is not as long as the product of the sizes; those of
    /// [`Shape::new`].
    pub fn new(dims: &[usize], data: Vec<T>) -> Result<Self, Error> {
        let shape = Shape::new(dims)?;
        check_length(&shape, data.len())?;
        Ok(Self { shape, data })
    }

    /// A tensor with every element set to `value`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where there is no room for it.
    pub fn full(shape: Shape, value: T) -> Result<Self, Error>
    where
        T: Clone,
    {
        let room = try_vec::filled(shape.element_count(), value);
        // The caller knows the tensor by its shape.
        let data = room.map_err(|_| Error::OutOfMemory { shape, element_bytes: size_of::<T>() })?;
        Ok(Self { shape, data })
    }

    /// The sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The elements, row-major.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The elements, row-major, to write to.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The elements, row-major, without the shape.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// A borrowed view of the whole tensor.
    pub fn view(&self) -> TensorView<'_, T> {
        TensorView { shape: self.shape, data: &self.data }
    }

    /// A borrowed view of the whole tensor, to write to.
    pub fn view_mut(&mut self) -> TensorViewMut<'_, T> {
        TensorViewMut { shape: self.shape, data: &mut self.data }
    }
}

/// A row-major tensor that borrows its elements, in host memory.
#[derive(Debug)]
pub struct TensorView<'a, T> {
    shape: Shape,
    data: &'a [T],
}

impl<T> Clone for TensorView<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for TensorView<'_, T> {}

impl<'a, T> TensorView<'a, T> {
    /// A view of `data` as a row-major tensor of the given sizes.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn new(dims: &[usize], data: &'a [T]) -> Result<Self, Error> {
        let shape = Shape::new(dims)?;
        check_length(&shape, data.len())?;
        Ok(Self { shape, data })
    }

    /// The sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The elements, row-major.
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// A copy that owns its elements.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where there is no room for it.
    pub fn to_tensor(&self) -> Result<Tensor<T>, Error>
    where
        T: Copy,
    {
        Ok(Tensor { shape: self.shape, data: try_vec::copied(self.data)? })
    }
}

impl<'a, T> From<&'a Tensor<T>> for TensorView<'a, T> {
    fn from(tensor: &'a Tensor<T>) -> Self {
        tensor.view()
    }
}

/// A row-major tensor in host memory that borrows its elements to write to them. A result goes there.
#[derive(Debug)]
pub struct TensorViewMut<'a, T> {
    shape: Shape,
    data: &'a mut [T],
}

impl<'a, T> TensorViewMut<'a, T> {
    /// A view of `data` as a row-major tensor of the given sizes.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn new(dims: &[usize], data: &'a mut [T]) -> Result<Self, Error> {
        let shape = Shape::new(dims)?;
        check_length(&shape, data.len())?;
        Ok(Self { shape, data })
    }

    /// The sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The elements, row-major.
    pub fn into_data(self) -> &'a mut [T] {
        self.data
    }
}

impl<'a, T> From<&'a mut Tensor<T>> for TensorViewMut<'a, T> {
    fn from(tensor: &'a mut Tensor<T>) -> Self {
        tensor.view_mut()
    }
}

fn check_length(shape: &Shape, given: usize) -> Result<(), Error> {
    if shape.element_count() == given { Ok(()) } else { Err(Error::DataLength { shape: *shape, given }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_another_length_is_refused() {
        assert!(matches!(Tensor::new(&[2, 3], vec![0.0; 5]), Err(Error::DataLength { given: 5, .. })));
        assert!(TensorView::new(&[], &[1]).is_ok());
        assert!(matches!(TensorViewMut::new(&[2], &mut [1]), Err(Error::DataLength { given: 1, .. })));
    }
}
