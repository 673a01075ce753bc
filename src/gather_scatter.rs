//! Reductions of groups of rows that are read through an index: their options, and the plan that every backend executes.

use crate::{
    BadIndex, Error, GatherSegmentCooOptions, GatherSegmentPlan, GroupIndexOptions, GroupIndexPlan, Reduce,
    ReduceOperator, SegmentCsrOptions, SegmentPlan, Shape, broadcast, reduction::Reduction,
};

/// The options of gather_scatter: the reduction, the number of groups, what to do with a bad index.
///
/// ```
/// use tensorrt_scatter::{GatherScatterOptions, Reduce};
/// let options = GatherScatterOptions::new(Reduce::Mean).dim_size(100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherScatterOptions {
    pub(crate) reduce: Reduce,
    pub(crate) groups: GroupIndexOptions,
}

impl GatherScatterOptions {
    /// The given reduction. The number of groups comes from the destinations, and a bad index is an error.
    pub fn new(reduce: Reduce) -> Self {
        Self { reduce, groups: GroupIndexOptions::new() }
    }

    /// The number of groups N: the length of the reduced axis of the result. The default is the largest destination plus
    /// one.
    pub fn dim_size(mut self, dim_size: usize) -> Self {
        self.groups = self.groups.dim_size(dim_size);
        self
    }

    /// What to do with an index outside [0, R), and with a destination outside [0, N). [`BadIndex::Skip`] leaves out
    /// such elements and does not count them.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.groups = self.groups.bad_index(bad_index);
        self
    }
}

impl GatherScatterOptions {
    /// The operator that these are options of.
    pub(crate) fn operator(&self) -> ReduceOperator {
        operator(self.groups.is_sorted)
    }
}

/// The operator whose destinations are sorted, or in any order.
fn operator(is_sorted: bool) -> ReduceOperator {
    if is_sorted { ReduceOperator::GatherSegmentCoo } else { ReduceOperator::GatherScatter }
}

/// A reduction of groups of rows that an index names, whose shapes were checked: that of gather_scatter, or that of
/// gather_segment_coo. The backends and the plugins execute it.
///
/// `src` is seen as [B, R, K], the rows that are read as [B, E, K], the result as [B, N, K]. The index, the destinations
/// and the weights lie along the same axis; their leading axes expand to src's.
#[derive(Clone, Debug, PartialEq)]
pub struct GatherScatterPlan {
    /// The grouping of the destinations.
    pub(crate) groups: GroupIndexPlan,
    /// The reduction over the groups as segments. Its indptr is the grouping's.
    pub(crate) segments: GatherSegmentPlan,
}

impl GatherScatterPlan {
    /// Plans the reduction of all `weight[.., e] * src[.., index[.., e], ..]` with `destination[.., e] == n` to
    /// `out[.., n, ..]`.
    ///
    /// # Errors
    /// [`Error::UnsupportedReduce`] for "mul"; [`Error::Scalar`] and [`Error::LeadingAxes`] for shapes that do not fit;
    /// [`Error::BesideIndexShape`] where the destinations have another number of axes or of elements than the index;
    /// [`Error::WeightShape`]; [`Error::UnknownDimSize`] without a `dim_size`; [`Error::TooManyElements`].
    pub fn new(
        src: &Shape,
        index: &Shape,
        destination: &Shape,
        weight: Option<&Shape>,
        options: &GatherScatterOptions,
    ) -> Result<Self, Error> {
        options.operator().check(options.reduce)?;
        broadcast::check_beside_index(index, "destination", destination)?;
        // In messages, the index of the grouping has the caller's name.
        let groups = GroupIndexPlan { input: "destination", ..GroupIndexPlan::new(destination, &options.groups)? };
        let segments = GatherSegmentPlan::new(src, index, "destination", groups.indptr_shape(), weight, |rows| {
            SegmentPlan::csr(rows, groups.indptr_shape(), &SegmentCsrOptions::new(options.reduce))
        });
        let segments = segments.map_err(|error| {
            // The caller knows the destinations, and not their indptr.
            let Error::LeadingAxes { input: "indptr", src, .. } = error else { return error };
            Error::LeadingAxes { input: "destination", given: *destination, src }
        })?;
        Ok(Self { groups, segments: GatherSegmentPlan { is_grouped: true, ..segments } })
    }

