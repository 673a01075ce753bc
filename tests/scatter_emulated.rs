//! The kernels, run on an emulated grid through the GPU backend's own steps, against the naive twin.

mod support;

use kernel_params::{Divisor, IndexLayout, ScatterParams};
use proptest::{prelude::*, sample::select};
use support::{
    Element, assert_same,
    cases::{Indices, scatter_cases},
    composite::FloatElement,
    emulator::{self, Emulator, GRIDS, Integers, Setup, kernels_not_run, kernels_not_run_in_all_grids},
    naive::{self, ScatterCase},
};
use tensorrt_scatter::{
    Error, IndexType, Reduce, ReduceOperator, ScatterOptions,
    gpu::raw::{IndexQuestion, Queue},
};

#[track_caller]
fn check<T: Element>(case: &ScatterCase<T>, seed: u64, max_blocks: u32) {
    check_in(&Setup::ALL, case, seed, max_blocks);
}

#[track_caller]
fn check_in<T: Element>(setups: &[Setup], case: &ScatterCase<T>, seed: u64, max_blocks: u32) {
    let (out, arg) = naive::scatter(case);
    for setup in setups.iter().flat_map(|setup| [false, true].map(|grouping| setup.with_grouping(grouping))) {
        for deterministic in [false, true] {
            let options = ScatterOptions::new(case.reduce).deterministic(deterministic);
            let (given_out, given_arg) = emulator::scatter_in(setup, case, &options, seed, max_blocks).unwrap();
            let what = format!("{:?} of {:?}, deterministic: {deterministic}, {setup:?}", case.reduce, T::TYPE);
            assert_same(&what, &given_out, &out);
            assert_eq!(given_arg, arg, "{what}");
        }
    }
}

/// An index type.
fn index_types() -> impl Strategy<Value = IndexType> {
    select(vec![IndexType::I32, IndexType::I64])
}

proptest! {
    #[test]
    fn the_first_bad_index_is_found(
        index in prop::collection::vec(-2..8i64, 0..2000),
        index_type in index_types(),
        seed: u64,
    ) {
        let expected = index.iter().position(|index| !(0..6).contains(index)).map_or(u64::MAX, |at| at as u64);
        prop_assert_eq!(emulator::ask_index(IndexQuestion::FirstBad, &index, index_type, 6, seed).unwrap(), expected);
    }

    #[test]
    fn the_largest_index_is_found(
        index in prop::collection::vec(-5..i64::from(i32::MAX), 0..2000),
        index_type in index_types(),
        seed: u64,
    ) {
        let expected = index.iter().copied().max().unwrap_or(-1).max(-1);
        let given = emulator::ask_index(IndexQuestion::Largest, &index, index_type, 0, seed).unwrap();
        prop_assert_eq!(given as i64, expected);
    }
}

fn kernels_agree_with_the_naive_twin<T: Element>() {
    let cases = (scatter_cases::<T>(5, Indices::SomeBad), select(&Setup::ALL[..]), any::<u64>());
    proptest!(ProptestConfig::with_cases(64), |((case, setup, seed) in cases)| {
        check_in(&[setup], &case, seed, u32::MAX);
    });
}

for_each_type! {
    naive_twin: kernels_agree_with_the_naive_twin;
}

fn colliding_elements_lose_nothing<T: Element>() {
    colliding_elements_lose_nothing_in::<T>(1, 2);
}

fn colliding_elements_lose_nothing_in<T: Element>(seed: u64, max_blocks: u32) {
    for reduce in ReduceOperator::Scatter.reductions() {
        // Few groups, whose sums blocks keep in shared memory, and many groups, of which few are used. Rows of three
        // columns do not fill a warp.
        for (columns, groups) in [(1, 3), (2, 3), (4, 3), (1, 200), (2, 200), (3, 200), (4, 200), (8, 200), (12, 200)] {
            check(&colliding::<T>(reduce, columns, groups), seed, max_blocks);
        }
        // Rows of more lanes than a warp has, by the kernels for sums that have lanes for columns.
        if matches!(reduce, Reduce::Sum | Reduce::Mean) {
            for columns in [33, 132] {
                let case = colliding::<T>(reduce, columns, 200);
                for setup in Setup::ALL {
                    let options = ScatterOptions::new(reduce);
                    let given = emulator::scatter_in(setup, &case, &options, seed, max_blocks).unwrap();
                    assert_same("wide rows", &given.0, &naive::scatter(&case).0);
                }
            }
        }
        // An index of its own for each element, and a base. The second has work for more than one block.
        for groups in [3, 200] {
            let mut case = colliding::<T>(reduce, 2, groups);
            case.index = case.index.iter().flat_map(|&index| [index, groups as i64 - 1 - index]).collect();
            case.index_dims = vec![COLLIDING, 2];
            case.base = Some(vec![T::of(1.0); case.out_len()]);
            check(&case, seed, max_blocks);
        }
    }
}

