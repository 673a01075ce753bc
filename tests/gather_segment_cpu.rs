//! The CPU backend's reductions over segments that are read through an index, against the naive twin, and their rules
//! one by one.

mod support;

use half::{bf16, f16};
use proptest::{prelude::*, sample};
use support::{
    Element, assert_same,
    cases::Indices,
    gather_segments::{self, GatherSegmentCase, WeightValues, Weights, gather_segment_cases},
};
use tensorrt_scatter::{
    BadIndex, Error, ErrorKind, Float, FloatAccumulator, GatherSegmentCsrOptions, Reduce, ReduceOperator, Reduced,
    ScalarType, Tensor, TensorView, TensorViewMut, Weight, cpu,
};

fn run<T: Element>(case: &GatherSegmentCase<T>, bad_index: BadIndex) -> Result<Reduced<Tensor<T>, Tensor<i64>>, Error> {
    cpu::gather_segment_csr(
        TensorView::new(&case.src_dims, &case.src).unwrap(),
        TensorView::new(&case.index_dims, &case.index).unwrap(),
        TensorView::new(&case.indptr_dims, &case.indptr).unwrap(),
        case.weights.as_ref().map(Weights::view),
        &GatherSegmentCsrOptions::new(case.reduce).bad_index(bad_index),
    )
}

/// Runs the call that writes to the caller's buffers, by an int32 index and indptr.
fn run_into<T: Element>(
    case: &GatherSegmentCase<T>,
    bad_index: BadIndex,
    out: &mut [T],
    arg_out: Option<&mut [i32]>,
) -> Result<(), Error> {
    let narrow = |values: &[i64]| values.iter().map(|&value| value as i32).collect::<Vec<_>>();
    let (index, indptr, out_dims) = (narrow(&case.index), narrow(&case.indptr), case.out_dims());
    cpu::gather_segment_csr_into(
        TensorView::new(&case.src_dims, &case.src).unwrap(),
        TensorView::new(&case.index_dims, &index).unwrap(),
        TensorView::new(&case.indptr_dims, &indptr).unwrap(),
        case.weights.as_ref().map(Weights::view),
        &GatherSegmentCsrOptions::new(case.reduce).bad_index(bad_index),
        TensorViewMut::new(&out_dims, out).unwrap(),
        arg_out.map(|arg_out| TensorViewMut::new(&out_dims, arg_out).unwrap()),
    )
}

#[track_caller]
fn expect<T: Element>(case: &GatherSegmentCase<T>, bad_index: BadIndex, out: &[T], arg: &[i64]) {
    let result = run(case, bad_index).unwrap();
    assert_eq!(result.out.shape().dims(), case.out_dims());
    assert_same("out", result.out.data(), out);
    assert_eq!(result.arg_out.map(Tensor::into_data).unwrap_or_default(), arg);

    let mut given = vec![T::of(77.0); out.len()];
    let mut given_arg = vec![77; arg.len()];
    run_into(case, bad_index, &mut given, case.reduce.has_arg().then_some(&mut given_arg)).unwrap();
    assert_same("the caller's out", &given, out);
    assert!(given_arg.iter().map(|&e| i64::from(e)).eq(arg.iter().copied()));
    given.fill(T::of(77.0));
    run_into(case, bad_index, &mut given, None).unwrap();
    assert_same("the caller's out without arg_out", &given, out);
}

fn agrees_with_the_naive_twin<T: Element>() {
    proptest!(|(case in gather_segment_cases::<T>(4, 12, Indices::SomeBad))| {
        let (out, arg) = gather_segments::reduce(&case);
        expect(&case, BadIndex::Skip, &out, &arg);
    });
}

fn good_indices_pass_the_check<T: Element>() {
    proptest!(|(case in gather_segment_cases::<T>(4, 12, Indices::Good))| {
        let (out, arg) = gather_segments::reduce(&case);
        expect(&case, BadIndex::Error, &out, &arg);
    });
}

for_each_type! {
    naive_twin: agrees_with_the_naive_twin;
    checked: good_indices_pass_the_check;
}

/// Replaces an element, if there is one.
fn replace(values: &mut [i64], at: sample::Index, value: i64) {
    if !values.is_empty() {
        values[at.index(values.len())] = value;
    }
}

