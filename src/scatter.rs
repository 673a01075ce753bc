//! Scatter: its options, and the plan that every backend executes.

use crate::{
    Error, Reduce, ReduceOperator, Shape,
    broadcast::{self, Layout},
    index_rules::IndexRules,
    reduction::Reduction,
};

/// What to do with an index outside [0, N). Either way no memory out of bounds is read or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadIndex {
    /// Check the whole index first. If an element is bad, the call fails with the position and the value of the first
    /// one, and nothing is written. On the GPU the check waits for the stream.
    #[default]
    Error,
    /// Check nothing and leave such elements out: an unchecked call. On the GPU the call does not wait.
    Skip,
}

/// The options of a scatter: the reduction, the axis, the number of groups.
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
    /// Whether a GPU groups the index, where it can. None: the sizes decide.
    pub(crate) grouping: Option<bool>,
}

impl ScatterOptions {
    /// The given reduction along the last axis. The number of groups comes from `base` or the index, a bad index is an
    /// error, and sums are taken in the fastest order.
    pub fn new(reduce: Reduce) -> Self {
        Self { reduce, dim: -1, dim_size: None, bad_index: BadIndex::default(), deterministic: false, grouping: None }
    }

    /// The axis of `src` to reduce; negative ones count from the end. The default is -1.
    pub fn dim(mut self, dim: isize) -> Self {
        self.dim = dim;
        self
    }

    /// The number of groups N: the length of the reduced axis of the result. The default is the length of that axis of
    /// `base` if there is a base, else the largest index plus one.
    pub fn dim_size(mut self, dim_size: usize) -> Self {
        self.dim_size = Some(dim_size);
        self
    }

    /// What to do with an index outside [0, N).
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }

    /// Whether sums and means of floating-point values on the GPU have the same bits in every run, on every stream and
    /// device. The default is false: atomics may then add the elements in the order in which they arrive.
    ///
    /// If each row of `src` has one index, a deterministic sum groups the index, and adds the elements of each group in an
    /// order that depends on the shapes alone. Otherwise it adds integers: each element relative to the largest one of
    /// its group. Then it rounds once, at the end, reads `src` twice, and takes 20 bytes of workspace for each element of
    /// the result.
    ///
    /// Products of floating-point values on the GPU are not deterministic either way. docs/NUMERICS.md lists what is.
    pub fn deterministic(mut self, deterministic: bool) -> Self {
        self.deterministic = deterministic;
        self
    }

    /// Whether a GPU groups the index instead of using atomics, where both are possible. By default the sizes decide; this
    /// is for tests, and for measuring which one is faster.
    #[doc(hidden)]
    pub fn grouping(mut self, grouping: bool) -> Self {
        self.grouping = Some(grouping);
        self
    }
}

/// The result of a reduction. `O` is the tensor type of the values, `A` that of the positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduced<O, A> {
    /// The reduced values: src's shape with N in place of the reduced axis.
    pub out: O,
    /// For min and max, the position of the selected element along the reduced axis; the first one of equal elements.
    /// It is the length of src's axis where the group is empty or `base` was selected.
    pub arg_out: Option<A>,
}

/// A scatter whose shapes were checked. The backends and the plugins execute it.
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
    pub(crate) grouping: Option<bool>,
}

impl ScatterPlan {
    /// Checks the shapes and computes how the index is broadcast to `src`.
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
            // A base of another rank may lack this axis; it is refused below.
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
            grouping: options.grouping,
        })
    }

    /// [`new`](Self::new), with the number of groups from `group_count` where neither `dim_size` nor `base` gives it.
    /// As in torch_scatter, the index of an empty src names no group, so `group_count` is not called then.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), but for [`Error::UnknownDimSize`]; that of `group_count`.
    pub(crate) fn with_group_count(
        src: &Shape,
        index: &Shape,
        base: Option<&Shape>,
        options: &ScatterOptions,
        group_count: impl FnOnce() -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        if options.dim_size.is_some() || base.is_some() {
            return Self::new(src, index, base, options);
        }
        // The shapes are checked first: their error is the more useful one, and costs nothing.
        Self::new(src, index, None, &options.dim_size(0))?;
        let groups = if src.element_count() == 0 { 0 } else { group_count()? };
        Self::new(src, index, None, &options.dim_size(groups))
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
        Error::IndexOutOfRange { input: "index", position, value, size: self.n, shape: self.index }
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
