//! The CPU backend's reductions of rows that are read through an index, over sorted destinations: against the naive
//! twin and against gather_scatter, and the rules on the order.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    gather_scatters::{self, GatherScatterCase, gather_scatter_cases},
    gather_segments::{GatherSegmentCase, Weights},
};
use tensorrt_scatter::{
    BadIndex, Error, ErrorKind, GatherScatterOptions, GatherSegmentCooOptions, Reduce, ReduceOperator, Reduced, Tensor,
    TensorView, TensorViewMut, cpu,
};

fn run<T: Element>(
    case: &GatherScatterCase<T>,
    options: &GatherSegmentCooOptions,
) -> Result<Reduced<Tensor<T>, Tensor<i64>>, Error> {
    cpu::gather_segment_coo(
        TensorView::new(&case.rows.src_dims, &case.rows.src).unwrap(),
        TensorView::new(&case.rows.index_dims, &case.rows.index).unwrap(),
        TensorView::new(&case.destination_dims, &case.destination).unwrap(),
        case.rows.weights.as_ref().map(Weights::view),
        options,
    )
}

/// Runs the call that writes to the caller's buffers, by an int32 index. The buffer gives the number of segments.
fn run_into<T: Element>(
    case: &GatherScatterCase<T>,
    bad_index: BadIndex,
    out: &mut [T],
    arg_out: Option<&mut [i32]>,
) -> Result<(), Error> {
    let narrow = |values: &[i64]| values.iter().map(|&value| value as i32).collect::<Vec<_>>();
    let (index, destination, out_dims) = (narrow(&case.rows.index), narrow(&case.destination), case.out_dims());
    cpu::gather_segment_coo_into(
        TensorView::new(&case.rows.src_dims, &case.rows.src).unwrap(),
        TensorView::new(&case.rows.index_dims, &index).unwrap(),
        TensorView::new(&case.destination_dims, &destination).unwrap(),
        case.rows.weights.as_ref().map(Weights::view),
        &GatherSegmentCooOptions::new(case.rows.reduce).bad_index(bad_index),
        TensorViewMut::new(&out_dims, out).unwrap(),
        arg_out.map(|arg_out| TensorViewMut::new(&out_dims, arg_out).unwrap()),
    )
}

#[track_caller]
fn expect<T: Element>(case: &GatherScatterCase<T>, bad_index: BadIndex, out: &[T], arg: &[i64]) {
    let options = GatherSegmentCooOptions::new(case.rows.reduce).dim_size(case.dim_size).bad_index(bad_index);
    let result = run(case, &options).unwrap();
    assert_eq!(result.out.shape().dims(), case.out_dims());
    assert_same("out", result.out.data(), out);
    assert_eq!(result.arg_out.map(Tensor::into_data).unwrap_or_default(), arg);

    let mut given = vec![T::of(77.0); out.len()];
    let mut given_arg = vec![77; arg.len()];
    run_into(case, bad_index, &mut given, case.rows.reduce.has_arg().then_some(&mut given_arg)).unwrap();
    assert_same("the caller's out", &given, out);
    assert!(given_arg.iter().map(|&e| i64::from(e)).eq(arg.iter().copied()));
}

fn agrees_with_the_naive_twin<T: Element>() {
    let cases = (gather_scatter_cases::<T>(4, 12, Indices::SomeBad), any::<bool>());
    proptest!(|((case, is_padded) in cases)| {
        let case = case.sorted(is_padded);
        let (out, arg) = gather_scatters::reduce(&case);
        expect(&case, BadIndex::Skip, &out, &arg);
    });
    proptest!(|(case in gather_scatter_cases::<T>(4, 12, Indices::Good))| {
        let case = case.sorted(false);
        let (out, arg) = gather_scatters::reduce(&case);
        expect(&case, BadIndex::Error, &out, &arg);
    });
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
}

/// Rows [1, 2], [4, 8], [16, 32], by an index and destinations.
fn case(index: &[i64], destination: &[i64], reduce: Reduce) -> GatherScatterCase<f32> {
    let src = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    let rows = GatherSegmentCase::new(2, &src, index, &[], None, reduce);
    GatherScatterCase::new(rows, destination, 3)
}

