//! Shapes of row-major tensors.

use std::fmt;

use kernel_params::MAX_RANK;

use crate::Error;

/// The sizes of a tensor's axes, outermost first; rank 0 to 8. Elements are row-major and contiguous.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    rank: usize,
    dims: [usize; MAX_RANK],
}

impl Shape {
    /// The largest rank a shape can have.
    pub const MAX_RANK: usize = MAX_RANK;

    /// A shape with the given sizes, any of which may be 0.
    ///
    /// # Errors
    /// [`Error::RankTooLarge`] above rank 8; [`Error::TooManyElements`] where the product of the non-zero
    /// sizes does not fit an `isize`.
    pub fn new(dims: &[usize]) -> Result<Self, Error> {
        if dims.len() > MAX_RANK {
            return Err(Error::RankTooLarge { rank: dims.len(), max: MAX_RANK });
        }
        // Zero sizes are left out of the product so that every partial product fits as well.
        let product =
            dims.iter().filter(|&&size| size != 0).try_fold(1usize, |product, &size| product.checked_mul(size));
        if product.is_none_or(|product| product > isize::MAX as usize) {
            return Err(Error::TooManyElements { dims: dims.to_vec() });
        }
        let mut shape = Self { rank: dims.len(), dims: [0; MAX_RANK] };
        shape.dims[..dims.len()].copy_from_slice(dims);
        Ok(shape)
    }

    /// The sizes, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The product of the sizes; 1 for a scalar.
    pub fn element_count(&self) -> usize {
        self.dims().iter().product()
    }

    /// This shape with the size of one axis replaced.
    ///
    /// # Errors
    /// [`Error::TooManyElements`] where the new product does not fit.
    ///
    /// # Panics
    /// If `axis` is not below the rank.
    pub fn with_axis(&self, axis: usize, size: usize) -> Result<Self, Error> {
        let mut dims = self.dims;
        dims[..self.rank][axis] = size;
        Self::new(&dims[..self.rank])
    }

    /// The axis that `dim` names, counted from 0; negative ones count from the end.
    ///
    /// # Errors
    /// [`Error::DimOutOfRange`] where there is no such axis.
    pub fn axis(&self, dim: isize) -> Result<usize, Error> {
        let rank = self.rank as isize;
        if dim < -rank || dim >= rank {
            return Err(Error::DimOutOfRange { dim, src: *self });
        }
        Ok(if dim < 0 { dim + rank } else { dim } as usize)
    }
}

/// Refuses an output buffer of another shape than the result's.
///
/// # Errors
/// [`Error::OutputShape`].
pub(crate) fn check_output(output: &'static str, given: &Shape, expected: &Shape) -> Result<(), Error> {
    if given == expected { Ok(()) } else { Err(Error::OutputShape { output, given: *given, expected: *expected }) }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dims(), f)
    }
}

impl TryFrom<&[usize]> for Shape {
    type Error = Error;

    fn try_from(dims: &[usize]) -> Result<Self, Error> {
        Self::new(dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_zero_are_valid_even_beside_huge_ones() {
        assert_eq!(Shape::new(&[0, usize::MAX / 4]).unwrap().element_count(), 0);
    }

    #[test]
    fn an_overflowing_product_is_refused() {
        assert!(matches!(Shape::new(&[usize::MAX, 0, 2]), Err(Error::TooManyElements { .. })));
    }

    #[test]
    fn rank_nine_is_refused() {
        assert_eq!(Shape::new(&[1; 9]), Err(Error::RankTooLarge { rank: 9, max: 8 }));
    }

    #[test]
    fn negative_dims_count_from_the_end() {
        let shape = Shape::new(&[2, 3, 4]).unwrap();
        assert_eq!(shape.axis(-1), Ok(2));
        assert_eq!(shape.axis(-3), Ok(0));
        assert!(shape.axis(3).is_err() && shape.axis(-4).is_err());
        assert!(Shape::new(&[]).unwrap().axis(0).is_err());
    }
}
