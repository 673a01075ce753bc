//! The workspace of a reduction over segments, and the limit on what chunks take of it.

use kernel_params::INDEX_TILE;

use crate::{
    IndexType, ScalarType, SegmentPlan,
    gpu::{parts::Parts, queue::offset_words, tuning::order},
    segment::Segments,
};

/// How many records a chunk has.
const RECORDS_PER_CHUNK: usize = kernel_params::RECORDS_PER_CHUNK as usize;

/// The bytes that chunks may take in addition to a quarter of `src`'s bytes. Without them, a small input would be cut
/// into too few chunks to keep a device busy.
const SPARE_BYTES: usize = 8 << 20;

/// The type of an indptr that is made of an index.
pub(super) fn made_indptr(plan: &SegmentPlan) -> IndexType {
    if i32::try_from(plan.e).is_ok() { IndexType::I32 } else { IndexType::I64 }
}

/// The number of index tiles that cover a row of an index and the position behind its last element.
pub(super) fn tiles(e: usize) -> usize {
    e / INDEX_TILE as usize + 1
}

/// Where each part of the workspace is, as an offset in bytes.
pub(in crate::gpu) struct WorkspaceLayout {
    pub(super) offsets: usize,
    pub(super) indptr: usize,
    pub(super) holes: usize,
    pub(super) going_on: usize,
    pub(super) counts: usize,
    pub(super) values: usize,
    pub(super) positions: usize,
    pub(in crate::gpu) bytes: usize,
}

impl WorkspaceLayout {
    /// With room for the given number of chunks.
    pub(in crate::gpu) fn new(plan: &SegmentPlan, scalar: ScalarType, chunks: usize) -> Self {
        Self::with_values(plan, scalar.accumulator_bytes(), chunks)
    }

    /// [`new`](Self::new) for records of `value_bytes` bytes for each column.
    pub(in crate::gpu) fn with_values(plan: &SegmentPlan, value_bytes: usize, chunks: usize) -> Self {
        let mut parts = Parts::default();
        let (offsets, indptr, holes) = place_shared(plan, &mut parts);
        let records = chunks.saturating_mul(RECORDS_PER_CHUNK);
        let places = records.saturating_mul(plan.k);
        // At least one, because the first segment of a row writes a note even if there are no chunks.
        let going_on = parts.take(chunks.max(1), size_of::<u64>());
        let counts = parts.take(records, size_of::<u64>());
        let values = parts.take(places, value_bytes);
        let positions = parts.take(if plan.reduce.has_arg() { places } else { 0 }, size_of::<u64>());
        Self { offsets, indptr, holes, going_on, counts, values, positions, bytes: parts.bytes() }
    }
}

/// Places the parts that do not depend on chunks: the offsets of an index that does not advance evenly and, if the plan
/// has an index, an indptr and the notes of holes.
fn place_shared(plan: &SegmentPlan, parts: &mut Parts) -> (usize, usize, usize) {
    let rows = match plan.segments {
        Segments::Index => plan.index_rows(),
        Segments::Indptr => 0,
    };
    let offsets = parts.take(offset_words(&plan.src, plan.b, 0), size_of::<u64>());
    let indptr = parts.take(rows.saturating_mul(plan.n.saturating_add(1)), made_indptr(plan).bytes());
    let holes = parts.take(rows.saturating_mul(tiles(plan.e)), size_of::<u32>());
    (offsets, indptr, holes)
}

/// The bytes of each chunk, without the padding for alignment.
fn chunk_bytes(plan: &SegmentPlan, value_bytes: usize, columns: usize) -> usize {
    let position = if plan.reduce.has_arg() { size_of::<u64>() } else { 0 };
    let record = columns.saturating_mul(value_bytes + position).saturating_add(size_of::<u64>());
    record.saturating_mul(RECORDS_PER_CHUNK).saturating_add(size_of::<u64>())
}