proptest! {
    #[test]
    fn a_checked_call_names_the_first_offender_of_index_then_of_indptr(
        mut case in gather_segment_cases::<f32>(4, 12, Indices::Good),
        bad in prop::collection::vec((any::<sample::Index>(), any::<bool>()), 0..3),
        bad_bounds in prop::collection::vec((any::<sample::Index>(), -2i64..15), 0..3),
    ) {
        for (at, is_negative) in bad {
            let row = if is_negative { -1 } else { case.rows() as i64 };
            replace(&mut case.index, at, row);
        }
        for (at, bound) in bad_bounds {
            replace(&mut case.indptr, at, bound);
        }
        let (rows, length) = (case.rows() as i64, case.length() as i64);
        // An index of rows without elements is not read.
        let bad_row = case.index.iter().position(|row| !(0..rows).contains(row)).filter(|_| case.gathered_len() != 0);
        let entries = *case.indptr_dims.last().unwrap();
        let least = |at: usize| if at.is_multiple_of(entries) { 0 } else { case.indptr[at - 1] };
        let bad_bound = (0..case.indptr.len()).find(|&at| {
            !(0..=length).contains(&case.indptr[at]) || case.indptr[at] < least(at)
        });

        let mut out = vec![77.0; case.out_len()];
        let written = run_into(&case, BadIndex::Error, &mut out, None);
        let result = run(&case, BadIndex::Error);
        prop_assert_eq!(result.as_ref().err(), written.as_ref().err());
        prop_assert!(written.is_ok() || out.iter().all(|&value| value == 77.0), "nothing may be written");
        match (result, bad_row, bad_bound) {
            (Ok(_), None, None) => {}
            (Err(Error::IndexOutOfRange { position, value, size, .. }), Some(at), _) => {
                prop_assert_eq!((position, value, size), (at as u64, case.index[at], case.rows()));
            }
            (Err(Error::IndptrOutOfRange { position, value, at_least, size, .. }), None, Some(at)) => {
                prop_assert_eq!((position, value), (at as u64, case.indptr[at]));
                prop_assert_eq!((at_least, size), (least(at), case.length()));
            }
            (result, ..) => prop_assert!(false, "{result:?} with row {bad_row:?} and bound {bad_bound:?}"),
        }
    }
}

fn reductions() -> impl Iterator<Item = Reduce> {
    ReduceOperator::GatherSegmentCsr.reductions()
}

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

/// Expects what one segment of all `index` gives, over rows of one column with a weight each.
#[track_caller]
fn expect_one<T: Element>(reduce: Reduce, src: &[T], index: &[i64], weights: Option<&[T]>, out: T, arg: i64) {
    let case = GatherSegmentCase::new(1, src, index, &[0, index.len() as i64], weights, reduce);
    expect(&case, BadIndex::Error, &[out], if reduce.has_arg() { std::slice::from_ref(&arg) } else { &[] });
}

#[test]
fn each_head_weighs_its_columns() {
    let src = [1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0];
    let case = |weights: &[f32]| GatherSegmentCase::new(4, &src, &[1, 0], &[0, 2], Some(weights), Reduce::Sum);
    expect(&case(&[1.0, 2.0]), BadIndex::Error, &[12.0, 24.0, 36.0, 48.0], &[]);
    expect(&case(&[1.0, 2.0, 3.0, 4.0]), BadIndex::Error, &[13.0, 26.0, 72.0, 96.0], &[]);
    let of_columns = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    expect(&case(&of_columns), BadIndex::Error, &[15.0, 52.0, 111.0, 192.0], &[]);
}

#[test]
fn a_mean_is_divided_by_the_elements_that_arrived() {
    let src = [1.0, 2.0, 4.0, 8.0];
    // Of three elements one has a bad index; the weights do not count. The second segment has bad indices alone.
    let case = GatherSegmentCase::new(
        2,
        &src,
        &[0, 9, 1, -1, 2],
        &[0, 3, 5, 5],
        Some(&[4.0, 100.0, 2.0, 1.0, 1.0]),
        Reduce::Mean,
    );
    expect(&case, BadIndex::Skip, &[6.0, 12.0, 0.0, 0.0, 0.0, 0.0], &[]);
    // As many heads as columns: an element counts once for each column.
    let weights = [1.0, 3.0, 0.0, 0.0, 2.0, 1.0];
    let case = GatherSegmentCase::new(2, &src, &[0, 2, 1], &[0, 3], Some(&weights), Reduce::Mean);
    expect(&case, BadIndex::Skip, &[4.5, 7.0], &[]);
}