/// Sums that depend on the order of addition, in several threads' parts.
#[test]
fn the_bits_are_gather_scatters() {
    let (rows, elements, columns, groups) = (500, 60_000, 3, 700);
    let src: Vec<f32> = (0..rows * columns).map(|i| 1.0 / (i as f32 + 1.0) - 0.001).collect();
    let index: Vec<i64> = (0..elements).map(|e| (e * 7919 % rows) as i64).collect();
    let destination: Vec<i64> = (0..elements).map(|e| (e * e / elements * groups / elements) as i64).collect();
    let weights: Vec<f32> = (0..elements).map(|i| (i * 11 % 7) as f32 / 3.0 - 1.0).collect();
    for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
        let of_rows = GatherSegmentCase::new(columns, &src, &index, &[], Some(&weights), reduce);
        let case = GatherScatterCase::new(of_rows, &destination, groups);
        let sorted = run(&case, &GatherSegmentCooOptions::new(reduce).dim_size(groups)).unwrap();
        let scattered = cpu::gather_scatter(
            TensorView::new(&case.rows.src_dims, &case.rows.src).unwrap(),
            TensorView::new(&case.rows.index_dims, &case.rows.index).unwrap(),
            TensorView::new(&case.destination_dims, &case.destination).unwrap(),
            case.rows.weights.as_ref().map(Weights::view),
            &GatherScatterOptions::new(reduce).dim_size(groups),
        )
        .unwrap();
        let bits = |out: &Tensor<f32>| out.data().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&sorted.out), bits(&scattered.out), "{reduce}");
        assert_eq!(sorted.arg_out, scattered.arg_out, "{reduce}");
    }
}

#[test]
fn a_destination_below_the_one_before_it_is_named() {
    let refused = |case: &GatherScatterCase<f32>| {
        run(case, &GatherSegmentCooOptions::new(Reduce::Sum).dim_size(case.dim_size)).unwrap_err()
    };
    let error = refused(&case(&[0, 1, 2, 0], &[0, 2, 1, 1], Reduce::Sum));
    assert_eq!(error.kind(), ErrorKind::BadIndex { position: 2, value: 1 });
    assert!(
        error.to_string().starts_with("destination[2] (row-major position in destination of shape [4]) is 1, less")
    );
    // A row ends where the next one begins.
    let mut rows = case(&[0, 1, 2, 0], &[0, 2, 1, 1], Reduce::Sum);
    rows.rows.src_dims = vec![2, 3];
    (rows.rows.index_dims, rows.destination_dims) = (vec![2, 2], vec![2, 2]);
    expect(&rows, BadIndex::Error, &[1.0, 0.0, 2.0, 0.0, 40.0, 0.0], &[]);
    for (destination, position, value) in [([0, 1, 1, 3], 3, 3), ([-1, 0, 0, 1], 0, -1), ([0, 1, 2, -1], 3, -1)] {
        let error = refused(&case(&[0, 1, 2, 0], &destination, Reduce::Sum));
        assert_eq!(error.kind(), ErrorKind::BadIndex { position, value });
        assert!(matches!(error, Error::IndexOutOfRange { input: "destination", .. }), "{error}");
    }
    // The index is checked first.
    assert!(matches!(refused(&case(&[0, 3], &[1, 0], Reduce::Sum)), Error::IndexOutOfRange { input: "index", .. }));
}

/// Nothing is promised of the results. Every position is within the axis all the same.
#[test]
fn unchecked_destinations_in_any_order_are_taken() {
    proptest!(|(case in gather_scatter_cases::<f32>(4, 12, Indices::SomeBad))| {
        let options = GatherSegmentCooOptions::new(case.rows.reduce).dim_size(case.dim_size).bad_index(BadIndex::Skip);
        let result = run(&case, &options).unwrap();
        let positions = result.arg_out.map(Tensor::into_data).unwrap_or_default();
        prop_assert!(positions.iter().all(|&position| (0..=case.rows.length() as i64).contains(&position)));
    });
}

#[test]
fn without_a_dim_size_the_largest_destination_decides() {
    let case = case(&[0, 1, 2], &[0, 4, 4], Reduce::Sum);
    let sum = run(&case, &GatherSegmentCooOptions::new(Reduce::Sum)).unwrap().out;
    assert_eq!(sum.shape().dims(), [5, 2]);
    assert_eq!(sum.data(), [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 40.0]);
}

#[test]
fn without_elements_segments_are_empty() {
    for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
        let mut case = case(&[0], &[0], reduce);
        (case.rows.index_dims, case.destination_dims) = (vec![0], vec![0]);
        case.rows.index.clear();
        case.destination.clear();
        expect(&case, BadIndex::Error, &[0.0; 6], if reduce.has_arg() { &[0; 6] } else { &[] });
    }
}

#[test]
fn mul_is_refused_by_name() {
    let refused = run(&case(&[0], &[0], Reduce::Mul), &GatherSegmentCooOptions::new(Reduce::Mul).dim_size(1));
    let operator = ReduceOperator::GatherSegmentCoo;
    assert_eq!(refused.unwrap_err(), Error::UnsupportedReduce { operator, reduce: Reduce::Mul });
}
