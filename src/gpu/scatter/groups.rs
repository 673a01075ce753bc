//! Scatter through a grouping of its index, instead of atomics.

use super::steps::Method;
use crate::{
    GatherPlan, GatherSegmentPlan, GroupIndexOptions, GroupIndexPlan, ReduceOperator, ScalarType, ScatterPlan,
    SegmentPlan, Shape,
    gather::RowSource,
    gpu::{grouped::Grouped, tuning::order},
    segment::Segments,
};

impl ScatterPlan {
    /// The scatter as a reduction of groups, where that is possible and faster, or the only way to a deterministic sum
    /// that is not slow.
    pub(super) fn grouped(&self, scalar: ScalarType) -> Option<Grouped> {
        let is_wanted = self.grouping.unwrap_or_else(|| match self.method(scalar) {
            Method::AddInIntegers(_) => true,
            Method::Join(_) => order::is_sum_grouped(self.b.saturating_mul(self.e), self.k, scalar.bytes()),
            Method::Select(_) => order::is_selection_grouped(self.b.saturating_mul(self.e), self.k, scalar.bytes()),
        });
        if is_wanted { self.as_groups() } else { None }
    }

    /// None unless each row of `src` has an index of its own.
    fn as_groups(&self) -> Option<Grouped> {
        let has_index = self.layout.is_row_index() && self.layout.stride_e == 1 && self.e != 0;
        if !has_index || !ReduceOperator::GatherSegmentCsr.has(self.reduce) {
            return None;
        }
        let index = Shape::new(&[self.index.element_count() / self.e, self.e]).ok()?;
        let groups = GroupIndexPlan::new(&index, &GroupIndexOptions::new().dim_size(self.n)).ok()?;
        let mut layout = self.layout;
        // Every stride of a leading axis is a whole number of rows.
        layout.leading.runs.iter_mut().for_each(|run| run.stride = run.stride / self.e as u64 * (self.n as u64 + 1));
        let segments = SegmentPlan {
            reduce: self.reduce,
            segments: Segments::Indptr,
            src: self.src,
            index: *groups.indptr_shape(),
            out: self.out,
            b: self.b,
            e: self.e,
            k: self.k,
            n: self.n,
            has_base: self.has_base,
            layout,
        };
        let rows = GatherPlan {
            source: RowSource::Index,
            index,
            out: self.src,
            b: self.b,
            s: self.e,
            e: self.e,
            k: self.k,
            leading: self.layout.leading,
        };
        Some(Grouped { groups, segments: GatherSegmentPlan { rows, segments, weight: None, is_grouped: true } })
    }
}