#[test]
fn empty_segments_hold_zero_and_no_position() {
    for reduce in reductions() {
        for weights in [None, Some(&[2.0][..])] {
            let value = weights.map_or(3.0, |weights| 3.0 * weights[0]);
            let arg: &[i64] = if reduce.has_arg() { &[1, 0, 1] } else { &[] };
            let case = GatherSegmentCase::new(1, &[3.0], &[0], &[0, 0, 1, 1], weights, reduce);
            expect(&case, BadIndex::Error, &[0.0, value, 0.0], arg);
        }
    }
}

#[test]
fn a_src_without_rows_leaves_every_element_out() {
    for reduce in reductions() {
        for weights in [None, Some(Weights { dims: vec![3], values: WeightValues::Same(vec![1.0f32; 3]) })] {
            let case = GatherSegmentCase {
                src_dims: vec![0, 2],
                src: vec![],
                index_dims: vec![3],
                index: vec![0, 1, -1],
                indptr_dims: vec![2],
                indptr: vec![0, 3],
                weights,
                reduce,
            };
            expect(&case, BadIndex::Skip, &[0.0; 2], if reduce.has_arg() { &[3, 3] } else { &[] });
            let error = run(&case, BadIndex::Error).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadIndex { position: 0, value: 0 });
        }
    }
}

#[test]
fn bounds_out_of_range_are_brought_into_it() {
    let case = GatherSegmentCase::new(1, &[1.0, 2.0, 4.0], &[2, 1, 0], &[-3, 1, 9], None, Reduce::Sum);
    expect(&case, BadIndex::Skip, &[4.0, 3.0], &[]);
}

#[test]
fn a_nan_is_never_selected() {
    let src = [NAN, 2.0, 0.0];
    for reduce in [Reduce::Min, Reduce::Max] {
        for one in [None, Some(&[1.0; 3][..])] {
            expect_one(reduce, &src, &[0, 1, 0], one, 2.0, 1);
            expect_one(reduce, &src, &[0, 0, 0], one, 0.0, 3);
        }
        // The product may be a NaN where neither factor is.
        expect_one(reduce, &src, &[1, 2, 2], Some(&[NAN, INF, 1.0]), 0.0, 2);
        expect_one(reduce, &src, &[2, 1], Some(&[-INF, NAN]), 0.0, 2);
    }
    expect_one(Reduce::Sum, &src, &[1, 2], Some(&[1.0, INF]), NAN, 0);
    // A bad index keeps its NaN weight out, too.
    let case = GatherSegmentCase::new(1, &src, &[1, 9], &[0, 2], Some(&[1.0, NAN]), Reduce::Sum);
    expect(&case, BadIndex::Skip, &[2.0], &[]);
}

#[test]
fn among_equal_products_the_first_element_wins() {
    let src = [1.0, 2.0, 4.0, 0.0, -0.0];
    for reduce in [Reduce::Min, Reduce::Max] {
        expect_one(reduce, &src, &[0, 1, 2], Some(&[4.0, 2.0, 1.0]), 4.0, 0);
        expect_one(reduce, &src, &[2, 2], None, 4.0, 0);
        expect_one(reduce, &src, &[3, 4], None, 0.0, 0);
        expect_one(reduce, &src, &[4, 3], None, -0.0, 0);
        expect_one(reduce, &src, &[3, 0], Some(&[-1.0, 0.0]), -0.0, 0);
    }
}

#[test]
fn infinities_and_extremes_are_numbers() {
    for (reduce, value) in [(Reduce::Max, -INF), (Reduce::Max, f32::MIN), (Reduce::Min, INF)] {
        expect_one(reduce, &[value], &[0], None, value, 0);
        expect_one(reduce, &[-value], &[0], Some(&[-1.0]), value, 0);
    }
    for (reduce, value) in [(Reduce::Max, i32::MIN), (Reduce::Min, i32::MAX)] {
        expect_one(reduce, &[value], &[0], Some(&[1]), value, 0);
    }
}

