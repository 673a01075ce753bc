//! Reductions over segments: their options, and the plan that every backend executes.

use crate::{
    BadIndex, Error, Reduce, ReduceOperator, Shape,
    broadcast::{self, Layout},
    index_rules::IndexRules,
    reduction::Reduction,
};

/// The options of segment_coo, whose segments are given by a sorted index.
///
/// ```
/// use tensorrt_scatter::{Reduce, SegmentCooOptions};
/// let options = SegmentCooOptions::new(Reduce::Max).dim_size(100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentCooOptions {
    pub(crate) reduce: Reduce,
    pub(crate) dim_size: Option<usize>,
    pub(crate) bad_index: BadIndex,
}

impl SegmentCooOptions {
    /// The given reduction. The number of segments comes from `base` or the index, and a bad index is an error.
    pub fn new(reduce: Reduce) -> Self {
        Self { reduce, dim_size: None, bad_index: BadIndex::default() }
    }

    /// The number of segments N: the length of the reduced axis of the result. The default is the length of that axis
    /// of `base` if there is a base, else the largest index plus one.
    pub fn dim_size(mut self, dim_size: usize) -> Self {
        self.dim_size = Some(dim_size);
        self
    }

    /// What to do with an index outside [0, N), or below the one before it. [`BadIndex::Skip`] leaves out the elements
    /// with an index outside [0, N) and does not check the order: the results of segments whose elements are not
    /// neighbours are not specified.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// The options of segment_csr, whose segments are given by an indptr.
///
/// ```
/// use tensorrt_scatter::{BadIndex, Reduce, SegmentCsrOptions};
/// let options = SegmentCsrOptions::new(Reduce::Mean).bad_index(BadIndex::Skip);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentCsrOptions {
    pub(crate) reduce: Reduce,
    pub(crate) bad_index: BadIndex,
}

impl SegmentCsrOptions {
    /// The given reduction; a bad indptr is an error.
    pub fn new(reduce: Reduce) -> Self {
        Self { reduce, bad_index: BadIndex::default() }
    }

    /// What to do with an indptr that decreases, or that leaves [0, E]. [`BadIndex::Skip`] does not check it: elements
    /// outside [0, E] are clamped to it, and the results around a decrease are not specified.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// How the segments are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segments {
    /// By a sorted index: the segment of each element.
    Index,
    /// By an indptr: the start of each segment, and the end of the last one.
    Indptr,
}

impl Segments {
    /// The input's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Indptr => "indptr",
        }
    }
}

/// A reduction over segments whose shapes were checked. The backends and the plugins execute it.
///
/// `src` is seen as [B, E, K] and the result as [B, N, K]; the reduced axis is the last one of the index or indptr,
/// whose leading axes expand to src's.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentPlan {
    pub(crate) reduce: Reduce,
    pub(crate) segments: Segments,
    pub(crate) src: Shape,
    /// The shape of the index or indptr.
    pub(crate) index: Shape,
    pub(crate) out: Shape,
    pub(crate) b: usize,
    pub(crate) e: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) has_base: bool,
    pub(crate) layout: Layout,
}

impl SegmentPlan {
    /// Plans the reduction of all `src[.., e, ..]` with `index[.., e] == n` to `out[.., n, ..]`, from `base` on.
    ///
    /// # Errors
    /// [`Error::UnsupportedReduce`] for "mul"; [`Error::Scalar`], [`Error::LeadingAxes`], [`Error::IndexShape`] and
    /// [`Error::BaseShape`] for shapes that do not fit; [`Error::UnknownDimSize`] where neither `dim_size` nor
    /// `base` is given.
    pub fn coo(src: &Shape, index: &Shape, base: Option<&Shape>, options: &SegmentCooOptions) -> Result<Self, Error> {
        let axis = Self::check_coo(src, index, options)?;
        let n = match (options.dim_size, base) {
            (Some(n), _) => n,
            // A base of another rank may lack this axis; it is refused below.
            (None, Some(base)) => base.dims().get(axis).copied().unwrap_or(0),
            (None, None) => return Err(Error::UnknownDimSize),
        };
        let layout = broadcast::scatter_layout(src, index, axis)?;
        let plan = Self::new(options.reduce, Segments::Index, src, index, axis, n, layout)?;
        match base {
            Some(base) if *base != plan.out => {
                Err(Error::BaseShape { base: *base, expected: plan.out, src: *src, dim: axis })
            }
            base => Ok(Self { has_base: base.is_some(), ..plan }),
        }
    }

