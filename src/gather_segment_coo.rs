//! Reductions of rows that are read through an index, over segments that a sorted index gives: the options. The plan is
//! [`GatherScatterPlan`](crate::GatherScatterPlan), without the sort.

use crate::{BadIndex, GatherScatterOptions, Reduce};

/// The options of gather_segment_coo, whose segments are given by sorted destinations.
///
/// ```
/// use tensorrt_scatter::{GatherSegmentCooOptions, Reduce};
/// let options = GatherSegmentCooOptions::new(Reduce::Mean).dim_size(100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherSegmentCooOptions(pub(crate) GatherScatterOptions);

impl GatherSegmentCooOptions {
    /// The given reduction. The number of segments comes from the destinations. A bad index is an error, and so is a
    /// destination below the one before it.
    pub fn new(reduce: Reduce) -> Self {
        let mut options = GatherScatterOptions::new(reduce);
        options.groups.is_sorted = true;
        Self(options)
    }

    /// The number of segments N: the length of the reduced axis of the result. The default is the largest destination
    /// plus one.
    pub fn dim_size(self, dim_size: usize) -> Self {
        Self(self.0.dim_size(dim_size))
    }

    /// What to do with an index outside [0, R), with a destination outside [0, N), and with one below the one before
    /// it. [`BadIndex::Skip`] leaves out elements with a bad index or destination, and does not check the order: the
    /// results of destinations that are not sorted are not specified. Negative destinations may also lie behind all
    /// others, as the -1 of a padded index does.
    pub fn bad_index(self, bad_index: BadIndex) -> Self {
        Self(self.0.bad_index(bad_index))
    }
}