#[test]
fn min_and_max_compare_products() {
    let (src, index, weights) = ([1.0, 2.0, 3.0], [0, 1, 2], [5.0, 1.0, -1.0]);
    expect_one(Reduce::Max, &src, &index, Some(&weights), 5.0, 0);
    expect_one(Reduce::Min, &src, &index, Some(&weights), -3.0, 2);
}

#[test]
fn a_sum_of_zeros_of_either_sign_is_zero() {
    expect_one(Reduce::Sum, &[-0.0], &[0, 0], None, 0.0, 0);
    expect_one(Reduce::Sum, &[0.0], &[0, 0], Some(&[-1.0, -1.0]), 0.0, 0);
}

#[test]
fn elements_are_added_in_the_order_of_e() {
    let src = [1e8f32, 1.0, -1e8];
    expect_one(Reduce::Sum, &src, &[1, 0, 2], None, 0.0, 0);
    expect_one(Reduce::Sum, &src, &[0, 2, 1], None, 1.0, 0);
    expect_one(Reduce::Sum, &src, &[1, 0, 2], Some(&[1.0; 3]), 0.0, 0);
    expect_one(Reduce::Sum, &src, &[0, 2, 1], Some(&[1.0; 3]), 1.0, 0);
}

/// A product is rounded before it is added: a fused multiply-add would keep the 2^-24.
#[test]
fn products_are_rounded_to_the_accumulator() {
    let near_one = 1.0 + f32::EPSILON * 2048.0;
    expect_one(Reduce::Sum, &[-(near_one * near_one), near_one], &[0, 1], Some(&[1.0, near_one]), 0.0, 0);
}

#[test]
fn integers_wrap_and_their_means_round_down() {
    expect_one(Reduce::Sum, &[i32::MAX, 1], &[0, 1], None, i32::MIN, 0);
    expect_one(Reduce::Sum, &[1i32 << 30, 1], &[0, 1], Some(&[4, 3]), 3, 0);
    expect_one(Reduce::Max, &[1i64 << 62, 1], &[0, 1], Some(&[2, 3]), 3, 1);
    expect_one(Reduce::Mean, &[-1, 1], &[0, 1], Some(&[4, 1]), -2, 0);
}

/// Expects what one segment of all rows gives, with weights of float32, and of `T` where it holds them.
#[track_caller]
fn expect_half<T: Element + Float>(reduce: Reduce, src: &[f64], weights: &[f64], out: f64, arg: i64) {
    let src: Vec<_> = src.iter().map(|&value| T::of(value)).collect();
    let index: Vec<_> = (0..src.len() as i64).collect();
    let float32: Vec<_> = weights.iter().map(|&weight| weight as f32).collect();
    let same: Vec<_> = weights.iter().map(|&weight| T::of(weight)).collect();
    let arg = if reduce.has_arg() { std::slice::from_ref(&arg) } else { &[] };
    let case = |weights| GatherSegmentCase::new(1, &src, &index, &[0, index.len() as i64], weights, reduce);
    expect(&case(None).with_float32(&float32), BadIndex::Error, &[T::of(out)], arg);
    if same.iter().zip(weights).all(|(same, &weight)| same.widen() == T::Accumulator::from_f64(weight)) {
        expect(&case(Some(&same)), BadIndex::Error, &[T::of(out)], arg);
    }
}

/// `step` is the distance from 1 to the next value of `T`.
fn halves_are_rounded_once<T: Element + Float>(step: f64) {
    let (next, second) = (1.0 + step, 1.0 + 2.0 * step);
    // The product of two times `next` lies above `second` by the square of the step, which `T` does not hold.
    expect_half::<T>(Reduce::Sum, &[next, -second], &[next, 1.0], step * step, 0);
    expect_half::<T>(Reduce::Mean, &[next, -second], &[next, 1.0], step * step / 2.0, 0);
    expect_half::<T>(Reduce::Max, &[second, next], &[1.0, next], second, 1);
    expect_half::<T>(Reduce::Min, &[next, second], &[next, 1.0], second, 1);
    // A weight of float32 is not rounded to `T`.
    expect_half::<T>(Reduce::Sum, &[1.0, -1.0], &[1.0 + step / 8.0, 1.0], step / 8.0, 0);
    expect_half::<T>(Reduce::Max, &[1.0, 1.0], &[1.0, 1.0 + step / 8.0], 1.0, 1);
    // Each 1 is half a step of the first element.
    expect_half::<T>(Reduce::Sum, &[2.0 / step, 1.0, 1.0], &[1.0; 3], 2.0 / step + 2.0, 0);
}

