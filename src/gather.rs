//! Gather: its options, and the plan that every backend executes.

use kernel_params::AxisRuns;

use crate::{BadIndex, Error, Shape, broadcast, index_rules::IndexRules, shape::check_output};

/// The options of gather_coo, which copies rows by an index.
///
/// ```
/// use tensorrt_scatter::{BadIndex, GatherCooOptions};
/// let options = GatherCooOptions::new().bad_index(BadIndex::Skip);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatherCooOptions {
    pub(crate) bad_index: BadIndex,
}

impl GatherCooOptions {
    /// A bad index is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do with an index that names no row of `src`. [`BadIndex::Skip`] fills that row of the result with zeros.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// The options of gather_csr, which repeats each row over its segment.
///
/// ```
/// use tensorrt_scatter::GatherCsrOptions;
/// let options = GatherCsrOptions::new().size(100);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatherCsrOptions {
    pub(crate) size: Option<usize>,
    pub(crate) bad_index: BadIndex,
}

impl GatherCsrOptions {
    /// The size of the result comes from `out` or the last element of indptr, and a bad indptr is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// The length E of the result's axis. The default is the length of that axis of the buffer to write to if there is
    /// one, else the last element of indptr. On the GPU, reading that element waits for the stream.
    pub fn size(mut self, size: usize) -> Self {
        self.size = Some(size);
        self
    }

    /// What to do with an indptr that decreases, or that leaves [0, E]. [`BadIndex::Skip`] does not check it: the rows
    /// of the result are then rows of `src` or zeros, but it is not specified which.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// How a row of the result is assigned to a row of `src`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowSource {
    /// By an index: the number of the row of `src`.
    Index,
    /// By an indptr: the number of the segment in which the row of the result lies.
    Indptr,
}

impl RowSource {
    /// The input's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Indptr => "indptr",
        }
    }
}

/// A gather whose shapes were checked. The backends and the plugins execute it.
///
/// `src` is seen as [B, S, K] and the result as [B, E, K]; the gathered axis is the last one of the index or
/// indptr, whose leading axes expand to src's.
#[derive(Clone, Debug, PartialEq)]
pub struct GatherPlan {
    pub(crate) source: RowSource,
    /// The name of the index or indptr in messages.
    pub(crate) input: &'static str,
    /// The shape of the index or indptr.
    pub(crate) index: Shape,
    pub(crate) out: Shape,
    pub(crate) b: usize,
    pub(crate) s: usize,
    pub(crate) e: usize,
    pub(crate) k: usize,
    /// The strides of the index over the leading axes.
    pub(crate) leading: AxisRuns,
}

impl GatherPlan {
    /// Plans `out[.., e, ..] = src[.., index[.., e], ..]`.
    ///
    /// # Errors
    /// [`Error::Scalar`] and [`Error::LeadingAxes`] for shapes that do not fit; [`Error::TooManyElements`].
    pub fn coo(src: &Shape, index: &Shape) -> Result<Self, Error> {
        let axis = broadcast::leading_axes(src, "index", index)?;
        Self::new(RowSource::Index, src, index, axis, index.dims()[axis])
    }

    /// Plans a result with `size` rows. Those in [indptr[.., n], indptr[.., n + 1]) are copies of row n of `src`. A
    /// `src` without rows fits any indptr.
    ///
    /// # Errors
    /// Those of [`GatherPlan::coo`]; [`Error::IndptrLength`] where indptr does not delimit src's rows.
    pub fn csr(src: &Shape, indptr: &Shape, size: usize) -> Result<Self, Error> {
        let axis = Self::segment_axis(src, indptr)?;
        Self::new(RowSource::Indptr, src, indptr, axis, size)
    }

    /// The axis that an indptr runs along, counted from 0.
    pub(crate) fn segment_axis(src: &Shape, indptr: &Shape) -> Result<usize, Error> {
        let axis = broadcast::leading_axes(src, "indptr", indptr)?;
        let rows = src.dims()[axis];
        if rows == 0 || indptr.dims()[axis] == rows + 1 {
            Ok(axis)
        } else {
            Err(Error::IndptrLength { indptr: *indptr, src: *src, axis })
        }
    }