/// The most bytes that chunks may take, if `src` is stored.
pub(in crate::gpu) fn allowance(plan: &SegmentPlan, scalar: ScalarType) -> usize {
    (plan.src.element_count().saturating_mul(scalar.bytes()) / 4).saturating_add(SPARE_BYTES)
}

/// The number of elements of a chunk. `wanted` is the fastest number. It is doubled until the chunks take no more than
/// `allowed` bytes.
///
/// That happens if b is large, and each row has few chunks, the last of them nearly empty.
pub(super) fn affordable_chunk(plan: &SegmentPlan, value_bytes: usize, wanted: usize, allowed: usize) -> usize {
    let bytes = chunk_bytes(plan, value_bytes, plan.k);
    let mut chunk = wanted;
    // If one chunk holds a row, there are no chunks.
    while chunk < plan.e && plan.b.saturating_mul(plan.e.div_ceil(chunk)).saturating_mul(bytes) > allowed {
        chunk *= 2;
    }
    chunk
}

/// The most bytes that the workspace takes for these shapes and all smaller ones, if chunks may take `allowed` bytes.
pub(in crate::gpu) fn most_bytes(plan: &SegmentPlan, scalar: ScalarType, allowed: usize) -> usize {
    most_bytes_with_values(plan, scalar.accumulator_bytes(), allowed)
}

/// [`most_bytes`] for records of `value_bytes` bytes for each column.
pub(in crate::gpu) fn most_bytes_with_values(plan: &SegmentPlan, value_bytes: usize, allowed: usize) -> usize {
    let mut parts = Parts::default();
    place_shared(plan, &mut parts);
    let chunks =
        |chunks: usize, columns: usize| chunks.saturating_mul(chunk_bytes(plan, value_bytes, plan.k.min(columns)));
    let most = chunks(order::most_segment_chunks(plan.b, plan.e), plan.k);
    let most_short = order::most_short_chunks(plan.b, plan.e).map(|(columns, count)| chunks(count, columns));
    let most = most_short.into_iter().fold(most, usize::max).min(allowed);
    if plan.e <= order::SHORTEST_CHUNK {
        // One chunk of any length holds such a row, so there is one note and no record.
        parts.take(1, size_of::<u64>());
    } else {
        // Each of the four parts for chunks is padded to a whole u64, and there is always one note.
        parts.take(most.saturating_add(5 * size_of::<u64>()), 1);
    }
    parts.bytes()
}

#[cfg(test)]
mod tests {
    use super::{super::partition::Partition, *};
    use crate::{Reduce, ReduceOperator, SegmentCooOptions, SegmentCsrOptions, Shape};

    const BS: [usize; 5] = [1, 2, 100, 10_000, 1_000_000];
    const ES: [usize; 12] = [1, 4, 20, 33, 65, 129, 257, 300, 1025, 3000, 100_000, 20_000_000];
    const KS: [usize; 9] = [1, 2, 3, 4, 8, 33, 64, 256, 1000];
    const NS: [usize; 4] = [1, 3, 1000, 100_000];

    fn csr(b: usize, e: usize, k: usize, n: usize, reduce: Reduce) -> SegmentPlan {
        let (src, indptr) = (Shape::new(&[b, e, k]).unwrap(), Shape::new(&[b, n + 1]).unwrap());
        SegmentPlan::csr(&src, &indptr, &SegmentCsrOptions::new(reduce)).unwrap()
    }

    fn coo(b: usize, e: usize, k: usize, n: usize, reduce: Reduce) -> SegmentPlan {
        let (src, index) = (Shape::new(&[b, e, k]).unwrap(), Shape::new(&[b, e]).unwrap());
        SegmentPlan::coo(&src, &index, None, &SegmentCooOptions::new(reduce).dim_size(n)).unwrap()
    }

    /// The bytes that an enqueue takes.
    fn taken(plan: &SegmentPlan, scalar: ScalarType) -> usize {
        let partition = Partition::new(plan, scalar, plan.src.element_count() * scalar.bytes());
        WorkspaceLayout::new(plan, scalar, plan.b * partition.chunks_per_b(plan)).bytes
    }

