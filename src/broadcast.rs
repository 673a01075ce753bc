//! How an index is laid over `src`: torch_scatter's broadcast, as strides.

use kernel_params::{IndexLayout, LayoutAxis};

use crate::{Error, Shape};

/// Lays `index` over `src` along axis `dim`.
///
/// A 1-D index lies along `dim`. Otherwise axes of size 1 are added at its end up to src's rank, and each
/// axis of size 1 is repeated. Neighbouring axes over which the index advances evenly become one run.
///
/// # Errors
/// [`Error::IndexShape`] where an axis is neither 1 nor src's size, or the index has more axes than `src`;
/// [`Error::Scalar`] for an index without axes.
pub(crate) fn scatter_layout(src: &Shape, index: &Shape, dim: usize) -> Result<IndexLayout, Error> {
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

    let mut layout = IndexLayout { stride_e: strides[dim], ..IndexLayout::default() };
    let mut count = 0;
    layout.trailing = push_runs(&mut layout, &mut count, src, &strides, dim + 1..src.rank());
    layout.leading = push_runs(&mut layout, &mut count, src, &strides, 0..dim);
    Ok(layout)
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

/// Appends the runs of `axes`, innermost first, and returns how many there are.
fn push_runs(
    layout: &mut IndexLayout,
    count: &mut usize,
    src: &Shape,
    strides: &[u64; Shape::MAX_RANK],
    axes: std::ops::Range<usize>,
) -> u32 {
    let first = *count;
    for axis in axes.rev() {
        let size = src.dims()[axis] as u64;
        if size == 1 {
            continue;
        }
        let stride = strides[axis];
        if *count > first {
            let inner = &mut layout.axes[*count - 1];
            if stride == inner.stride * inner.size {
                inner.size *= size;
                continue;
            }
        }
        layout.axes[*count] = LayoutAxis { size, stride };
        *count += 1;
    }
    (*count - first) as u32
}

/// Position in the index tensor of element (b, e, k) of `src`.
pub(crate) fn index_position(layout: &IndexLayout, b: u64, e: u64, k: u64) -> u64 {
    let (trailing, leading) = layout.axes.split_at(layout.trailing as usize);
    e * layout.stride_e + run_offset(trailing, k) + run_offset(&leading[..layout.leading as usize], b)
}

/// How far a position, split over the runs, moves the index.
pub(crate) fn run_offset(runs: &[LayoutAxis], position: u64) -> u64 {
    let mut rest = position;
    let mut offset = 0;
    for run in runs {
        offset += rest % run.size * run.stride;
        rest /= run.size;
    }
    offset
}

/// Whether the index is the same for every k, so that one look serves a whole row.
pub(crate) fn is_row_index(layout: &IndexLayout) -> bool {
    // Neighbouring axes along which the index stands still are one run.
    layout.trailing == 0 || layout.trailing == 1 && layout.axes[0].stride == 0
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
                        index_position(&layout, b as u64, e as u64, k as u64),
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
        assert_eq!((layout.trailing, layout.leading), (1, 1));
        assert!(!is_row_index(&layout));
    }

    #[test]
    fn a_one_dimensional_index_lies_along_dim() {
        let layout = scatter_layout(&shape(&[2, 5, 3]), &shape(&[5]), 1).unwrap();
        assert_eq!(layout.stride_e, 1);
        assert!(is_row_index(&layout));
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
