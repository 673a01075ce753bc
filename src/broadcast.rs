//! torch_scatter's broadcast of an index to `src`, as strides.

use std::ops::Range;

use kernel_params::AxisRuns;

use crate::{Error, Shape};

/// Computes the strides of `index` over `src` along axis `dim`.
///
/// A 1-D index lies along `dim`. Any other index gets axes of size 1 at its end, up to src's rank, and each axis of
/// size 1 is repeated. Neighbouring axes become one run where one stride is enough for them.
///
/// # Errors
/// [`Error::IndexShape`] where an axis is neither 1 nor src's size, or the index has more axes than `src`;
/// [`Error::Scalar`] for an index without axes.
pub(crate) fn scatter_layout(src: &Shape, index: &Shape, dim: usize) -> Result<Layout, Error> {
    let mismatch = || Error::IndexShape { index: *index, src: *src, dim };
    if index.rank() == 0 {
        return Err(Error::Scalar { input: "index" });
    }
    if index.rank() > src.rank() {
        return Err(mismatch());
    }
    let mut sizes = [1; Shape::MAX_RANK];
    if index.rank() == 1 {
        sizes[dim] = index.dims()[0];
    } else {
        sizes[..index.rank()].copy_from_slice(index.dims());
    }

    let mut strides = [0; Shape::MAX_RANK];
    let mut stride = 1u64;
    for axis in (0..src.rank()).rev() {
        if sizes[axis] == src.dims()[axis] {
            strides[axis] = stride;
        } else if sizes[axis] != 1 {
            return Err(mismatch());
        }
        stride *= sizes[axis] as u64;
    }

    let runs = |axes: Range<usize>| {
        let mut runs = AxisRuns::default();
        axes.rev().for_each(|axis| runs.push(src.dims()[axis] as u64, strides[axis]));
        runs
    };
    Ok(Layout { stride_e: strides[dim], leading: runs(0..dim), trailing: runs(dim + 1..src.rank()) })
}

/// The axis of `src` along which an index or indptr lies: its own last one. Its leading axes are 1 or src's.
///
/// # Errors
/// [`Error::Scalar`] for a tensor without axes; [`Error::LeadingAxes`] where the leading axes do not expand to src's.
pub(crate) fn leading_axes(src: &Shape, input: &'static str, given: &Shape) -> Result<usize, Error> {
    if src.rank() == 0 {
        return Err(Error::Scalar { input: "src" });
    }
    let (_, leading) = given.dims().split_last().ok_or(Error::Scalar { input })?;
    let expands = leading.iter().zip(src.dims()).all(|(&size, &full)| size == 1 || size == full);
    if given.rank() <= src.rank() && expands {
        Ok(leading.len())
    } else {
        Err(Error::LeadingAxes { input, given: *given, src: *src })
    }
}

/// Refuses an input that has not one element for each element of a row of the index. Leading axes may differ: each may
/// be 1.
///
/// # Errors
/// [`Error::BesideIndexShape`].
pub(crate) fn check_beside_index(index: &Shape, input: &'static str, given: &Shape) -> Result<(), Error> {
    let fits = index.rank() == given.rank() && index.dims().last() == given.dims().last();
    if fits { Ok(()) } else { Err(Error::BesideIndexShape { input, given: *given, index: *index }) }
}

/// The strides of an index over `src`, seen as [B, E, K].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The stride along the reduced axis; 0 where the index is broadcast.
    pub(crate) stride_e: u64,
    /// The strides over the axes before the reduced one.
    pub(crate) leading: AxisRuns,
    /// The strides over the axes after the reduced one.
    pub(crate) trailing: AxisRuns,
}

impl Layout {
    /// The position in the index of element (b, e, 0) of `src`. Add [`column_offset`](Self::column_offset) for the
    /// position of element (b, e, k).
    pub(crate) fn row_start(&self, b: usize, e: usize) -> usize {
        (self.leading.offset(b as u64) + e as u64 * self.stride_e) as usize
    }

    /// The distance in the index from element (b, e, 0) to element (b, e, k).
    pub(crate) fn column_offset(&self, k: usize) -> usize {
        self.trailing.offset(k as u64) as usize
    }

    /// The stride of the index along k.
    pub(crate) fn columns(&self) -> Columns {
        // Neighbouring axes with one stride, or with stride 0, are one run.
        match (self.trailing.are_even(), self.trailing.even_stride()) {
            (false, _) => Columns::Uneven,
            (true, 0) => Columns::Same,
            (true, stride) => Columns::Even(stride as usize),
        }
    }

    /// Whether the index is the same for every k, so that one read serves a whole row.
    pub(crate) fn is_row_index(&self) -> bool {
        self.columns() == Columns::Same
    }
}

/// The stride of an index along k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// 0: a row of `src` has one index.
    Same,
    /// The same for every k.
    Even(usize),
    /// Not the same for every k.
    Uneven,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    /// The broadcast written out element by element: every axis on its own.
    fn naive_position(src: &Shape, index: &Shape, dim: usize, coordinates: &[usize]) -> u64 {
        let mut padded = vec![1; src.rank()];
        if index.rank() == 1 {
            padded[dim] = index.dims()[0];
        } else {
            padded[..index.rank()].copy_from_slice(index.dims());
        }
        coordinates.iter().zip(&padded).fold(0, |position, (&coordinate, &size)| {
            position * size as u64 + if size == 1 { 0 } else { coordinate as u64 }
        })
    }

    #[test]
    fn layouts_agree_with_the_broadcast_written_out() {
        let src = shape(&[2, 3, 4, 2, 3]);
        for bits in 0..32u32 {
            let index: Vec<usize> =
                (0..5).map(|axis| if bits >> axis & 1 == 1 { src.dims()[axis] } else { 1 }).collect();
            let index = shape(&index);
            for dim in 0..5 {
                let layout = scatter_layout(&src, &index, dim).unwrap();
                let k_size: usize = src.dims()[dim + 1..].iter().product();
                let e_size = src.dims()[dim];
                for i in 0..src.element_count() {
                    let (b, e, k) = (i / k_size / e_size, i / k_size % e_size, i % k_size);
                    let mut rest = i;
                    let mut coordinates = [0; 5];
                    for axis in (0..5).rev() {
                        coordinates[axis] = rest % src.dims()[axis];
                        rest /= src.dims()[axis];
                    }
                    assert_eq!(
                        (layout.row_start(b, e) + layout.column_offset(k)) as u64,
                        naive_position(&src, &index, dim, &coordinates),
                        "index {index} over src {src}, dim {dim}, element {i}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_full_index_needs_one_run_on_each_side() {
        let src = shape(&[2, 3, 4, 5, 6]);
        let layout = scatter_layout(&src, &src, 2).unwrap();
        assert_eq!((layout.trailing.count, layout.leading.count), (1, 1));
        assert!(!layout.is_row_index());
    }

    #[test]
    fn a_one_dimensional_index_lies_along_dim() {
        let layout = scatter_layout(&shape(&[2, 5, 3]), &shape(&[5]), 1).unwrap();
        assert_eq!(layout.stride_e, 1);
        assert!(layout.is_row_index());
    }

    #[test]
    fn what_does_not_broadcast_is_refused() {
        let src = shape(&[2, 5, 3]);
        for index in [&[4][..], &[2, 4], &[3, 5], &[2, 5, 3, 1]] {
            assert!(matches!(scatter_layout(&src, &shape(index), 1), Err(Error::IndexShape { .. })));
        }
        assert!(matches!(scatter_layout(&src, &shape(&[]), 1), Err(Error::Scalar { input: "index" })));
    }
}
