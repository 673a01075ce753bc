//! How the elements and columns of a reduction over segments are shared out.

use super::workspace;
use crate::{
    ScalarType, SegmentPlan,
    gpu::tuning::{PACK_BYTES, WARP_SIZE, order},
};

/// How the elements and columns of `src` are shared out, from sizes alone: the same sizes give the same sums, bit for
/// bit, wherever the tensors lie.
pub(super) struct Partition {
    /// Columns of a lane where the tensors are aligned to [`PACK_BYTES`], 1 where K does not allow more.
    pub(super) pack: usize,
    /// Lanes that share the columns of an element.
    pub(super) lanes: usize,
    /// In how many ways a group of lanes shares the elements of a segment.
    pub(super) ways: usize,
    /// The elements of a chunk, a power of two; None where a block takes each long segment instead.
    pub(super) chunk: Option<usize>,
    /// Whether a lane takes a column of a segment by itself, in the first step.
    pub(super) is_short: bool,
}

impl Partition {
    /// For the given bytes of `src`.
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

    /// The number of chunks of each b: none where one chunk would hold all elements, so that no segment goes on in another.
    pub(super) fn chunks_per_b(&self, plan: &SegmentPlan) -> usize {
        match self.chunk {
            Some(chunk) if chunk < plan.e => plan.e.div_ceil(chunk),
            Some(_) | None => 0,
        }
    }
}
