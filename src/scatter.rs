//! Scatter: what it is asked to do, and the plan that every backend carries out.

use crate::{
    Error, Reduce, ReduceOperator, Shape,
    broadcast::{self, Layout},
    index_rules::IndexRules,
    reduction::Reduction,
};

/// What to do with an index that lies outside [0, N). Memory out of bounds is never touched either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadIndex {
    /// Look at the whole index first and refuse the call, nothing written, with the first offender's
    /// position and value. On the GPU this waits for the stream.
    #[default]
    Error,
    /// Leave such elements out. On the GPU nothing waits.
    Skip,
}

/// How to scatter: which reduction, along which axis, into how many groups.
///
/// ```
/// use tensorrt_scatter::{Reduce, ScatterOptions};
/// let options = ScatterOptions::new(Reduce::Max).dim(0).dim_size(100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScatterOptions {
    pub(crate) reduce: Reduce,
    pub(crate) dim: isize,
    pub(crate) dim_size: Option<usize>,
    pub(crate) bad_index: BadIndex,
    pub(crate) deterministic: bool,
}

impl ScatterOptions {
    /// The given reduction along the last axis, the number of groups taken from `base` or the index, bad
    /// indices refused, sums in whatever order is fastest.
    pub fn new(reduce: Reduce) -> Self {
        Self { reduce, dim: -1, dim_size: None, bad_index: BadIndex::default(), deterministic: false }
    }

    /// The axis of `src` to reduce; negative ones count from the end. The default is -1.
    pub fn dim(mut self, dim: isize) -> Self {
        self.dim = dim;
        self
    }

    /// The number of groups N: the length of the reduced axis of the result. Where it is not given, it is
    /// the length of base's axis, or else the largest index plus one.
    pub fn dim_size(mut self, dim_size: usize) -> Self {
        self.dim_size = Some(dim_size);
        self
    }

    /// What to do with an index outside [0, N).
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }

    /// Whether sums and means of floating-point values on the GPU have the same bits every time, on every stream and
    /// device. The default is false: elements are then added in the order in which they happen to come.
    ///
    /// A group's elements and base are added up as integers relative to the largest of them and rounded once: no less
    /// accurate than one by one, and no intermediate result overflows. It takes a second pass over `src` and 20 bytes of
    /// scratch for each element of the result.
    ///
    /// Everything else has the same bits every time in any case, but for products of floating-point values on the GPU,
    /// which this does not change either.
    pub fn deterministic(mut self, deterministic: bool) -> Self {
        self.deterministic = deterministic;
        self
    }
}

/// The result of a reduction: `O` holds the values, `A` the positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduced<O, A> {
    /// The reduced values: src's shape with N in place of the reduced axis.
    pub out: O,
    /// For min and max, the position along the reduced axis of the element that won: the smallest one
    /// among equals, and src's length along that axis where nothing arrived or base won.
    pub arg_out: Option<A>,
}

/// A scatter whose shapes have been checked: what the backends and the plugins carry out.
///
/// `src` is seen as [B, E, K] and the result as [B, N, K], where E is the reduced axis.
#[derive(Clone, Debug, PartialEq)]
pub struct ScatterPlan {
    pub(crate) reduce: Reduce,
    pub(crate) src: Shape,
    pub(crate) index: Shape,
    pub(crate) out: Shape,
    pub(crate) b: usize,
    pub(crate) e: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) has_base: bool,
    pub(crate) deterministic: bool,
    pub(crate) layout: Layout,
}

