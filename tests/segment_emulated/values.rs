//! Special values, in comparisons and in sums.

use tensorrt_scatter::Reduce;

use crate::{
    check,
    support::{
        Element, assert_same, emulator,
        segments::{self, Lengths, column},
    },
};

#[test]
fn special_values_follow_the_rules() {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, 1e-45];
    let n = values.len().pow(2);
    let src: Vec<_> = (0..n).flat_map(|i| [values[i / 8], values[i % 8]]).collect();
    let index: Vec<_> = (0..2 * n as i64).map(|i| i / 2).collect();
    for reduce in [Reduce::Min, Reduce::Max] {
        for base in [None, Some(f32::NAN), Some(0.0), Some(-0.0), Some(f32::NEG_INFINITY)] {
            let base = base.map(|base| vec![base; n]);
            check(&column(reduce, &src, &index, base.as_deref(), n, false), 5, u32::MAX, 0);
        }
        let indptr: Vec<_> = (0..=n as i64).map(|i| 2 * i).collect();
        check(&column(reduce, &src, &indptr, None, n, true), 5, u32::MAX, 0);
    }
}

#[test]
fn the_least_and_the_greatest_integer_are_numbers() {
    fn for_type<T: Element>(values: [T; 3]) {
        // Every ordered pair is one segment.
        let src: Vec<_> = (0..9).flat_map(|i| [values[i / 3], values[i % 3]]).collect();
        let index: Vec<_> = (0..18).map(|i| i / 2).collect();
        let indptr: Vec<_> = (0..=9).map(|i| 2 * i).collect();
        for reduce in [Reduce::Min, Reduce::Max] {
            for base in [None, Some(values[0]), Some(values[1])] {
                let base = base.map(|base| vec![base; 9]);
                check(&column(reduce, &src, &index, base.as_deref(), 9, false), 5, u32::MAX, 0);
            }
            check(&column(reduce, &src, &indptr, None, 9, true), 5, u32::MAX, 0);
            let mut case = segments::large::<T>((1, 900, 3, 2), Lengths::One, reduce, true);
            case.src.fill(if reduce == Reduce::Max { values[0] } else { values[1] });
            check(&case, 9, u32::MAX, 0);
        }
    }
    for_type([i32::MIN, i32::MAX, 0]);
    for_type([i64::MIN, i64::MAX, 0]);
}

#[test]
fn the_first_of_equals_wins_across_lanes_and_chunks() {
    for reduce in [Reduce::Min, Reduce::Max] {
        for is_csr in [false, true] {
            let mut case = segments::large::<f32>((1, 900, 3, 2), Lengths::One, reduce, is_csr);
            case.src.fill(1.5);
            check(&case, 9, u32::MAX, 0);
            // Only NaN before the middle.
            case.src[..1350].fill(f32::NAN);
            check(&case, 9, u32::MAX, 0);
            // Only NaN behind the middle. The numbers before it are worse than the zero that an empty result has.
            case.src.fill(if reduce == Reduce::Max { -1.5 } else { 1.5 });
            case.src[1350..].fill(f32::NAN);
            check(&case, 9, u32::MAX, 0);
        }
    }
}

#[test]
fn a_mean_of_many_halves_is_rounded_once() {
    let case = segments::SegmentCase {
        src_dims: vec![5000],
        src: vec![half::f16::from_f64(0.1); 5000],
        index_dims: vec![2],
        index: vec![0, 5000],
        base: None,
        segments: 1,
        reduce: Reduce::Mean,
        is_csr: true,
    };
    let (out, _) = emulator::segment(&case, 0, u32::MAX, 0).unwrap();
    assert_same("out", &out, &[half::f16::from_f64(0.1)]);
}
