//! Scatter through a grouping of its index, instead of atomics.

use super::steps::Method;
use crate::{
    GatherPlan, GatherScatterPlan, GatherSegmentPlan, GroupIndexOptions, GroupIndexPlan, ReduceOperator, ScalarType,
    ScatterPlan, SegmentPlan, Shape,
    broadcast::Layout,
    gather::RowSource,
    gpu::tuning::{PACK_BYTES, order},
    segment::Segments,
};

impl ScatterPlan {
    /// The scatter as a reduction of groups, where that is possible, and faster or deterministic.
    pub(super) fn grouped(&self, scalar: ScalarType) -> Option<GatherScatterPlan> {
        let has_packs = (self.k * scalar.bytes()).is_multiple_of(PACK_BYTES);
        // Each row of `src` has an index of its own.
        let is_possible = self.layout.is_row_index() && self.layout.stride_e == 1 && self.e != 0;
        if !is_possible || !self.is_grouping_wanted(scalar, has_packs) {
            return None;
        }
        self.of_groups(self.index.element_count() / self.e, self.layout).filter(GatherScatterPlan::fits)
    }

    /// The bytes of workspace that [`grouped`](Self::grouped) needs for these shapes and all smaller ones, whether it is
    /// wanted for these shapes or not.
    pub(super) fn grouped_workspace_bytes(&self, scalar: ScalarType) -> usize {
        // An index of one axis is the same for all b. Smaller shapes may have packs.
        let rows = if self.index.rank() == 1 { 1 } else { self.b };
        let is_wanted = self.is_grouping_wanted(scalar, true);
        let grouped = if is_wanted { self.of_groups(rows, self.layout) } else { None };
        grouped.map_or(0, |grouped| grouped.workspace_bytes(scalar))
    }

    /// Whether it is faster to group the index, or the method for deterministic sums. More rows or columns never change a
    /// yes to a no.
    fn is_grouping_wanted(&self, scalar: ScalarType, has_packs: bool) -> bool {
        let elements = self.b.saturating_mul(self.e);
        self.grouping.unwrap_or_else(|| match self.method(scalar) {
            Method::AddInIntegers(_) => true,
            Method::Join(_) => order::is_sum_grouped(elements, self.k, has_packs),
            Method::Select(_) => order::is_selection_grouped(elements, self.k, has_packs),
        })
    }

    /// The scatter as a reduction of the groups of an index with some rows. None for a reduction that segments do not
    /// have.
    fn of_groups(&self, rows: usize, layout: Layout) -> Option<GatherScatterPlan> {
        if !ReduceOperator::GatherSegmentCsr.has(self.reduce) {
            return None;
        }
        let index = Shape::new(&[rows, self.e]).ok()?;
        let groups = GroupIndexPlan::new(&index, &GroupIndexOptions::new().dim_size(self.n)).ok()?;
        let mut segment_layout = layout;
        // Every stride of a leading axis is a whole number of rows.
        let row = self.e.max(1) as u64;
        segment_layout.leading.runs.iter_mut().for_each(|run| run.stride = run.stride / row * (self.n as u64 + 1));
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
            layout: segment_layout,
        };
        let rows = GatherPlan {
            source: RowSource::Index,
            input: RowSource::Index.name(),
            index,
            out: self.src,
            b: self.b,
            s: self.e,
            e: self.e,
            k: self.k,
            leading: layout.leading,
        };
        Some(GatherScatterPlan {
            groups,
            segments: GatherSegmentPlan { rows, segments, weight: None, is_grouped: true },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reduce, ScatterOptions};

    fn plan(src: [usize; 3], index: &[usize], n: usize, options: &ScatterOptions) -> ScatterPlan {
        let (src, index) = (Shape::new(&src).unwrap(), Shape::new(index).unwrap());
        ScatterPlan::new(&src, &index, None, &options.dim(1).dim_size(n)).unwrap()
    }

    /// A profile's workspace is that of its largest shapes. The smaller ones decide for themselves.
    #[test]
    fn smaller_shapes_need_no_more_workspace_grouped_or_not() {
        const KS: [usize; 9] = [1, 15, 16, 33, 63, 64, 65, 127, 256];
        const ES: [usize; 4] = [1, 40_000, 1 << 20, 1 << 22];
        for deterministic in [false, true] {
            for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Max, Reduce::Mul] {
                let options = ScatterOptions::new(reduce).deterministic(deterministic);
                for scalar in [ScalarType::F32, ScalarType::F16, ScalarType::I64] {
                    let bytes =
                        |b, e, k, index: &[usize]| plan([b, e, k], index, 1000, &options).workspace_bytes(scalar);
                    for (e, k) in ES.into_iter().flat_map(|e| KS.map(|k| (e, k))) {
                        let smaller = bytes(1, e, k, &[1, e, 1]);
                        assert!(smaller >= bytes(1, e, k, &[e]));
                        for larger in [
                            bytes(1, e, k + 1, &[1, e, 1]),
                            bytes(1, e + 1, k, &[1, e + 1, 1]),
                            bytes(2, e, k, &[2, e, 1]),
                            bytes(2, e, k, &[1, e, 1]),
                            bytes(1, e, k, &[1, e, k]),
                        ] {
                            assert!(smaller <= larger, "{e} x {k}, {reduce}, {}: {smaller} {larger}", scalar.name());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn wide_rows_and_deterministic_sums_are_grouped() {
        let is_grouped = |src, index: &[usize], options: &ScatterOptions| {
            plan(src, index, 1000, options).grouped(ScalarType::F32).is_some()
        };
        let (sum, max) = (ScatterOptions::new(Reduce::Sum), ScatterOptions::new(Reduce::Max));
        assert!(is_grouped([1, 1 << 22, 64], &[1 << 22], &sum));
        assert!(!is_grouped([1, 1 << 22, 4], &[1 << 22], &sum));
        assert!(!is_grouped([1, 1000, 64], &[1000], &sum));
        assert!(is_grouped([1, 1 << 22, 16], &[1 << 22], &max));
        assert!(is_grouped([1, 1 << 22, 33], &[1 << 22], &max));
        assert!(!is_grouped([1, 1 << 22, 31], &[1 << 22], &max));
        assert!(!is_grouped([1, 1 << 22, 33], &[1 << 22], &sum));
        assert!(is_grouped([1, 100, 1], &[100], &sum.deterministic(true)));
        // An index for each element, or one that is repeated along the axis, has no groups of rows.
        assert!(!is_grouped([1, 100, 2], &[1, 100, 2], &sum.deterministic(true)));
        assert!(!is_grouped([2, 1 << 22, 64], &[2, 1, 1], &sum));
        assert!(!is_grouped([1, 1 << 22, 64], &[1 << 22], &ScatterOptions::new(Reduce::Mul)));
    }
}
