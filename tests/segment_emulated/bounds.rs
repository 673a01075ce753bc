//! Accesses stay within bounds, and results do not depend on what must not matter.

use proptest::prelude::*;
use tensorrt_scatter::{Error, Reduce};

use crate::support::{
    assert_same,
    emulator::{self, Emulator},
    segments::{self, Lengths, SegmentCase, column},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_index_and_any_indptr_stay_within_bounds(
        length in 0..120usize,
        k in 1..4usize,
        index in prop::collection::vec(-3..70i64, 1..300),
        is_csr: bool,
        choice: prop::sample::Index,
        seed: u64,
    ) {
        let length = if is_csr { length } else { index.len() };
        let case = SegmentCase {
            src_dims: vec![length, k],
            src: vec![1.0f32; length * k],
            index_dims: vec![index.len()],
            segments: if is_csr { index.len() - 1 } else { 60 },
            index,
            base: None,
            reduce: *choice.get(&segments::reductions(is_csr)),
            is_csr,
        };
        for bytes in emulator::SIZES {
            emulator::segment_of_size(&case, bytes, seed, u32::MAX, 0).unwrap();
        }
    }

    #[test]
    fn the_first_offender_is_found(
        index in prop::collection::vec(-1..12i64, 1..600),
        rows in 1..4usize,
        is_csr: bool,
        is_sorted: bool,
        seed: u64,
    ) {
        let mut index = index;
        let row = index.len() / rows;
        prop_assume!(row > 0);
        index.truncate(row * rows);
        if is_sorted {
            index.chunks_mut(row).for_each(|row| row.sort_unstable());
        }
        let (length, segments) = if is_csr { (9, row - 1) } else { (row, 10) };
        let case = SegmentCase {
            src_dims: vec![rows, length],
            src: vec![0.0f32; rows * length],
            index_dims: vec![rows, row],
            index,
            base: None,
            segments,
            reduce: Reduce::Sum,
            is_csr,
        };
        let is_bad = |at: &usize| {
            let index = case.index[*at];
            !(0..10).contains(&index) || !at.is_multiple_of(row) && index < case.index[at - 1]
        };
        let expected = (0..case.index.len()).find(is_bad).map_or(u64::MAX, |at| at as u64);
        prop_assert_eq!(emulator::segment_check(&case, seed).unwrap(), expected);
    }
}

#[test]
fn sums_do_not_depend_on_alignment_the_grid_or_the_device() {
    for (k, n) in [(1, 9), (8, 9), (64, 9), (1, 90), (3, 90)] {
        for is_csr in [false, true] {
            let mut case = segments::large::<f32>((1, 700, k, n), Lengths::Skewed, Reduce::Sum, is_csr);
            for (i, value) in case.src.iter_mut().enumerate() {
                *value = 1.0 / (i as f32 + 1.0);
            }
            for bytes in emulator::SIZES {
                let (expected, _) = emulator::segment_of_size(&case, bytes, 0, u32::MAX, 0).unwrap();
                for (seed, max_blocks, offset) in [(1, 1, 0), (2, u32::MAX, 1), (3, 3, 1)] {
                    let (out, _) = emulator::segment_of_size(&case, bytes, seed, max_blocks, offset).unwrap();
                    assert_same("out", &out, &expected);
                }
            }
        }
    }
}

#[test]
fn a_workspace_that_is_too_small_is_refused() {
    use tensorrt_scatter::{IndexType, ScalarType, gpu};
    let case = column(Reduce::Max, &[1.0; 4], &[0, 4], None, 1, true);
    let plan = emulator::segment_plan(&case).unwrap();
    // No segment of four elements goes on in another chunk: there is only the first segment's note of where its row
    // begins.
    let needed = 8;
    let pointers = gpu::raw::ReductionPointers {
        scalar: ScalarType::F32,
        index_type: IndexType::I32,
        arg_type: IndexType::I32,
        src: 0,
        index: 0,
        base: None,
        out: 0,
        arg_out: None,
        workspace: 0,
        workspace_bytes: needed - 1,
    };
    // SAFETY: the call is refused before any address is used.
    let result = unsafe { gpu::raw::enqueue_segment(&mut Emulator::new(0, 1), &plan, &pointers) };
    assert_eq!(result, Err(Error::WorkspaceTooSmall { given: needed - 1, needed }));
}