impl ScatterPlan {
    /// Checks the shapes and lays the index over `src`.
    ///
    /// # Errors
    /// [`Error::UnsupportedReduce`] where [`ReduceOperator::Scatter`] does not have the reduction; [`Error::Scalar`],
    /// [`Error::DimOutOfRange`], [`Error::IndexShape`] and [`Error::BaseShape`] for shapes that do not fit;
    /// [`Error::UnknownDimSize`] where neither `dim_size` nor `base` is given.
    pub fn new(src: &Shape, index: &Shape, base: Option<&Shape>, options: &ScatterOptions) -> Result<Self, Error> {
        ReduceOperator::Scatter.check(options.reduce)?;
        let dim = Self::reduced_axis(src, options)?;
        let layout = broadcast::scatter_layout(src, index, dim)?;
        let n = match (options.dim_size, base) {
            (Some(n), _) => n,
            // A base of another rank has no such axis; it is refused as a whole below.
            (None, Some(base)) => base.dims().get(dim).copied().unwrap_or(0),
            (None, None) => return Err(Error::UnknownDimSize),
        };
        let out = src.with_axis(dim, n)?;
        if let Some(base) = base
            && *base != out
        {
            return Err(Error::BaseShape { base: *base, expected: out, src: *src, dim });
        }
        Ok(Self {
            reduce: options.reduce,
            src: *src,
            index: *index,
            out,
            b: src.dims()[..dim].iter().product(),
            e: src.dims()[dim],
            k: src.dims()[dim + 1..].iter().product(),
            n,
            has_base: base.is_some(),
            deterministic: options.deterministic,
            layout,
        })
    }

    /// The axis of `src` that is reduced, counted from 0.
    pub(crate) fn reduced_axis(src: &Shape, options: &ScatterOptions) -> Result<usize, Error> {
        if src.rank() == 0 {
            return Err(Error::Scalar { input: "src" });
        }
        src.axis(options.dim)
    }

    /// The shape of the result, and of `arg_out`.
    pub fn out_shape(&self) -> &Shape {
        &self.out
    }

    /// The reduction.
    pub fn reduce(&self) -> Reduce {
        self.reduce
    }
}

impl Reduction for ScatterPlan {
    fn reduce(&self) -> Reduce {
        self.reduce
    }

    fn out_shape(&self) -> &Shape {
        &self.out
    }

    fn reduced_length(&self) -> usize {
        self.e
    }
}

impl IndexRules for ScatterPlan {
    fn index_shape(&self) -> &Shape {
        &self.index
    }

    fn index_limit(&self) -> usize {
        self.n
    }

    fn is_sorted(&self) -> bool {
        false
    }

    /// An index of an empty src names nothing, whatever it holds.
    fn uses_index(&self) -> bool {
        self.src.element_count() != 0
    }

    fn bad_index(&self, position: u64, value: i64, _previous: Option<i64>) -> Error {
        Error::IndexOutOfRange { position, value, size: self.n, shape: self.index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn the_number_of_groups_comes_from_dim_size_or_base() {
        let (src, index) = (shape(&[2, 5, 3]), shape(&[5]));
        let options = ScatterOptions::new(Reduce::Sum).dim(1);
        let plan = ScatterPlan::new(&src, &index, None, &options.dim_size(7)).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 7, 3]);
        let plan = ScatterPlan::new(&src, &index, Some(&shape(&[2, 4, 3])), &options).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 4, 3]);
        assert_eq!(ScatterPlan::new(&src, &index, None, &options), Err(Error::UnknownDimSize));
    }

    #[test]
    fn a_base_of_another_shape_is_refused() {
        let (src, index) = (shape(&[2, 5, 3]), shape(&[5]));
        for base in [&[2, 4][..], &[1, 4, 3], &[2, 4, 3, 1], &[]] {
            assert!(matches!(
                ScatterPlan::new(&src, &index, Some(&shape(base)), &ScatterOptions::new(Reduce::Sum).dim(1)),
                Err(Error::BaseShape { .. })
            ));
        }
        assert!(matches!(
            ScatterPlan::new(
                &src,
                &index,
                Some(&shape(&[2, 4, 3])),
                &ScatterOptions::new(Reduce::Sum).dim(1).dim_size(5)
            ),
            Err(Error::BaseShape { .. })
        ));
    }

    #[test]
    fn a_scalar_src_is_refused() {
        assert_eq!(
            ScatterPlan::new(&shape(&[]), &shape(&[1]), None, &ScatterOptions::new(Reduce::Sum).dim_size(1)),
            Err(Error::Scalar { input: "src" })
        );
    }
}