/// Runs the two kernels that find first the key and then the position of the best value. For narrow types, the host
/// launches them only if the axis has 2^32 elements or more.
fn the_best_is_found_in_two_steps<T: Element>() {
    the_best_is_found_in_two_steps_in::<T>(1, 2);
}

fn the_best_is_found_in_two_steps_in<T: Element>(seed: u64, max_blocks: u32) {
    for (reduce, setup) in [Reduce::Min, Reduce::Max].into_iter().flat_map(|r| Setup::ALL.map(|setup| (r, setup))) {
        let case = colliding::<T>(reduce, 2, 4);
        let (expected, expected_arg) = naive::scatter(&case);
        let index = Integers::new(&case.index, setup.index_type);
        let mut out = vec![T::of(77.0); case.out_len()];
        let mut arg = Integers::new(&vec![-77; case.out_len()], setup.arg_type);
        let (mut best, mut positions) = (vec![0u64; case.out_len()], vec![u64::MAX; case.out_len()]);
        let mut emulator = Emulator::new(seed, max_blocks);
        let params = ScatterParams {
            src: emulator.readable(&case.src),
            index: index.readable(&mut emulator),
            out: emulator.writable(&mut out),
            arg_out: arg.unwritten(&mut emulator),
            best: emulator.writable(&mut best),
            positions: emulator.writable(&mut positions),
            b: 1,
            e: COLLIDING as u64,
            k: 2,
            n: 4,
            by_e: Divisor::new(COLLIDING as u64),
            by_k: Divisor::new(2),
            by_n: Divisor::new(4),
            layout: IndexLayout { stride_e: 1, ..IndexLayout::default() },
            ..ScatterParams::default()
        };
        let (reduce, scalar) = (reduce.name(), T::TYPE.name());
        let (index, arg_type) = (setup.index_type.name(), setup.arg_type.name());
        let kernels = [
            format!("scatter_best_key_{reduce}_{scalar}_{index}"),
            format!("scatter_best_position_{reduce}_{scalar}_{index}"),
            format!("scatter_select_{reduce}_{scalar}_{arg_type}"),
        ];
        for kernel in kernels {
            // SAFETY: the kernels take these parameters, and their memory is registered.
            unsafe { emulator.launch(emulator::kernel_named(&kernel), 2, &params).unwrap() };
        }
        assert_same("out", &out, &expected);
        assert_eq!(arg.to_i64(), expected_arg);
    }
}

#[test]
fn every_kernel_joins_colliding_elements() {
    call_for_each_type!(colliding_elements_lose_nothing());
    call_for_each_type!(the_best_is_found_in_two_steps());
    assert_eq!(kernels_not_run("scatter_"), [""; 0]);
}

/// All types of values have the same loops over work items, so one type is enough.
#[test]
fn every_kernel_of_a_type_takes_smaller_and_larger_grids() {
    for (seed, max_blocks) in GRIDS {
        colliding_elements_lose_nothing_in::<f32>(seed, max_blocks);
        the_best_is_found_in_two_steps_in::<f32>(seed, max_blocks);
    }
    let is_asked_for =
        |name: &str| name.starts_with("scatter_") && (name.contains("_f32") || name.starts_with("scatter_count"));
    assert_eq!(kernels_not_run_in_all_grids(is_asked_for), [""; 0]);
}

/// More elements than the grid has threads.
const COLLIDING: usize = 700;