    fn new(source: RowSource, src: &Shape, index: &Shape, axis: usize, e: usize) -> Result<Self, Error> {
        // The index is broadcast to a tensor that has the index's length along the axis.
        let layout = broadcast::scatter_layout(&src.with_axis(axis, index.dims()[axis])?, index, axis)?;
        Ok(Self {
            source,
            input: source.name(),
            index: *index,
            out: src.with_axis(axis, e)?,
            b: src.dims()[..axis].iter().product(),
            s: src.dims()[axis],
            e,
            k: src.dims()[axis + 1..].iter().product(),
            leading: layout.leading,
        })
    }

    /// The shape of the result.
    pub fn out_shape(&self) -> &Shape {
        &self.out
    }

    /// The position of the first element of row b of the index.
    pub(crate) fn index_start(&self, b: usize) -> usize {
        self.leading.offset(b as u64) as usize
    }

    /// Refuses an output buffer of another shape than the result's.
    pub(crate) fn check_output(&self, given: &Shape) -> Result<(), Error> {
        check_output("out", given, &self.out)
    }
}

impl IndexRules for GatherPlan {
    fn index_shape(&self) -> &Shape {
        &self.index
    }

    fn index_limit(&self) -> usize {
        match self.source {
            RowSource::Index => self.s,
            // An indptr may end where the result does.
            RowSource::Indptr => self.e + 1,
        }
    }

    fn is_sorted(&self) -> bool {
        match self.source {
            RowSource::Index => false,
            RowSource::Indptr => true,
        }
    }

    fn uses_index(&self) -> bool {
        let has_rows = match self.source {
            RowSource::Index => true,
            RowSource::Indptr => self.s != 0,
        };
        has_rows && self.out.element_count() != 0
    }

    fn bad_index(&self, position: u64, value: i64, previous: Option<i64>) -> Error {
        let shape = self.index;
        match self.source {
            RowSource::Index => Error::IndexOutOfRange { input: self.input, position, value, size: self.s, shape },
            RowSource::Indptr => {
                Error::IndptrOutOfRange { position, value, at_least: previous.unwrap_or(0), size: self.e, shape }
            }
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
    fn the_gathered_axis_is_the_index_s_last() {
        let plan = GatherPlan::coo(&shape(&[2, 3, 4, 5]), &shape(&[2, 1, 7])).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 3, 7, 5]);
        assert_eq!((plan.b, plan.s, plan.e, plan.k), (6, 4, 7, 5));
        assert_eq!([0, 1, 2, 3, 4, 5].map(|b| plan.index_start(b)), [0, 0, 0, 7, 7, 7]);
    }

    #[test]
    fn what_does_not_expand_is_refused() {
        let src = shape(&[2, 3, 4]);
        for index in [&[3, 5][..], &[2, 2, 5], &[2, 3, 4, 1]] {
            assert!(matches!(GatherPlan::coo(&src, &shape(index)), Err(Error::LeadingAxes { .. })));
        }
        assert!(matches!(GatherPlan::coo(&src, &shape(&[])), Err(Error::Scalar { input: "index" })));
        assert!(matches!(GatherPlan::csr(&shape(&[]), &shape(&[1]), 1), Err(Error::Scalar { input: "src" })));
    }

    #[test]
    fn an_indptr_has_one_element_more_than_src_has_rows() {
        assert!(GatherPlan::csr(&shape(&[3, 2]), &shape(&[4]), 9).is_ok());
        assert!(matches!(GatherPlan::csr(&shape(&[3, 2]), &shape(&[3]), 9), Err(Error::IndptrLength { .. })));
        assert!(matches!(GatherPlan::csr(&shape(&[3, 2]), &shape(&[0]), 9), Err(Error::IndptrLength { .. })));
        assert!(GatherPlan::csr(&shape(&[0, 2]), &shape(&[0]), 9).is_ok());
    }
}