    fn shared(plan: &SegmentPlan) -> usize {
        let mut parts = Parts::default();
        place_shared(plan, &mut parts);
        parts.bytes()
    }

    /// Sizes that fit in the largest device's memory.
    fn sizes() -> impl Iterator<Item = [usize; 4]> {
        BS.into_iter().flat_map(|b| {
            ES.into_iter()
                .flat_map(move |e| KS.into_iter().flat_map(move |k| NS.into_iter().map(move |n| [b, e, k, n])))
                .filter(|[b, e, k, _]| b * e * k < 1 << 37)
        })
    }

    #[test]
    fn chunks_take_a_quarter_of_src_and_a_constant_at_most() {
        for [b, e, k, n] in sizes() {
            for reduce in ReduceOperator::SegmentCsr.reductions() {
                for plan in [csr(b, e, k, n, reduce), coo(b, e, k, n, reduce)] {
                    for scalar in ScalarType::ALL {
                        let src = plan.src.element_count() * scalar.bytes();
                        let reserved = plan.workspace_bytes(scalar);
                        let what = format!("{b} x {e} x {k}, {n} segments, {reduce}, {}", scalar.name());
                        assert!(taken(&plan, scalar) <= reserved, "{what}");
                        assert!(reserved - shared(&plan) <= src / 4 + SPARE_BYTES + 64, "{what}: {reserved} of {src}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_input_takes_more_than_is_reserved_for_a_larger_one() {
        for [b, e, k, n] in sizes() {
            for reduce in [Reduce::Sum, Reduce::Max] {
                for scalar in [ScalarType::F32, ScalarType::F16, ScalarType::I64] {
                    let taken = [csr(b, e, k, n, reduce), coo(b, e, k, n, reduce)].map(|plan| taken(&plan, scalar));
                    for [b, e, k, n] in [[b, e, k, n], [2 * b, e, k, n], [b, e + 1, k, n], [b, 3 * e, k + 1, 2 * n]] {
                        let larger = [csr(b, e, k, n, reduce), coo(b, e, k, n, reduce)];
                        let reserved = larger.map(|plan| plan.workspace_bytes(scalar));
                        assert!(taken[0] <= reserved[0] && taken[1] <= reserved[1], "{b} x {e} x {k}, {n}: {reduce}");
                    }
                }
            }
        }
    }

    #[test]
    fn there_are_no_chunks_where_no_segment_can_go_on_in_another() {
        for [b, e, k, n] in sizes() {
            let plan = csr(b, e, k, n, Reduce::Max);
            let partition = Partition::new(&plan, ScalarType::F32, plan.src.element_count() * 4);
            let Some(chunk) = partition.chunk else { continue };
            assert_eq!(partition.chunks_per_b(&plan) == 0, chunk >= e, "{b} x {e} x {k}");
            // A part of a segment has fewer than 2^32 elements.
            assert!(chunk <= 2048, "{b} x {e} x {k}: {chunk}");
        }
        // One chunk holds each row of this src, so there are no records.
        let plan = csr(1_000_000, 4, 64, 2, Reduce::Max);
        assert!(plan.workspace_bytes(ScalarType::F32) < 10_000_000);
        assert_eq!(Partition::new(&plan, ScalarType::F32, 1 << 30).chunks_per_b(&plan), 0);
    }

    #[test]
    fn a_workspace_that_cannot_be_counted_is_more_than_any() {
        let src = Shape::new(&[1 << 30, 1, 1 << 2]).unwrap();
        let index = Shape::new(&[1 << 30, 1]).unwrap();
        let options = SegmentCooOptions::new(Reduce::Max).dim_size(1 << 30);
        let plan = SegmentPlan::coo(&src, &index, None, &options).unwrap();
        assert!(plan.workspace_bytes(ScalarType::F64) >= 1 << 62);
    }
}