/// All elements in three groups: every join collides.
fn colliding<T: Element>(reduce: Reduce, k: usize, dim_size: usize) -> ScatterCase<T> {
    let e = COLLIDING;
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
fn special_values_add_up_as_in_ieee_754_deterministic_or_not() {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, 1e-45, -1e-45, 1e-38];
    let n = values.len().pow(2);
    for reduce in [Reduce::Sum, Reduce::Mean] {
        for base in [None, Some(f32::NAN), Some(0.0), Some(-0.0), Some(f32::NEG_INFINITY), Some(f32::MIN)] {
            // Every ordered pair is a group, and one more group is empty. The sum of two is the same in either order.
            let case = ScatterCase {
                src_dims: vec![2 * n],
                src: (0..n).flat_map(|i| [values[i / values.len()], values[i % values.len()]]).collect(),
                index_dims: vec![2 * n],
                index: (0..2 * n).map(|i| (i / 2) as i64).collect(),
                base: base.map(|base| vec![base; n + 1]),
                dim: 0,
                dim_size: n + 1,
                reduce,
            };
            // With another base than 0 and NaN, overflow and rounding depend on the order: elements may join each other
            // before they join the base. Each seed is another device.
            if base.is_none_or(|base| base == 0.0 || base.is_nan()) {
                check(&case, 5, u32::MAX);
                check(&case, 6, u32::MAX);
            }
            // An index for each element, so that the sums are those of integers.
            let twice = |values: &[f32]| values.iter().flat_map(|&value| [value; 2]).collect::<Vec<_>>();
            let of_elements = ScatterCase {
                src_dims: vec![2 * n, 2],
                src: twice(&case.src),
                index_dims: vec![2 * n, 2],
                index: case.index.iter().flat_map(|&index| [index; 2]).collect(),
                base: case.base.as_deref().map(twice),
                ..case.clone()
            };
            let options = ScatterOptions::new(reduce).deterministic(true);
            let (out, _) = emulator::scatter_with(&of_elements, &options, 5, u32::MAX).unwrap();
            // In float64, where no sum of these overflows and none of them is rounded to another float32.
            let expected: Vec<f32> = (case.src.chunks(2).map(|pair| f64::from(pair[0]) + f64::from(pair[1])))
                .map(|sum| (f64::from(base.unwrap_or(0.0)) + sum) as f32)
                .map(|sum| if reduce == Reduce::Mean { sum / 2.0 } else { sum })
                .chain([base.unwrap_or(0.0)])
                .collect();
            assert_same("deterministic out", &out, &twice(&expected));
        }
    }
}

/// Values of either sign and of magnitudes from 2^-12 to 2^11, which round at nearly every addition.
fn inexact<T: Element>(reduce: Reduce, index_dims: Vec<usize>) -> ScatterCase<T> {
    let (e, k, n) = (900, 3, 5);
    let value = |i: u64| {
        let word = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995;
        let fraction = 1.0 + (word >> 20 & 0xffff_ffff) as f64 / 2f64.powi(32);
        let sign = if word >> 63 == 0 { 1.0 } else { -1.0 };
        T::of(sign * fraction * 2f64.powi((word >> 55 & 0xff) as i32 % 24 - 12))
    };
    let len = index_dims.iter().product();
    ScatterCase {
        src_dims: vec![e, k],
        src: (0..(e * k) as u64).map(value).collect(),
        index_dims,
        // The last group is empty.
        index: (0..len).map(|i| (i * i % 23 % (n - 1)) as i64).collect(),
        base: (reduce == Reduce::Mean).then(|| (0..(n * k) as u64).map(|i| value(i + 77_777)).collect()),
        dim: 0,
        dim_size: n,
        reduce,
    }
}

fn deterministic_sums_have_the_same_bits_every_time_and_are_near<T: FloatElement>() {
    for (reduce, index_dims) in [
        (Reduce::Sum, vec![900]),
        (Reduce::Sum, vec![900, 3]),
        (Reduce::Mean, vec![900, 3]),
        (Reduce::Mean, vec![900, 1]),
    ] {
        let case = inexact::<T>(reduce, index_dims);
        // With an index for each row, the index is grouped. Otherwise the sums are those of integers.
        let is_of_integers = case.index.len() != 900;
        let options = ScatterOptions::new(reduce).deterministic(true);
        let (first, _) = emulator::scatter_with(&case, &options, 0, u32::MAX).unwrap();
        for (seed, max_blocks) in [(1, u32::MAX), (2, 1), (3, 3), (4, 7)] {
            let (again, _) = emulator::scatter_with(&case, &options, seed, max_blocks).unwrap();
            assert_same("out", &again, &first);
        }
        if is_of_integers {
            // The elements in reverse order, with their indices: another order on any device.
            let mut reversed = case.clone();
            reversed.src = case.src.chunks(3).rev().flatten().copied().collect();
            reversed.index = case.index.chunks(case.index.len() / 900).rev().flatten().copied().collect();
            assert_same("out", &emulator::scatter_with(&reversed, &options, 5, 2).unwrap().0, &first);
        }

        // In float64 a sum of 900 numbers of these loses less than a float64's step of the sum of their magnitudes
        // for each.
        let exact = |values: &[T]| values.iter().map(|value| value.exact()).collect::<Vec<_>>();
        let base = case.base.as_deref().map_or(vec![0.0; first.len()], exact);
        let mut sums = base.clone();
        let mut magnitudes: Vec<f64> = base.iter().map(|base| base.abs()).collect();
        let mut counts = vec![0.0; first.len()];
        for (position, value) in exact(&case.src).into_iter().enumerate() {
            let index = case.index[if case.index.len() == 900 { position / 3 } else { position }] as usize;
            let at = index * 3 + position % 3;
            sums[at] += value;
            magnitudes[at] += value.abs();
            counts[at] += 1.0;
        }
        for (at, value) in exact(&first).into_iter().enumerate() {
            let divisor = if reduce == Reduce::Mean { f64::max(counts[at], 1.0) } else { 1.0 };
            let (expected, tolerance) = (sums[at] / divisor, magnitudes[at] / divisor * T::STEP.max(1e-14));
            assert!((value - expected).abs() <= tolerance, "[{at}]: {value} is not within {tolerance} of {expected}");
        }
        if T::STEP < f64::from(f32::EPSILON) {
            continue;
        }
        // A sum alone, kept in float32, is the nearest there is: what float64 lost is far below half a step.
        if reduce == Reduce::Sum && is_of_integers {
            let nearest: Vec<T> = sums.iter().map(|&sum| T::of(f64::from(sum as f32))).collect();
            assert_same("nearest", &first, &nearest);
        }
    }
}

