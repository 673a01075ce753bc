//! group_index on the CPU backend, against the naive twin.

mod support;

use proptest::prelude::*;
use support::groupings::{GroupingCase, grouping_cases, hard_cases};
use tensorrt_scatter::{BadIndex, Error, GroupIndexOptions, Shape, Tensor, cpu};

fn options(case: &GroupingCase) -> GroupIndexOptions {
    GroupIndexOptions::new().dim_size(case.groups).bad_index(BadIndex::Skip)
}

#[track_caller]
fn check(case: &GroupingCase) {
    let (perm, indptr) = case.grouping();
    let index = Tensor::new(&case.dims, case.index.clone()).unwrap();
    let grouping = cpu::group_index(&index, &options(case)).unwrap();
    assert_eq!((grouping.perm.data(), grouping.indptr.data()), (&perm[..], &indptr[..]));
    let narrow = case.index.iter().map(|&index| index.clamp(-1, i32::MAX.into()) as i32).collect();
    let narrow = Tensor::new(&case.dims, narrow).unwrap();
    let full = |shape: &Shape| Tensor::full(*shape, 77).unwrap();
    let (mut into_perm, mut into_indptr) = (full(grouping.perm.shape()), full(grouping.indptr.shape()));
    // The number of groups comes from indptr.
    let skip = GroupIndexOptions::new().bad_index(BadIndex::Skip);
    cpu::group_index_into(&narrow, &skip, &mut into_perm, &mut into_indptr).unwrap();
    let widened = |tensor: Tensor<i32>| tensor.into_data().into_iter().map(i64::from).collect::<Vec<_>>();
    assert_eq!((widened(into_perm), widened(into_indptr)), (perm, indptr));
}

#[test]
fn agrees_with_the_naive_twin() {
    proptest!(|(case in grouping_cases(30))| check(&case));
    for length in [1, 100, 5000] {
        for groups in [1, 7, 3000] {
            hard_cases(length, groups).iter().for_each(check);
        }
    }
}

#[test]
fn a_bad_index_is_refused_with_its_position() {
    let index = Tensor::new(&[2, 3], vec![0, 1, 2, 0, 5, 1]).unwrap();
    let shape = *index.shape();
    let refused = cpu::group_index(&index, &GroupIndexOptions::new().dim_size(3));
    assert_eq!(refused, Err(Error::IndexOutOfRange { input: "index", position: 4, value: 5, size: 3, shape }));
    let largest = cpu::group_index(&index, &GroupIndexOptions::new()).unwrap();
    assert_eq!(largest.indptr.shape().dims(), [2, 7]);
}

#[test]
fn outputs_of_other_shapes_are_refused_and_keep_their_values() {
    let index = Tensor::new(&[3], vec![0, 1, 1]).unwrap();
    for (perm, indptr, output) in [(&[4][..], &[3][..], "perm"), (&[3], &[4], "indptr"), (&[3], &[], "indptr")] {
        let full = |dims: &[usize]| Tensor::full(Shape::new(dims).unwrap(), 77).unwrap();
        let (mut perm, mut indptr) = (full(perm), full(indptr));
        let refused = cpu::group_index_into(&index, &GroupIndexOptions::new().dim_size(2), &mut perm, &mut indptr);
        assert!(matches!(refused, Err(Error::OutputShape { output: o, .. }) if o == output), "{refused:?}");
        assert!(perm.data().iter().chain(indptr.data()).all(|&value| value == 77));
    }
    assert_eq!(
        cpu::group_index(&Tensor::new(&[], vec![0]).unwrap(), &GroupIndexOptions::new()),
        Err(Error::Scalar { input: "index" })
    );
}

#[test]
fn a_number_of_groups_without_room_is_an_error() {
    let index = Tensor::new(&[2], vec![0, 1i64 << 60]).unwrap();
    let refused = cpu::group_index(&index, &GroupIndexOptions::new());
    assert!(refused.as_ref().is_err_and(Error::is_out_of_memory), "{refused:?}");
}