    /// [`new`](Self::new) for destinations that are sorted along their last axis: gather_segment_coo.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn coo(
        src: &Shape,
        index: &Shape,
        destination: &Shape,
        weight: Option<&Shape>,
        options: &GatherSegmentCooOptions,
    ) -> Result<Self, Error> {
        Self::new(src, index, destination, weight, &options.0)
    }

    /// [`new`](Self::new), with the number of groups from `group_count` where `dim_size` does not give it.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), but for [`Error::UnknownDimSize`]; that of `group_count`.
    pub(crate) fn with_group_count(
        src: &Shape,
        index: &Shape,
        destination: &Shape,
        weight: Option<&Shape>,
        options: &GatherScatterOptions,
        group_count: impl FnOnce() -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        if options.groups.dim_size.is_some() {
            return Self::new(src, index, destination, weight, options);
        }
        // The shapes are checked first: their error is the more useful one, and costs nothing.
        Self::new(src, index, destination, weight, &options.dim_size(0))?;
        Self::new(src, index, destination, weight, &options.dim_size(group_count()?))
    }

    /// The operator that this is a plan of.
    pub(crate) fn operator(&self) -> ReduceOperator {
        operator(self.groups.is_sorted)
    }

    /// The number of groups that a caller's `out` has, beside an index.
    pub(crate) fn groups_of(out: &Shape, index: &Shape) -> usize {
        // An `out` of another rank may lack the axis; it is refused later.
        index.rank().checked_sub(1).and_then(|axis| out.dims().get(axis)).copied().unwrap_or(0)
    }

    /// The shape of the result, and of `arg_out`.
    pub fn out_shape(&self) -> &Shape {
        self.segments.out_shape()
    }

    /// The reduction.
    pub fn reduce(&self) -> Reduce {
        self.segments.reduce()
    }
}

impl Reduction for GatherScatterPlan {
    fn reduce(&self) -> Reduce {
        self.segments.reduce()
    }

    fn out_shape(&self) -> &Shape {
        self.segments.out_shape()
    }

    fn reduced_length(&self) -> usize {
        self.segments.segments.e
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(
        src: &[usize],
        index: &[usize],
        destination: &[usize],
        weight: Option<&[usize]>,
    ) -> Result<GatherScatterPlan, Error> {
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        let options = GatherScatterOptions::new(Reduce::Sum).dim_size(8);
        GatherScatterPlan::new(&shape(src), &shape(index), &shape(destination), weight.map(shape).as_ref(), &options)
    }

    #[test]
    fn the_result_has_a_row_for_each_group() {
        let plan = plan(&[2, 3, 10, 4, 5], &[2, 1, 7], &[1, 3, 7], Some(&[1, 3, 7, 4])).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 3, 8, 4, 5]);
        assert_eq!((plan.groups.rows, plan.groups.e, plan.groups.n), (3, 7, 8));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for destination in [&[6][..], &[7, 1], &[1, 7], &[]] {
            let refused = plan(&[10, 4], &[7], destination, None);
            assert!(matches!(refused, Err(Error::BesideIndexShape { .. })), "{destination:?}: {refused:?}");
        }
        let refused = plan(&[2, 10], &[2, 7], &[3, 7], None);
        assert!(matches!(refused, Err(Error::LeadingAxes { input: "destination", .. })), "{refused:?}");
        let refused = plan(&[2, 10], &[3, 7], &[2, 7], None);
        assert!(matches!(refused, Err(Error::LeadingAxes { input: "index", .. })), "{refused:?}");
        assert!(matches!(plan(&[10, 4], &[7], &[7], Some(&[6])), Err(Error::WeightShape { .. })));
        assert!(matches!(plan(&[], &[7], &[7], None), Err(Error::Scalar { input: "src" })));
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        let with = |options| GatherScatterPlan::new(&shape(&[4]), &shape(&[3]), &shape(&[3]), None, &options);
        let unsupported = Error::UnsupportedReduce { operator: ReduceOperator::GatherScatter, reduce: Reduce::Mul };
        assert_eq!(with(GatherScatterOptions::new(Reduce::Mul).dim_size(2)), Err(unsupported));
        assert_eq!(with(GatherScatterOptions::new(Reduce::Sum)), Err(Error::UnknownDimSize));
    }
}