#[test]
fn products_and_sums_of_16_bit_floats_are_rounded_once() {
    halves_are_rounded_once::<f16>(f16::EPSILON.to_f64());
    halves_are_rounded_once::<bf16>(bf16::EPSILON.to_f64());
    // Products that f16 cannot hold; 65504 is its largest value.
    expect_half::<f16>(Reduce::Sum, &[60000.0, -60000.0], &[2.0, 1.0], 60000.0, 0);
    expect_half::<f16>(Reduce::Min, &[60000.0, 60000.0], &[3.0, 2.0], f64::INFINITY, 1);
}

/// The result is large enough that several threads round it, too.
fn has_the_same_bits_whatever_the_number_of_threads<T: Element>() {
    let (rows, length, segments, columns) = (1000, 80_000, 40_000, 2);
    let value = |position: usize| ((position * 37 + position / 11) % 201) as f64 / 64.0 - 1.5;
    let values = |count: usize| (0..count).map(|position| T::of(value(position))).collect::<Vec<_>>();
    let index: Vec<_> = (0..length).map(|e| (e * 7919 % (rows + 1)) as i64).collect();
    let indptr: Vec<_> = (0..=segments).map(|n| (n * n / segments * length / segments) as i64).collect();
    for (reduce, heads) in reductions().flat_map(|reduce| [(reduce, 0), (reduce, 1), (reduce, columns)]) {
        let weights = (heads != 0).then(|| values(length * heads));
        let src = values(rows * columns);
        let case = GatherSegmentCase::new(columns, &src, &index, &indptr, weights.as_deref(), reduce);
        cpu::set_threads(1);
        let expected = run(&case, BadIndex::Skip).unwrap();
        for threads in [2, 3, 7] {
            cpu::set_threads(threads);
            let given = run(&case, BadIndex::Skip).unwrap();
            assert_same(&format!("{reduce} by {threads} threads"), given.out.data(), expected.out.data());
            assert!(given.arg_out == expected.arg_out, "arg_out of {reduce} by {threads} threads");
        }
    }
    cpu::set_threads(0);
}

/// One test for all types, since the number of threads is the process's.
#[test]
fn results_have_the_same_bits_whatever_the_number_of_threads() {
    call_for_each_type!(has_the_same_bits_whatever_the_number_of_threads());
}

#[test]
fn weights_of_float32_are_for_16_bit_floats() {
    fn error<T: Element>() -> Option<Error> {
        let case = GatherSegmentCase::new(1, &[T::of(1.0)], &[0], &[0, 1], None, Reduce::Sum).with_float32(&[1.0]);
        let mut out = [T::of(77.0)];
        assert_eq!(run_into(&case, BadIndex::Error, &mut out, None).err(), run(&case, BadIndex::Error).err());
        run(&case, BadIndex::Error).err()
    }
    let refused = |src| Some(Error::WeightType { input: "weight", given: ScalarType::F32, src });
    assert_eq!([error::<f16>(), error::<bf16>()], [None, None]);
    assert_eq!(error::<f32>(), refused(ScalarType::F32));
    assert_eq!(error::<f64>(), refused(ScalarType::F64));
    assert_eq!(error::<i32>(), refused(ScalarType::I32));
    assert_eq!(error::<i64>(), refused(ScalarType::I64));
    assert_eq!(error::<i64>().map(|error| error.kind()), Some(ErrorKind::Argument));
}

fn zeros<T: Element>(dims: &[usize]) -> Tensor<T> {
    Tensor::new(dims, vec![T::of(0.0); dims.iter().product()]).unwrap()
}

