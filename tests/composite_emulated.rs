//! The kernels of softmax, log_softmax, logsumexp and std, run on an emulated grid through the GPU backend's own steps,
//! against the naive twins.

mod support;

use proptest::{prelude::*, sample::select};
use support::{
    cases::Indices,
    composite::{Constants, FloatElement, assert_near, composite_cases, emulate, naive, options},
    emulator::{Emulator, GRIDS, kernels_not_run, kernels_not_run_in_all_grids},
    naive::ScatterCase,
};
use tensorrt_scatter::{Composite, CompositeOptions, CompositePlan, Error, IndexType, Reduce, ScalarType, Shape, gpu};

const INDEX_TYPES: [IndexType; 2] = [IndexType::I32, IndexType::I64];

#[track_caller]
fn check<T: FloatElement>(case: &ScatterCase<T>, index_type: IndexType, seed: u64, max_blocks: u32) {
    for composite in Composite::ALL {
        let given = emulate(composite, case, &options(case), index_type, seed, max_blocks).unwrap();
        assert_near(composite.name(), &given, &naive(composite, case, &Constants::default_for::<T>()));
    }
}

fn kernels_agree_with_the_naive_twin<T: FloatElement>() {
    let index_types = select(&INDEX_TYPES[..]);
    let cases = (composite_cases::<T>(5, Indices::SomeBad), index_types, any::<u64>());
    proptest!(ProptestConfig::with_cases(32), |((case, index_type, seed) in cases)| {
        check(&case, index_type, seed, u32::MAX);
    });
}

/// The elements are in three of `dim_size` groups.
fn colliding<T: FloatElement>(dim_size: usize) -> ScatterCase<T> {
    let (e, k) = (700, 2);
    ScatterCase {
        src_dims: vec![e, k],
        src: (0..e * k).map(|i| T::of(((i * 37 + 11) % 5) as f64)).collect(),
        index_dims: vec![e, 1],
        index: (0..e).map(|i| (i % 3) as i64).collect(),
        base: None,
        dim: 0,
        dim_size,
        reduce: Reduce::Sum,
    }
}

fn colliding_elements_lose_nothing<T: FloatElement>() {
    for index_type in INDEX_TYPES {
        check(&colliding::<T>(3), index_type, 1, 2);
    }
}

fn special_values_follow_the_formulas<T: FloatElement>() {
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, T::largest(), -T::largest()];
    let n = values.len().pow(2);
    let case = ScatterCase {
        src_dims: vec![2 * n],
        src: (0..n).flat_map(|i| [T::of(values[i / 8]), T::of(values[i % 8])]).collect(),
        index_dims: vec![2 * n],
        index: (0..2 * n).map(|i| (i / 2) as i64).collect(),
        base: None,
        dim: 0,
        // One more: an empty group.
        dim_size: n + 1,
        reduce: Reduce::Sum,
    };
    // The naive twin's float64 does not overflow where std's squares do: the CPU backend's tests have std.
    for composite in [Composite::Softmax, Composite::LogSoftmax, Composite::LogSumExp] {
        let given = emulate(composite, &case, &options(&case), IndexType::I32, 5, u32::MAX).unwrap();
        assert_near(composite.name(), &given, &naive(composite, &case, &Constants::default_for::<T>()));
    }
}

for_each_float! {
    naive_twin: kernels_agree_with_the_naive_twin;
    special_values: special_values_follow_the_formulas;
}

#[test]
fn every_kernel_joins_colliding_elements() {
    colliding_elements_lose_nothing::<f32>();
    colliding_elements_lose_nothing::<half::f16>();
    colliding_elements_lose_nothing::<half::bf16>();
    colliding_elements_lose_nothing::<f64>();
    let mut not_run = kernels_not_run("composite_");
    not_run.retain(|name| !name.starts_with("composite_csr_"));
    assert_eq!(not_run, [""; 0]);
}

/// All types of values have the same loops over work items, so one type is enough.
#[test]
fn every_kernel_of_a_type_takes_smaller_and_larger_grids() {
    for index_type in INDEX_TYPES {
        for (seed, max_blocks) in GRIDS {
            // With 300 groups, each kernel has work for more than one block.
            check(&colliding::<f32>(300), index_type, seed, max_blocks);
        }
    }
    let is_asked_for =
        |name: &str| name.starts_with("composite_") && !name.starts_with("composite_csr_") && name.contains("_f32");
    assert_eq!(kernels_not_run_in_all_grids(is_asked_for), [""; 0]);
}

#[test]
fn the_constants_reach_the_kernels() {
    let case = ScatterCase {
        src_dims: vec![4],
        src: vec![1.0f64, 4.0, 2.0, 2.5],
        index_dims: vec![4],
        index: vec![0, 0, 0, 1],
        base: None,
        dim: 0,
        dim_size: 2,
        reduce: Reduce::Sum,
    };
    let constants = Constants { eps: 0.25, unbiased: false, largest: f64::MAX };
    for composite in Composite::ALL {
        let options = options(&case).eps(0.25).unbiased(false);
        let given = emulate(composite, &case, &options, IndexType::I64, 1, 1).unwrap();
        assert_near(composite.name(), &given, &naive(composite, &case, &constants));
    }
}

/// The answer of an enqueue that is refused before any address is used.
fn refusal(scalar: ScalarType, workspace_bytes: usize) -> Result<(), Error> {
    let shape = Shape::new(&[4]).unwrap();
    let options = CompositeOptions::new().dim_size(2);
    let plan = CompositePlan::new(Composite::Softmax, &shape, &shape, &options).unwrap();
    let (src, index, out, workspace) = (0, 0, 0, 0);
    let index_type = IndexType::I32;
    let pointers = gpu::raw::CompositePointers { scalar, index_type, src, index, out, workspace, workspace_bytes };
    // SAFETY: the call is refused before any address is used.
    unsafe { gpu::raw::enqueue_composite(&mut Emulator::new(0, 1), &plan, &pointers) }
}

#[test]
fn integers_and_a_workspace_that_is_too_small_are_refused() {
    assert_eq!(refusal(ScalarType::I32, 1_000), Err(Error::NotAFloat { given: ScalarType::I32 }));
    assert_eq!(refusal(ScalarType::F32, 15), Err(Error::WorkspaceTooSmall { given: 15, needed: 16 }));
}
