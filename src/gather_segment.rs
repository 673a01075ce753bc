//! Reductions over segments of rows that are read through an index: their options, and the plan that every backend
//! executes.

use kernel_params::AxisRuns;

use crate::{
    BadIndex, Error, GatherPlan, Reduce, ReduceOperator, ScalarType, SegmentCsrOptions, SegmentPlan, Shape, TensorView,
    reduction::Reduction,
};

/// The options of gather_segment_csr, whose segments are given by an indptr.
///
/// ```
/// use tensorrt_scatter::{BadIndex, GatherSegmentCsrOptions, Reduce};
/// let options = GatherSegmentCsrOptions::new(Reduce::Mean).bad_index(BadIndex::Skip);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherSegmentCsrOptions {
    pub(crate) reduce: Reduce,
    pub(crate) bad_index: BadIndex,
}

impl GatherSegmentCsrOptions {
    /// The given reduction; a bad index or indptr is an error.
    pub fn new(reduce: Reduce) -> Self {
        Self { reduce, bad_index: BadIndex::default() }
    }

    /// What to do with an index outside [0, R), and with an indptr that decreases or leaves [0, E].
    /// [`BadIndex::Skip`] checks neither: it leaves out elements with a bad index and does not count them; it clamps
    /// indptr to [0, E], and the results around a decrease are not specified.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// The weights of the elements, or their scores, as the caller has them: values of src's type, or float32 beside 16-bit floats.
#[derive(Clone, Copy, Debug)]
pub enum Weight<'a, T> {
    /// Of src's type.
    Same(TensorView<'a, T>),
    /// Of type float32, where src has 16-bit floats.
    Float32(TensorView<'a, f32>),
}

impl<T> Weight<'_, T> {
    /// The shape of the weights.
    pub fn shape(&self) -> &Shape {
        match self {
            Self::Same(weight) => weight.shape(),
            Self::Float32(weight) => weight.shape(),
        }
    }
}

/// The name of the weights in messages.
pub(crate) const WEIGHT: &str = "weight";

/// Refuses an input of float32, weights or scores, beside a `src` of another type than a 16-bit float.
///
/// # Errors
/// [`Error::WeightType`].
pub(crate) fn check_float32_beside(src: ScalarType, input: &'static str) -> Result<(), Error> {
    if src.is_half() { Ok(()) } else { Err(Error::WeightType { input, given: ScalarType::F32, src }) }
}

/// How the weights are read: [.., E, H], or [.., E] where H is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WeightLayout {
    /// H: the number of weights of an element. Each is for K / H neighbouring columns.
    pub(crate) heads: usize,
    /// The strides of the weights over the leading axes.
    pub(crate) leading: AxisRuns,
}

/// A reduction over segments of rows that an index names, whose shapes were checked. The backends and the plugins
/// execute it.
///
/// `src` is seen as [B, R, K], the rows that are read as [B, E, K], the result as [B, N, K]. The index, the indptr and
/// the weights lie along the same axis; their leading axes expand to src's.
#[derive(Clone, Debug, PartialEq)]
pub struct GatherSegmentPlan {
    /// Which row of `src` is read for each element.
    pub(crate) rows: GatherPlan,
    /// Which elements are reduced. Its `src` is the rows that are read, which are never stored.
    pub(crate) segments: SegmentPlan,
    pub(crate) weight: Option<WeightLayout>,
    /// Whether the segments are groups, whose grouping takes memory too.
    pub(crate) is_grouped: bool,
}

impl GatherSegmentPlan {
    /// Plans the reduction of all `weight[.., e] * src[.., index[.., e], ..]` with
    /// `indptr[.., n] <= e < indptr[.., n + 1]` to `out[.., n, ..]`.
    ///
    /// # Errors
    /// [`Error::UnsupportedReduce`] for "mul"; [`Error::Scalar`] and [`Error::LeadingAxes`] for shapes that do not fit;
    /// [`Error::OtherAxis`] where the index and indptr have different numbers of axes; [`Error::WeightShape`];
    /// [`Error::TooManyElements`].
    pub fn csr(
        src: &Shape,
        index: &Shape,
        indptr: &Shape,
        weight: Option<&Shape>,
        options: &GatherSegmentCsrOptions,
    ) -> Result<Self, Error> {
        ReduceOperator::GatherSegmentCsr.check(options.reduce)?;
        Self::new(src, index, "indptr", indptr, weight, |rows| {
            SegmentPlan::csr(rows, indptr, &SegmentCsrOptions::new(options.reduce))
        })
    }

    pub(crate) fn new(
        src: &Shape,
        index: &Shape,
        segments: &'static str,
        delimiters: &Shape,
        weight: Option<&Shape>,
        plan: impl FnOnce(&Shape) -> Result<SegmentPlan, Error>,
    ) -> Result<Self, Error> {
        let rows = GatherPlan::coo(src, index)?;
        if delimiters.rank() == 0 {
            return Err(Error::Scalar { input: segments });
        }
        if index.rank() != delimiters.rank() {
            return Err(Error::OtherAxis { input: segments, given: *delimiters, index: *index });
        }
        let weight = weight.map(|weight| weight_layout(&rows, src, index, weight)).transpose()?;
        let segments = plan(rows.out_shape()).map_err(|error| {
            // The caller knows src, and not the rows that are read.
            let Error::LeadingAxes { input, given, .. } = error else { return error };
            Error::LeadingAxes { input, given, src: *src }
        })?;
        Ok(Self { rows, segments, weight, is_grouped: false })
    }