    /// [`coo`](Self::coo), with the number of segments from `segment_count` where neither `dim_size` nor `base` gives
    /// it.
    ///
    /// # Errors
    /// Those of [`coo`](Self::coo), but for [`Error::UnknownDimSize`]; that of `segment_count`.
    pub(crate) fn coo_with_segment_count(
        src: &Shape,
        index: &Shape,
        base: Option<&Shape>,
        options: &SegmentCooOptions,
        segment_count: impl FnOnce() -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        if options.dim_size.is_some() || base.is_some() {
            return Self::coo(src, index, base, options);
        }
        // The shapes are checked first: their error is the more useful one, and costs nothing.
        Self::check_coo(src, index, options)?;
        Self::coo(src, index, None, &options.dim_size(segment_count()?))
    }

    /// Plans the reduction of all `src[.., e, ..]` with `indptr[.., n] <= e < indptr[.., n + 1]` to `out[.., n, ..]`.
    ///
    /// # Errors
    /// [`Error::UnsupportedReduce`] for "mul"; [`Error::Scalar`] and [`Error::LeadingAxes`] for shapes that do
    /// not fit.
    pub fn csr(src: &Shape, indptr: &Shape, options: &SegmentCsrOptions) -> Result<Self, Error> {
        ReduceOperator::SegmentCsr.check(options.reduce)?;
        let axis = broadcast::leading_axes(src, "indptr", indptr)?;
        let entries = indptr.dims()[axis];
        // As in torch_scatter, an indptr without elements has no segments.
        let n = entries.saturating_sub(1);
        // The indptr is broadcast to a tensor that has indptr's length along the axis.
        let layout = broadcast::scatter_layout(&src.with_axis(axis, entries)?, indptr, axis)?;
        Self::new(options.reduce, Segments::Indptr, src, indptr, axis, n, layout)
    }

    /// Checks what does not depend on the number of segments, and returns the reduced axis.
    pub(crate) fn check_coo(src: &Shape, index: &Shape, options: &SegmentCooOptions) -> Result<usize, Error> {
        ReduceOperator::SegmentCoo.check(options.reduce)?;
        let axis = broadcast::leading_axes(src, "index", index)?;
        broadcast::scatter_layout(src, index, axis)?;
        Ok(axis)
    }

    fn new(
        reduce: Reduce,
        segments: Segments,
        src: &Shape,
        index: &Shape,
        axis: usize,
        n: usize,
        layout: Layout,
    ) -> Result<Self, Error> {
        Ok(Self {
            reduce,
            segments,
            src: *src,
            index: *index,
            out: src.with_axis(axis, n)?,
            b: src.dims()[..axis].iter().product(),
            e: src.dims()[axis],
            k: src.dims()[axis + 1..].iter().product(),
            n,
            has_base: false,
            layout,
        })
    }

    /// The shape of the result, and of `arg_out`.
    pub fn out_shape(&self) -> &Shape {
        &self.out
    }

    /// The reduction.
    pub fn reduce(&self) -> Reduce {
        self.reduce
    }

    /// The number of rows of the index or indptr.
    pub(crate) fn index_rows(&self) -> usize {
        self.index.dims()[..self.index.rank() - 1].iter().product()
    }
}

impl Reduction for SegmentPlan {
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

impl IndexRules for SegmentPlan {
    fn index_shape(&self) -> &Shape {
        &self.index
    }

    fn index_limit(&self) -> usize {
        match self.segments {
            Segments::Index => self.n,
            // An indptr may end where src does.
            Segments::Indptr => self.e + 1,
        }
    }

