//! How threads share the elements and columns of a reduction over segments.

use super::workspace;
use crate::{
    ScalarType, SegmentPlan,
    gpu::tuning::{PACK_BYTES, WARP_SIZE, order},
};

/// How threads share the elements and columns of `src`. It depends on sizes only, so the same sizes give sums with the
/// same bits, wherever the tensors lie.
pub(in crate::gpu) struct Partition {
    /// The columns of a lane, if the tensors are aligned to [`PACK_BYTES`]. 1 if packs do not divide a row.
    pub(in crate::gpu) pack: usize,
    /// Lanes that share the columns of an element.
    pub(in crate::gpu) lanes: usize,
    /// The number of ways: how many lanes of a group share the elements of a segment.
    pub(in crate::gpu) ways: usize,
    /// The elements of a chunk, a power of two. None if the axis is not cut; then a block takes each long segment.
    pub(super) chunk: Option<usize>,
    /// Whether the first kernel is the one for short segments, in which a lane takes one column of a segment.
    pub(super) is_short: bool,
}

impl Partition {
    /// The partition for a `src` of this many bytes.
    pub(super) fn new(plan: &SegmentPlan, scalar: ScalarType, bytes: usize) -> Self {
        let pack = pack(plan.k, scalar);
        let length = plan.average_length();
        let lanes = order::segment_lanes(plan.k / pack, pack * scalar.bytes(), length);
        let column_parts = plan.k.div_ceil(lanes * pack);
        let ways = order::segment_ways(length, lanes, pack, plan.reduce.has_arg());
        let elements = plan.b.saturating_mul(plan.e);
        let is_cut = order::is_cut(length, bytes, pack * scalar.bytes());
        let is_short = is_cut && pack == 1 && order::are_short(length, plan.k) && plan.fits_32_bits();
        let wanted = if is_short {
            Some(order::short_chunk(length, plan.k))
        } else {
            is_cut.then(|| order::segment_chunk(elements, column_parts, WARP_SIZE / lanes, ways))
        };
        let allowed = workspace::allowance(plan, scalar);
        let chunk = wanted.map(|chunk| workspace::affordable_chunk(plan, scalar.accumulator_bytes(), chunk, allowed));
        Self { pack, lanes, ways, chunk, is_short }
    }

    /// The partition for rows that are read through an index, of which `columns` neighbouring ones have one weight.
    /// Records have `value_bytes` bytes for each column, and chunks may take `allowed` bytes. The axis is always cut,
    /// because any segment may be long, and a block that takes it alone waits for one row after the other.
    pub(in crate::gpu) fn of_gathered(
        plan: &SegmentPlan,
        scalar: ScalarType,
        columns: usize,
        value_bytes: usize,
        allowed: usize,
    ) -> Self {
        let pack = pack(columns, scalar);
        let length = plan.average_length();
        let lanes = order::gathered_lanes(plan.k / pack, pack * scalar.bytes(), length);
        let column_parts = plan.k.div_ceil(lanes * pack);
        let ways = order::gathered_ways(length, lanes);
        let elements = plan.b.saturating_mul(plan.e);
        let wanted = order::segment_chunk(elements, column_parts, WARP_SIZE / lanes, ways);
        let chunk = Some(workspace::affordable_chunk(plan, value_bytes, wanted, allowed));
        Self { pack, lanes, ways, chunk, is_short: false }
    }

    /// The partition for a composite, whose records have `value_bytes` bytes for each column. The axis is always cut.
    pub(in crate::gpu) fn of_composite(plan: &SegmentPlan, scalar: ScalarType, value_bytes: usize) -> Self {
        // Of more columns, a lane would not have the partial results in registers.
        let quad = (PACK_BYTES / scalar.bytes()).min(4);
        let pack = if plan.k.is_multiple_of(quad) { quad } else { 1 };
        let length = plan.average_length();
        let lanes = order::segment_lanes(plan.k / pack, pack * scalar.bytes(), length);
        let column_parts = plan.k.div_ceil(lanes * pack);
        let ways = order::composite_ways(length, lanes);
        let elements = plan.b.saturating_mul(plan.e);
        let wanted = order::composite_chunk(elements, column_parts, WARP_SIZE / lanes, ways);
        let allowed = workspace::allowance(plan, scalar);
        let chunk = Some(workspace::affordable_chunk(plan, value_bytes, wanted, allowed));
        Self { pack, lanes, ways, chunk, is_short: false }
    }

    /// The number of chunks of each b. 0 if one chunk would hold all elements, because then no segment continues in
    /// another chunk.
    pub(in crate::gpu) fn chunks_per_b(&self, plan: &SegmentPlan) -> usize {
        match self.chunk {
            Some(chunk) if chunk < plan.e => plan.e.div_ceil(chunk),
            Some(_) | None => 0,
        }
    }
}

/// The columns of a lane, if the tensors are aligned to [`PACK_BYTES`] and `columns` neighbouring columns are alike. 1
/// if packs do not divide them.
fn pack(columns: usize, scalar: ScalarType) -> usize {
    let per_load = PACK_BYTES / scalar.bytes();
    if columns.is_multiple_of(per_load) { per_load } else { 1 }
}