    /// The shape of the result, and of `arg_out`.
    pub fn out_shape(&self) -> &Shape {
        self.segments.out_shape()
    }

    /// The reduction.
    pub fn reduce(&self) -> Reduce {
        self.segments.reduce
    }
}

impl Reduction for GatherSegmentPlan {
    fn reduce(&self) -> Reduce {
        self.segments.reduce
    }

    fn out_shape(&self) -> &Shape {
        &self.segments.out
    }

    fn reduced_length(&self) -> usize {
        self.segments.e
    }
}

/// The layout of weights of shape [.., E] or [.., E, H], whose leading axes expand to src's.
fn weight_layout(rows: &GatherPlan, src: &Shape, index: &Shape, weight: &Shape) -> Result<WeightLayout, Error> {
    let mismatch = || Error::WeightShape { input: WEIGHT, given: *weight, index: *index, src: *src };
    let axis = index.rank() - 1;
    let heads = match weight.rank() {
        rank if rank == axis + 1 => 1,
        rank if rank == axis + 2 => weight.dims()[axis + 1],
        _ => return Err(mismatch()),
    };
    // Without columns there is nothing to multiply, so any number of heads fits.
    let fits = rows.k == 0 || (heads != 0 && rows.k.is_multiple_of(heads));
    if weight.dims()[axis] != rows.e || !fits {
        return Err(mismatch());
    }
    let mut leading = AxisRuns::default();
    let mut stride = (rows.e * heads) as u64;
    for (&size, &full) in weight.dims()[..axis].iter().zip(&src.dims()[..axis]).rev() {
        if size != full && size != 1 {
            return Err(mismatch());
        }
        leading.push(full as u64, if size == full { stride } else { 0 });
        stride *= size as u64;
    }
    Ok(WeightLayout { heads, leading })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    fn plan(
        src: &[usize],
        index: &[usize],
        indptr: &[usize],
        weight: Option<&[usize]>,
    ) -> Result<GatherSegmentPlan, Error> {
        let weight = weight.map(shape);
        let options = GatherSegmentCsrOptions::new(Reduce::Sum);
        GatherSegmentPlan::csr(&shape(src), &shape(index), &shape(indptr), weight.as_ref(), &options)
    }

    #[test]
    fn the_result_has_a_row_for_each_segment() {
        let plan = plan(&[2, 3, 10, 4, 5], &[2, 1, 7], &[1, 3, 9], Some(&[1, 3, 7, 4])).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 3, 8, 4, 5]);
        let SegmentPlan { b, e, k, n, .. } = plan.segments;
        assert_eq!((b, e, k, n, plan.rows.s), (6, 7, 20, 8, 10));
        let weight = plan.weight.unwrap();
        assert_eq!(weight.heads, 4);
        assert_eq!((0..6).map(|b| weight.leading.offset(b)).collect::<Vec<_>>(), [0, 28, 56, 0, 28, 56]);
    }

    #[test]
    fn weights_fit_the_index_and_divide_the_columns() {
        for weight in [&[7][..], &[7, 1], &[7, 2], &[7, 3], &[7, 6]] {
            assert!(plan(&[10, 6], &[7], &[3], Some(weight)).is_ok(), "{weight:?}");
        }
        for weight in [&[][..], &[6], &[1], &[7, 4], &[7, 0], &[7, 6, 1], &[1, 7]] {
            assert!(matches!(plan(&[10, 6], &[7], &[3], Some(weight)), Err(Error::WeightShape { .. })), "{weight:?}");
        }
        assert!(matches!(plan(&[2, 10, 6], &[1, 7], &[1, 3], Some(&[3, 7])), Err(Error::WeightShape { .. })));
        assert_eq!(plan(&[10, 0], &[7], &[3], Some(&[7, 0])).unwrap().out_shape().dims(), [2, 0]);
    }

    #[test]
    fn an_index_and_an_indptr_lie_along_one_axis() {
        assert!(matches!(plan(&[2, 10, 6], &[2, 7], &[3], None), Err(Error::OtherAxis { input: "indptr", .. })));
        assert!(matches!(plan(&[2, 10], &[3, 7], &[2, 3], None), Err(Error::LeadingAxes { input: "index", .. })));
        let src = shape(&[2, 10]);
        let refused = Err(Error::LeadingAxes { input: "indptr", given: shape(&[3, 3]), src });
        assert_eq!(plan(&[2, 10], &[2, 7], &[3, 3], None), refused);
        assert!(matches!(plan(&[], &[7], &[3], None), Err(Error::Scalar { input: "src" })));
        assert!(matches!(plan(&[10], &[7], &[], None), Err(Error::Scalar { input: "indptr" })));
    }

    #[test]
    fn mul_is_refused() {
        let options = GatherSegmentCsrOptions::new(Reduce::Mul);
        assert_eq!(
            GatherSegmentPlan::csr(&shape(&[4]), &shape(&[3]), &shape(&[2]), None, &options),
            Err(Error::UnsupportedReduce { operator: ReduceOperator::GatherSegmentCsr, reduce: Reduce::Mul })
        );
    }
}