for_each_float! {
    deterministic: deterministic_sums_have_the_same_bits_every_time_and_are_near;
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

/// Sums and means by the kernel for rows, with more rows for a warp than the host chooses for small inputs. The warp
/// keeps the sums and the count of the group that most of its rows go to.
#[test]
fn a_group_that_most_rows_of_a_warp_go_to_loses_nothing() {
    const GROUPS: usize = 5;
    // More than two batches for each of the warps but the last, whichever columns a lane has.
    const ROWS: usize = 700;
    const ROWS_OF_WARP: u64 = 256;
    for (kernel, columns) in [
        ("singles", 1),
        ("singles", 2),
        ("singles", 3),
        ("singles", 21),
        ("singles", 32),
        ("quads", 4),
        ("quads", 8),
        ("quads", 20),
        ("quads", 128),
    ] {
        for pattern in [&[2][..], &[2, 2, 2, 0], &[0, 1, 2, 3, 4], &[2, -1, 2, 5, 2, i32::MIN]] {
            let index: Vec<i32> = pattern.iter().copied().cycle().take(ROWS).collect();
            let src: Vec<f32> = (0..ROWS * columns).map(|at| (at % 19) as f32).collect();
            let mut expected = vec![0.0; GROUPS * columns];
            for (row, &group) in index.iter().enumerate().filter(|(_, group)| (0..GROUPS as i32).contains(group)) {
                (0..columns).for_each(|k| expected[group as usize * columns + k] += src[row * columns + k]);
            }
            let in_range = |group: i32| index.iter().filter(|&&of_row| of_row == group).count() as u64;
            let expected_counts: Vec<u64> = (0..GROUPS as i32).map(in_range).collect();
            for reduce in ["sum", "mean"] {
                let mut out = vec![0.0f32; GROUPS * columns];
                let mut counts = vec![0u64; GROUPS];
                let mut emulator = Emulator::new(1, u32::MAX);
                let params = ScatterParams {
                    src: emulator.readable(&src),
                    index: emulator.readable(&index),
                    accumulators: emulator.writable(&mut out),
                    counts: if reduce == "mean" { emulator.writable(&mut counts) } else { 0 },
                    b: 1,
                    e: ROWS as u64,
                    k: columns as u64,
                    n: GROUPS as u64,
                    by_e: Divisor::new(ROWS as u64),
                    by_k: Divisor::new(columns as u64),
                    by_n: Divisor::new(GROUPS as u64),
                    layout: IndexLayout { stride_e: 1, ..IndexLayout::default() },
                    rows_of_warp: ROWS_OF_WARP,
                    ..ScatterParams::default()
                };
                let entry = emulator::kernel_named(&format!("scatter_{reduce}_rows_{kernel}_f32_i32"));
                // SAFETY: the kernel takes these parameters, and its memory is registered.
                unsafe { emulator.launch_for_each(entry, ROWS.div_ceil(ROWS_OF_WARP as usize), &params).unwrap() };
                assert_eq!(out, expected, "{reduce}, {kernel}, {columns} columns, {pattern:?}");
                if reduce == "mean" {
                    assert_eq!(counts, expected_counts, "{kernel}, {columns} columns, {pattern:?}");
                }
            }
        }
    }
}

#[test]
fn a_workspace_that_is_too_small_is_refused() {
    use tensorrt_scatter::{ScalarType, ScatterPlan, Shape, gpu};
    let shape = Shape::new(&[4]).unwrap();
    let plan = ScatterPlan::new(&shape, &shape, None, &ScatterOptions::new(Reduce::Max).dim_size(2)).unwrap();
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
        workspace_bytes: 15,
    };
    // SAFETY: the call is refused before any address is used.
    let result = unsafe { gpu::raw::enqueue_scatter(&mut Emulator::new(0, 1), &plan, &pointers) };
    assert_eq!(result, Err(Error::WorkspaceTooSmall { given: 15, needed: 16 }));
}
