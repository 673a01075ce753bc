//! The CPU backend's reductions of groups of rows that are read through an index, against the naive twin, and the rules
//! that it does not share with gather_segment_csr.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    cases::Indices,
    gather_scatters::{self, GatherScatterCase, gather_scatter_cases},
    gather_segments::{GatherSegmentCase, Weights},
};
use tensorrt_scatter::{
    BadIndex, Error, ErrorKind, GatherScatterOptions, Reduce, ReduceOperator, Reduced, Tensor, TensorView,
    TensorViewMut, cpu,
};

fn options<T>(case: &GatherScatterCase<T>, bad_index: BadIndex) -> GatherScatterOptions {
    GatherScatterOptions::new(case.rows.reduce).dim_size(case.dim_size).bad_index(bad_index)
}

fn run<T: Element>(
    case: &GatherScatterCase<T>,
    options: &GatherScatterOptions,
) -> Result<Reduced<Tensor<T>, Tensor<i64>>, Error> {
    cpu::gather_scatter(
        TensorView::new(&case.rows.src_dims, &case.rows.src).unwrap(),
        TensorView::new(&case.rows.index_dims, &case.rows.index).unwrap(),
        TensorView::new(&case.destination_dims, &case.destination).unwrap(),
        case.rows.weights.as_ref().map(Weights::view),
        options,
    )
}

/// Runs the call that writes to the caller's buffers, by an int32 index. The buffer gives the number of groups.
fn run_into<T: Element>(
    case: &GatherScatterCase<T>,
    bad_index: BadIndex,
    out: &mut [T],
    arg_out: Option<&mut [i32]>,
) -> Result<(), Error> {
    let narrow = |values: &[i64]| values.iter().map(|&value| value as i32).collect::<Vec<_>>();
    let (index, destination, out_dims) = (narrow(&case.rows.index), narrow(&case.destination), case.out_dims());
    cpu::gather_scatter_into(
        TensorView::new(&case.rows.src_dims, &case.rows.src).unwrap(),
        TensorView::new(&case.rows.index_dims, &index).unwrap(),
        TensorView::new(&case.destination_dims, &destination).unwrap(),
        case.rows.weights.as_ref().map(Weights::view),
        &GatherScatterOptions::new(case.rows.reduce).bad_index(bad_index),
        TensorViewMut::new(&out_dims, out).unwrap(),
        arg_out.map(|arg_out| TensorViewMut::new(&out_dims, arg_out).unwrap()),
    )
}

#[track_caller]
fn expect<T: Element>(case: &GatherScatterCase<T>, bad_index: BadIndex, out: &[T], arg: &[i64]) {
    let result = run(case, &options(case, bad_index)).unwrap();
    assert_eq!(result.out.shape().dims(), case.out_dims());
    assert_same("out", result.out.data(), out);
    assert_eq!(result.arg_out.map(Tensor::into_data).unwrap_or_default(), arg);

    let mut given = vec![T::of(77.0); out.len()];
    let mut given_arg = vec![77; arg.len()];
    run_into(case, bad_index, &mut given, case.rows.reduce.has_arg().then_some(&mut given_arg)).unwrap();
    assert_same("the caller's out", &given, out);
    assert!(given_arg.iter().map(|&e| i64::from(e)).eq(arg.iter().copied()));
    given.fill(T::of(77.0));
    run_into(case, bad_index, &mut given, None).unwrap();
    assert_same("the caller's out without arg_out", &given, out);
}

fn agrees_with_the_naive_twin<T: Element>() {
    proptest!(|(case in gather_scatter_cases::<T>(4, 12, Indices::SomeBad))| {
        let (out, arg) = gather_scatters::reduce(&case);
        expect(&case, BadIndex::Skip, &out, &arg);
    });
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
}

/// Rows [1, 2], [4, 8], [16, 32], by an index and destinations.
fn case(index: &[i64], destination: &[i64], weights: Option<&[f32]>, reduce: Reduce) -> GatherScatterCase<f32> {
    let src = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    let rows = GatherSegmentCase::new(2, &src, index, &[], weights, reduce);
    GatherScatterCase::new(rows, destination, 3)
}

