//! The kernels, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::{Indices, scatter_cases},
    emulator,
    naive::{self, ScatterCase},
};
use tensorrt_scatter::{Error, Reduce};

#[track_caller]
fn check<T: Element>(case: &ScatterCase<T>, seed: u64, max_blocks: u32) {
    let (out, arg) = naive::scatter(case);
    let (given_out, given_arg) = emulator::scatter(case, seed, max_blocks).unwrap();
    assert_same("out", &given_out, &out);
    assert_eq!(given_arg, arg);
}

proptest! {
    #[test]
    fn the_first_bad_index_is_found(index in prop::collection::vec(-2..8i32, 0..2000), seed: u64) {
        let expected = index.iter().position(|index| !(0..6).contains(index)).map_or(u64::MAX, |at| at as u64);
        prop_assert_eq!(emulator::look_over("index_first_bad", &index, 6, seed).unwrap(), expected);
    }

    #[test]
    fn the_largest_index_is_found(index in prop::collection::vec(-5..i32::MAX, 0..2000), seed: u64) {
        let expected = index.iter().copied().max().unwrap_or(-1).max(-1);
        prop_assert_eq!(emulator::look_over("index_largest", &index, 0, seed).unwrap() as i64, expected as i64);
    }
}

fn kernels_agree_with_the_naive_twin<T: Element>() {
    proptest!(ProptestConfig::with_cases(64), |(case in scatter_cases::<T>(5, Indices::SomeBad), seed: u64)| {
        check(&case, seed, u32::MAX);
    });
}

fn colliding_elements_lose_nothing<T: Element>() {
    for reduce in Reduce::ALL {
        // Into few groups, which blocks keep to themselves, and into many, of which few are used.
        for (columns, groups) in [(1, 3), (2, 3), (4, 3), (1, 200), (2, 200), (4, 200), (8, 200)] {
            check(&colliding::<T>(reduce, columns, groups), 1, 2);
        }
    }
}

for_each_type! {
    naive_twin: kernels_agree_with_the_naive_twin;
    collisions: colliding_elements_lose_nothing;
}

/// All elements in three groups, more of them than the grid has threads: every join collides.
fn colliding<T: Element>(reduce: Reduce, k: usize, dim_size: usize) -> ScatterCase<T> {
    let e = 700;
    let value = |i: usize| match reduce {
        Reduce::Mul => [1.0, -1.0][i % 3 % 2],
        _ => ((i * 37 + 11) % 5) as f64,
    };
    ScatterCase {
        src_dims: vec![e, k],
        src: (0..e * k).map(|i| T::of(value(i))).collect(),
        index_dims: vec![e, 1],
        index: (0..e).map(|i| (i % 7 % 3) as i64).collect(),
        base: None,
        dim: 0,
        dim_size,
        reduce,
    }
}

#[test]
fn special_values_follow_the_rules() {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, 1e-45];
    let n = values.len().pow(2);
    for reduce in [Reduce::Min, Reduce::Max] {
        for base in [None, Some(f32::NAN), Some(0.0), Some(-0.0), Some(f32::NEG_INFINITY)] {
            let case = ScatterCase {
                src_dims: vec![2 * n],
                src: (0..n).flat_map(|i| [values[i / 8], values[i % 8]]).collect(),
                index_dims: vec![2 * n],
                index: (0..2 * n).map(|i| (i / 2) as i64).collect(),
                base: base.map(|base| vec![base; n]),
                dim: 0,
                dim_size: n,
                reduce,
            };
            check(&case, 5, u32::MAX);
        }
    }
}

#[test]
fn rank_eight_with_every_other_axis_broadcast_works() {
    let case = ScatterCase {
        src_dims: vec![2; 8],
        src: (0..256).map(|i| (i * 73 % 256) as f32).collect(),
        index_dims: vec![2, 1, 2, 1, 2, 1, 2, 1],
        index: (0..16).map(|i| i * 7 % 3).collect(),
        base: None,
        dim: 4,
        dim_size: 3,
        reduce: Reduce::Max,
    };
    check(&case, 1, u32::MAX);
}

#[test]
fn a_workspace_that_is_too_small_is_refused() {
    use tensorrt_scatter::{IndexType, ScalarType, ScatterOptions, ScatterPlan, Shape, gpu};
    let shape = Shape::new(&[4]).unwrap();
    let plan = ScatterPlan::new(&shape, &shape, None, &ScatterOptions::new(Reduce::Max).dim_size(2)).unwrap();
    let pointers = gpu::ScatterPointers {
        scalar: ScalarType::F32,
        index_type: IndexType::I32,
        arg_type: IndexType::I32,
        src: 0,
        index: 0,
        base: None,
        out: 0,
        arg_out: None,
        workspace: 0,
        workspace_bytes: 15,
    };
    // SAFETY: the call is refused before any address is used.
    let result = unsafe { gpu::enqueue_scatter(&mut emulator::Emulator::new(0, 1), &plan, &pointers) };
    assert_eq!(result, Err(Error::WorkspaceTooSmall { given: 15, needed: 16 }));
}