/// The result of a sum of tensors of zeros.
fn of_shapes(src: &[usize], index: &[usize], indptr: &[usize], weight: Option<&[usize]>) -> Result<Vec<usize>, Error> {
    let (src, index, indptr) = (zeros::<f32>(src), zeros::<i64>(index), zeros::<i64>(indptr));
    let weight = weight.map(zeros);
    let weight = weight.as_ref().map(|weight| Weight::Same(weight.view()));
    let options = GatherSegmentCsrOptions::new(Reduce::Sum);
    let result = cpu::gather_segment_csr(&src, &index, &indptr, weight, &options)?;
    Ok(result.out.shape().dims().to_vec())
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    assert_eq!(of_shapes(&[2, 5, 6], &[1, 7], &[2, 4], Some(&[1, 7, 3])), Ok(vec![2, 3, 6]));
    assert_eq!(of_shapes(&[5, 0], &[7], &[0], Some(&[7, 0])), Ok(vec![0, 0]));
    let error = |src: &[usize], index: &[usize], indptr: &[usize], weight| {
        of_shapes(src, index, indptr, weight).expect_err("shapes that do not fit")
    };
    assert!(matches!(error(&[5, 6], &[7], &[4], Some(&[7, 4])), Error::WeightShape { .. }));
    assert!(matches!(error(&[5, 6], &[7], &[4], Some(&[6])), Error::WeightShape { .. }));
    assert!(matches!(error(&[2, 5, 6], &[2, 7], &[4], None), Error::OtherAxis { input: "indptr", .. }));
    assert!(matches!(error(&[2, 5, 6], &[3, 7], &[2, 4], None), Error::LeadingAxes { input: "index", .. }));
    assert!(matches!(error(&[2, 5, 6], &[2, 7], &[3, 4], None), Error::LeadingAxes { input: "indptr", .. }));
    assert!(matches!(error(&[], &[7], &[4], None), Error::Scalar { input: "src" }));
    let case = GatherSegmentCase::new(1, &[1.0f32], &[0], &[0, 1], None, Reduce::Mul);
    assert!(matches!(run(&case, BadIndex::Skip), Err(Error::UnsupportedReduce { reduce: Reduce::Mul, .. })));
}

#[test]
fn positions_that_the_index_s_type_cannot_count_are_refused() {
    let (src, index, indptr) = (zeros::<f32>(&[0, 5]), zeros::<i32>(&[0, 1 << 31]), zeros::<i32>(&[0, 3]));
    let result = |reduce| cpu::gather_segment_csr(&src, &index, &indptr, None, &GatherSegmentCsrOptions::new(reduce));
    assert_eq!(result(Reduce::Max).err(), Some(Error::ArgOutTooNarrow { length: 1 << 31 }));
    assert_eq!(result(Reduce::Sum).map(|sum| sum.out), Ok(zeros(&[0, 2])));
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let (src, index, indptr) = (zeros::<f32>(&[4, 2]), zeros::<i64>(&[5]), zeros::<i64>(&[4]));
    let weights = zeros(&[5]);
    for weight in [None, Some(Weight::Same(weights.view()))] {
        let into = |reduce, out: &[usize], arg_out: Option<&[usize]>| {
            let mut out = Tensor::full(*zeros::<f32>(out).shape(), 9.0).unwrap();
            let mut arg_out = arg_out.map(|dims| Tensor::full(*zeros::<i64>(dims).shape(), 9).unwrap());
            let options = GatherSegmentCsrOptions::new(reduce);
            let arg_view = arg_out.as_mut().map(Tensor::view_mut);
            let result = cpu::gather_segment_csr_into(&src, &index, &indptr, weight, &options, &mut out, arg_view);
            let is_untouched = out.data().iter().all(|&value| value == 9.0)
                && arg_out.is_none_or(|arg_out| arg_out.data().iter().all(|&value| value == 9));
            assert_eq!(result.is_err(), is_untouched, "a call that failed has written, or another has not");
            result
        };
        assert_eq!(into(Reduce::Max, &[3, 2], Some(&[3, 2])), Ok(()));
        for out in [&[3][..], &[4, 2], &[2, 3], &[3, 2, 1]] {
            assert!(matches!(into(Reduce::Sum, out, None), Err(Error::OutputShape { output: "out", .. })));
        }
        let arg_out = into(Reduce::Min, &[3, 2], Some(&[3]));
        assert!(matches!(arg_out, Err(Error::OutputShape { output: "arg_out", .. })));
        assert_eq!(into(Reduce::Mean, &[3, 2], Some(&[3, 2])), Err(Error::NoArgOut { reduce: Reduce::Mean }));
    }
}