#[test]
fn each_element_joins_its_destination() {
    let sum = case(&[0, 1, 2, 1], &[2, 0, 2, 0], Some(&[1.0, 2.0, 0.5, 1.0]), Reduce::Sum);
    expect(&sum, BadIndex::Error, &[12.0, 24.0, 0.0, 0.0, 9.0, 18.0], &[]);
    let mean = case(&[0, 1, 2, 1], &[2, 0, 2, 0], None, Reduce::Mean);
    expect(&mean, BadIndex::Error, &[4.0, 8.0, 0.0, 0.0, 8.5, 17.0], &[]);
    let max = case(&[0, 1, 2, 1], &[2, 0, 2, 0], None, Reduce::Max);
    expect(&max, BadIndex::Error, &[4.0, 8.0, 0.0, 0.0, 16.0, 32.0], &[1, 1, 4, 4, 2, 2]);
}

#[test]
fn elements_are_added_in_the_order_of_e() {
    for (index, sum) in [([0, 1, 2], 0.0), ([0, 2, 1], 1.0)] {
        let rows = GatherSegmentCase::new(1, &[1e8f32, 1.0, -1e8], &index, &[], None, Reduce::Sum);
        expect(&GatherScatterCase::new(rows, &[0; 3], 1), BadIndex::Error, &[sum], &[]);
    }
}

#[test]
fn a_bad_index_and_a_bad_destination_are_named() {
    let bad_index = case(&[0, 3, 1, -1], &[0, 1, 9, 0], None, Reduce::Mean);
    let error = run(&bad_index, &options(&bad_index, BadIndex::Error)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadIndex { position: 1, value: 3 });
    assert!(error.to_string().starts_with("index[1] (row-major position in index of shape [4]) is 3"), "{error}");
    let bad_destination = case(&[0, 2, 1, 0], &[0, 1, 9, 0], None, Reduce::Mean);
    let error = run(&bad_destination, &options(&bad_destination, BadIndex::Error)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadIndex { position: 2, value: 9 });
    assert!(error.to_string().starts_with("destination[2] (row-major position in destination of shape"), "{error}");
    // Elements left out are not counted.
    expect(&bad_index, BadIndex::Skip, &[1.0, 2.0, 0.0, 0.0, 0.0, 0.0], &[]);
}

#[test]
fn without_a_dim_size_the_largest_destination_decides() {
    let case = case(&[0, 1, 2], &[4, 0, 4], None, Reduce::Sum);
    let sum = run(&case, &GatherScatterOptions::new(Reduce::Sum)).unwrap().out;
    assert_eq!(sum.shape().dims(), [5, 2]);
    assert_eq!(sum.data(), [4.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 17.0, 34.0]);
}

#[test]
fn without_elements_groups_are_empty() {
    for reduce in ReduceOperator::GatherScatter.reductions() {
        let mut case = case(&[0], &[0], None, reduce);
        case.rows.index_dims = vec![0];
        case.rows.index.clear();
        case.destination_dims = vec![0];
        case.destination.clear();
        expect(&case, BadIndex::Error, &[0.0; 6], if reduce.has_arg() { &[0; 6] } else { &[] });
    }
}

#[test]
fn shapes_and_buffers_that_do_not_fit_are_refused() {
    let zeros = |dims: &[usize]| Tensor::new(dims, vec![0i64; dims.iter().product()]).unwrap();
    let src = Tensor::new(&[5, 6], vec![0f32; 30]).unwrap();
    let into = |destination: &[usize], out: &[usize]| {
        let mut out = Tensor::new(out, vec![9f32; out.iter().product()]).unwrap();
        let options = GatherScatterOptions::new(Reduce::Sum);
        let (index, destination) = (zeros(&[7]), zeros(destination));
        let result = cpu::gather_scatter_into(&src, &index, &destination, None, &options, &mut out, None);
        assert_eq!(result.is_err(), out.data().iter().all(|&value| value == 9.0));
        result
    };
    assert_eq!(into(&[7], &[3, 6]), Ok(()));
    assert!(matches!(into(&[6], &[3, 6]), Err(Error::BesideIndexShape { .. })));
    assert!(matches!(into(&[1, 7], &[3, 6]), Err(Error::BesideIndexShape { .. })));
    assert!(matches!(into(&[7], &[3, 5]), Err(Error::OutputShape { output: "out", .. })));
    assert!(matches!(into(&[7], &[]), Err(Error::OutputShape { output: "out", .. })));
}
