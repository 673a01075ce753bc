//! How threads share the elements and columns of a reduction over segments.

use super::workspace;
use crate::{
    ScalarType, SegmentPlan,
    gpu::tuning::{PACK_BYTES, WARP_SIZE, order},
};

/// How threads share the elements and columns of `src`. It depends on sizes only, so the same sizes give sums with the
/// same bits, wherever the tensors lie.
pub(super) struct Partition {
    /// The columns of a lane, if the tensors are aligned to [`PACK_BYTES`]. 1 if packs do not divide a row.
    pub(super) pack: usize,
    /// Lanes that share the columns of an element.
    pub(super) lanes: usize,
    /// The number of ways: how many lanes of a group share the elements of a segment.
    pub(super) ways: usize,
    /// The elements of a chunk, a power of two. None if the axis is not cut; then a block takes each long segment.
    pub(super) chunk: Option<usize>,
    /// Whether the first kernel is the one for short segments, in which a lane takes one column of a segment.
    pub(super) is_short: bool,
}

impl Partition {
    /// The partition for a `src` of this many bytes.
    pub(super) fn new(plan: &SegmentPlan, scalar: ScalarType, bytes: usize) -> Self {
        let per_load = PACK_BYTES / scalar.bytes();
        let pack = if plan.k.is_multiple_of(per_load) { per_load } else { 1 };
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
        let chunk = wanted.map(|chunk| workspace::affordable_chunk(plan, scalar, chunk));
        Self { pack, lanes, ways, chunk, is_short }
    }

    /// The number of chunks of each b. 0 if one chunk would hold all elements, because then no segment continues in
    /// another chunk.
    pub(super) fn chunks_per_b(&self, plan: &SegmentPlan) -> usize {
        match self.chunk {
            Some(chunk) if chunk < plan.e => plan.e.div_ceil(chunk),
            Some(_) | None => 0,
        }
    }
}
