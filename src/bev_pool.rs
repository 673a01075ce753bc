//! Bird's-eye-view pooling: the plan, for the plugins of other projects that do it. Callers of the Rust API call
//! gather_coo and gather_scatter.

use crate::{Error, GatherPlan, GatherScatterOptions, GatherScatterPlan, Reduce, Shape};

/// The numbers of a bird's-eye-view pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BevPoolSizes {
    /// The number of elements of depth.
    pub depths: usize,
    /// The number of rows of feat.
    pub rows: usize,
    /// C: the number of columns of feat.
    pub columns: usize,
    /// P: the number of points.
    pub points: usize,
    /// The number of intervals.
    pub intervals: usize,
    /// The number of cells of the grid.
    pub cells: usize,
}

/// The sums of points over the cells of a grid, whose sizes were checked. The plugins execute it.
///
/// A point p is row `ranks_feat[p]` of feat, times element `ranks_depth[p]` of depth. The points of an interval are
/// added to one cell, `ranks_bev` of its first point. Points in no interval are in no cell.
#[derive(Clone, Debug, PartialEq)]
pub struct BevPoolPlan {
    /// The depth of each point.
    pub(crate) depths: GatherPlan,
    /// The sums, of which the depths are the weights.
    pub(crate) sums: GatherScatterPlan,
    pub(crate) intervals: usize,
}

impl BevPoolPlan {
    /// Plans the sums.
    ///
    /// # Errors
    /// [`Error::TooManyElements`].
    pub fn new(sizes: &BevPoolSizes) -> Result<Self, Error> {
        let points = Shape::new(&[sizes.points])?;
        let options = GatherScatterOptions::new(Reduce::Sum).dim_size(sizes.cells);
        let feat = Shape::new(&[sizes.rows, sizes.columns])?;
        Ok(Self {
            depths: GatherPlan::coo(&Shape::new(&[sizes.depths])?, &points)?,
            sums: GatherScatterPlan::new(&feat, &points, &points, Some(&points), &options)?,
            intervals: sizes.intervals,
        })
    }

    /// P: the number of points.
    pub(crate) fn points(&self) -> usize {
        self.depths.e
    }
}
