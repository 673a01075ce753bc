//! The kernels over segments, run on an emulated grid through the GPU backend's own steps, against the naive twin.

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod index;
mod long_segments;
mod values;

use kernel_params::{Divisor, INDEX_TILE, SegmentParams};
use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    emulator::{self, Emulator, GRIDS, Integers, Setup, kernels_not_run, kernels_not_run_in_all_grids},
    segments::{self, Lengths, SegmentCase, segment_cases},
};
use tensorrt_scatter::gpu::raw::Queue;

#[track_caller]
fn check<T: Element>(case: &SegmentCase<T>, seed: u64, max_blocks: u32, offset: usize) {
    let (out, arg) = segments::reduce(case);
    let (given_out, given_arg) = emulator::segment(case, seed, max_blocks, offset).unwrap();
    assert_same("out", &given_out, &out);
    assert_eq!(given_arg, arg);
}

fn kernels_agree_with_the_naive_twin<T: Element>() {
    let cases = segment_cases::<T>(5, 40, Indices::SomeBad);
    proptest!(ProptestConfig::with_cases(48), |(case in cases, seed: u64, offset in 0..2usize)| {
        check(&case, seed, u32::MAX, offset);
    });
}

fn long_segments_are_put_together<T: Element>() {
    // Columns for one lane, for a group of lanes, for a warp and for two warps. With the first four sizes, a block
    // takes long segments. With the others, the axis is cut into chunks.
    let sizes = [(1, 1500, 1, 30), (2, 300, 4, 12), (1, 300, 16, 9), (1, 150, 33, 4)];
    let cut = [(1, 1500, 1, 5), (2, 600, 4, 2), (1, 900, 16, 3), (1, 520, 33, 2)];
    for (b, length, k, segments) in sizes.into_iter().chain(cut) {
        for (at, lengths) in Lengths::ALL.into_iter().enumerate() {
            for (is_csr, offset) in [(false, 0), (true, 1)] {
                let reductions = segments::reductions(is_csr);
                let reduce = reductions[(k + at + usize::from(is_csr)) % reductions.len()];
                check(&segments::large::<T>((b, length, k, segments), lengths, reduce, is_csr), 3, u32::MAX, offset);
            }
        }
    }
}

for_each_type! {
    naive_twin: kernels_agree_with_the_naive_twin;
    long: long_segments_are_put_together;
}

/// The host launches this kernel only for an axis of 2^31 elements or more. Here it is launched directly.
fn an_index_becomes_an_indptr_of_int64(setup: Setup) {
    let (e, n) = (3 * INDEX_TILE + 5, 70);
    let index: Vec<i64> = (0..e as i64).map(|e| if e % 50 == 7 { -1 } else { e / 6 }).collect();
    let expected: Vec<i64> =
        (0..=n).map(|m| index.iter().position(|&id| id >= m).unwrap_or(index.len()) as i64).collect();
    let index = Integers::new(&index, setup.index_type);
    let tiles = e / INDEX_TILE + 1;
    let (mut indptr, mut holes) = (vec![-77i64; expected.len()], vec![77u32; tiles as usize]);
    let mut emulator = Emulator::new(1, 1);
    let params = SegmentParams {
        index: index.readable(&mut emulator),
        indptr: emulator.writable(&mut indptr),
        holes: emulator.writable(&mut holes),
        e,
        n: n as u64,
        by_index_tiles: Divisor::new(tiles),
        index_rows: 1,
        index_row: e,
        index_stride: 1,
        ..SegmentParams::default()
    };
    let kernel = format!("segment_from_index_wide_{}", setup.index_type.name());
    // SAFETY: the kernel takes these parameters, and its memory is registered.
    unsafe { emulator.launch(emulator::kernel_named(&kernel), 1, &params).unwrap() };
    assert_eq!(indptr, expected);
    assert_eq!(holes, [1, 1, 1, 0]);
}

fn every_way_to_share_segments_agrees<T: Element>() {
    for is_csr in [false, true] {
        for reduce in segments::reductions(is_csr) {
            // Columns that fill packs; single columns of long segments; single columns of short segments.
            for (length, k, segments) in [(300, 16, 9), (300, 3, 3), (90, 3, 40)] {
                let case = segments::large::<T>((1, length, k, segments), Lengths::Even, reduce, is_csr);
                check(&case, 1, 2, 0);
            }
        }
    }
}

#[test]
fn every_kernel_puts_segments_together() {
    call_for_each_type!(every_way_to_share_segments_agrees());
    Setup::ALL.into_iter().for_each(an_index_becomes_an_indptr_of_int64);
    assert_eq!(kernels_not_run("segment_"), [""; 0]);
}

/// All types of values have the same loops over work items, so one type is enough.
#[test]
fn every_kernel_of_a_type_takes_smaller_and_larger_grids() {
    for is_csr in [false, true] {
        for reduce in segments::reductions(is_csr) {
            // Each kernel has work for more than one block.
            for (length, k, segments) in [(1400, 16, 20), (1400, 3, 20), (1400, 3, 100)] {
                let case = segments::large::<f32>((1, length, k, segments), Lengths::Even, reduce, is_csr);
                for (seed, max_blocks) in GRIDS {
                    check(&case, seed, max_blocks, 0);
                }
            }
        }
    }
    let is_asked_for = |name: &str| name.starts_with("segment_") && name.ends_with("_f32");
    assert_eq!(kernels_not_run_in_all_grids(is_asked_for), [""; 0]);
}