    fn is_sorted(&self) -> bool {
        true
    }

    /// An index of an empty src names nothing, whatever it holds; an indptr has to fit even then.
    fn uses_index(&self) -> bool {
        match self.segments {
            Segments::Indptr => true,
            Segments::Index => self.src.element_count() != 0,
        }
    }

    fn bad_index(&self, position: u64, value: i64, previous: Option<i64>) -> Error {
        let shape = self.index;
        let in_range = usize::try_from(value).is_ok_and(|value| value < self.index_limit());
        match (self.segments, previous) {
            (Segments::Indptr, previous) => {
                Error::IndptrOutOfRange { position, value, at_least: previous.unwrap_or(0), size: self.e, shape }
            }
            (Segments::Index, Some(previous)) if in_range => {
                Error::UnsortedIndex { input: "index", position, value, previous, shape }
            }
            (Segments::Index, _) => Error::IndexOutOfRange { input: "index", position, value, size: self.n, shape },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn the_reduced_axis_is_the_last_one_of_the_index() {
        let options = SegmentCooOptions::new(Reduce::Sum).dim_size(7);
        let plan = SegmentPlan::coo(&shape(&[2, 3, 4, 5]), &shape(&[2, 1, 4]), None, &options).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 3, 7, 5]);
        assert_eq!((plan.b, plan.e, plan.k, plan.n), (6, 4, 5, 7));
        let options = SegmentCsrOptions::new(Reduce::Sum);
        let plan = SegmentPlan::csr(&shape(&[2, 3, 4, 5]), &shape(&[1, 3, 9]), &options).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 3, 8, 5]);
        assert_eq!((plan.b, plan.e, plan.k, plan.n), (6, 4, 5, 8));
    }

    #[test]
    fn mul_is_refused() {
        let (src, index) = (shape(&[4]), shape(&[4]));
        assert_eq!(
            SegmentPlan::coo(&src, &index, None, &SegmentCooOptions::new(Reduce::Mul).dim_size(1)),
            Err(Error::UnsupportedReduce { operator: ReduceOperator::SegmentCoo, reduce: Reduce::Mul })
        );
        assert_eq!(
            SegmentPlan::csr(&src, &index, &SegmentCsrOptions::new(Reduce::Mul)),
            Err(Error::UnsupportedReduce { operator: ReduceOperator::SegmentCsr, reduce: Reduce::Mul })
        );
    }

    #[test]
    fn what_does_not_expand_is_refused() {
        let src = shape(&[2, 3, 4]);
        let coo = SegmentCooOptions::new(Reduce::Sum).dim_size(1);
        for index in [&[3, 3][..], &[2, 2, 4], &[2, 3, 4, 1]] {
            assert!(matches!(
                SegmentPlan::coo(&src, &shape(index), None, &coo),
                Err(Error::LeadingAxes { input: "index", .. })
            ));
        }
        assert!(matches!(SegmentPlan::coo(&src, &shape(&[2, 5]), None, &coo), Err(Error::IndexShape { .. })));
        let csr = SegmentCsrOptions::new(Reduce::Sum);
        assert!(matches!(
            SegmentPlan::csr(&src, &shape(&[3, 3]), &csr),
            Err(Error::LeadingAxes { input: "indptr", .. })
        ));
        assert_eq!(SegmentPlan::csr(&src, &shape(&[2, 0]), &csr).unwrap().out_shape().dims()[1], 0);
        assert!(matches!(SegmentPlan::csr(&shape(&[]), &shape(&[1]), &csr), Err(Error::Scalar { input: "src" })));
    }

    #[test]
    fn a_base_of_another_shape_is_refused() {
        let options = SegmentCooOptions::new(Reduce::Sum);
        for base in [&[3, 2][..], &[4], &[]] {
            let base = shape(base);
            let plan = SegmentPlan::coo(&shape(&[5, 3]), &shape(&[5]), Some(&base), &options);
            assert!(matches!(plan, Err(Error::BaseShape { .. })));
        }
    }
}
