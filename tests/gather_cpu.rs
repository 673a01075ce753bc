//! The gathers on the CPU backend against the naive twins, and their rules one by one.

mod support;

use proptest::prelude::*;
use support::{
    Element, assert_same,
    gather::{GatherCase, coo_cases, csr_cases, naive_coo, naive_csr},
};
use tensorrt_scatter::{BadIndex, Error, GatherCooOptions, GatherCsrOptions, Tensor, TensorView, cpu};

fn coo<T: Element>(case: &GatherCase<T>, options: &GatherCooOptions) -> Result<Tensor<T>, Error> {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    cpu::gather_coo(src, TensorView::new(&case.index_dims, &case.index).unwrap(), options)
}

fn csr<T: Element>(case: &GatherCase<T>, options: &GatherCsrOptions) -> Result<Tensor<T>, Error> {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    cpu::gather_csr(src, TensorView::new(&case.index_dims, &case.index).unwrap(), options)
}

fn coo_agrees_with_the_naive_twin<T: Element>() {
    proptest!(|(case in coo_cases::<T>(6, true))| {
        let out = coo(&case, &GatherCooOptions::new().bad_index(BadIndex::Skip)).unwrap();
        assert_eq!(out.shape().dims(), case.out_dims());
        assert_same("out", out.data(), &naive_coo(&case));
    });
}

fn csr_agrees_with_the_naive_twin<T: Element>() {
    proptest!(|(case in csr_cases::<T>(6))| {
        let out = csr(&case, &GatherCsrOptions::new().size(case.size)).unwrap();
        assert_eq!(out.shape().dims(), case.out_dims());
        assert_same("out", out.data(), &naive_csr(&case));
    });
}

for_each_type! {
    coo_naive_twin: coo_agrees_with_the_naive_twin;
    csr_naive_twin: csr_agrees_with_the_naive_twin;
}

proptest! {
    #[test]
    fn a_checked_call_names_the_first_offender(case in coo_cases::<f32>(6, true)) {
        let rows = case.src_dims[case.axis()];
        let offender = case.index.iter().position(|&index| index < 0 || index >= rows as i64);
        let offender = offender.filter(|_| case.out_len() != 0);
        match (coo(&case, &GatherCooOptions::new()), offender) {
            (Ok(_), None) => {}
            (Err(Error::IndexOutOfRange { position, value, size, .. }), Some(at)) => {
                prop_assert_eq!((position, value, size), (at as u64, case.index[at], rows));
            }
            (result, offender) => prop_assert!(false, "{result:?} where the offender is {offender:?}"),
        }
    }

    #[test]
    fn good_indices_pass_the_check(case in coo_cases::<f32>(6, false)) {
        assert_same("out", coo(&case, &GatherCooOptions::new()).unwrap().data(), &naive_coo(&case));
    }
}

/// Expects that gather_csr of three rows to a result of six refuses `indptr`. The error must name the position `at`,
/// the value `given`, and `least`, the least value that is good there. The result must stay as it was.
#[track_caller]
fn expect_bad(indptr: [i64; 4], at: u64, given: i64, least: i64) {
    let src = Tensor::new(&[3], vec![1.0f32, 2.0, 3.0]).unwrap();
    let mut out = Tensor::new(&[6], vec![9.0; 6]).unwrap();
    let indptr = Tensor::new(&[4], indptr.to_vec()).unwrap();
    match cpu::gather_csr_into(&src, &indptr, &GatherCsrOptions::new(), &mut out) {
        Err(Error::IndptrOutOfRange { position, value, at_least, size: 6, .. }) => {
            assert_eq!((position, value, at_least), (at, given, least));
        }
        result => panic!("{result:?}"),
    }
    assert_eq!(out.data(), [9.0; 6], "nothing may be written");
}

#[test]
fn a_bad_indptr_is_refused_with_its_first_offender() {
    expect_bad([0, 4, 2, 6], 2, 2, 4);
    expect_bad([-1, 4, 5, 6], 0, -1, 0);
    expect_bad([0, 4, 7, 9], 2, 7, 4);
    expect_bad([0, 4, 5, 7], 3, 7, 5);
}

#[test]
fn each_row_of_an_indptr_starts_anew() {
    let src = Tensor::new(&[2, 1], vec![1, 2]).unwrap();
    let indptr = Tensor::new(&[2, 2], vec![1, 3, 0, 2]).unwrap();
    let out = cpu::gather_csr(&src, &indptr, &GatherCsrOptions::new().size(3)).unwrap();
    assert_eq!(out.data(), [0, 1, 1, 2, 2, 0]);
}

#[test]
fn without_a_size_the_last_element_decides() {
    let src = Tensor::new(&[2], vec![1, 2]).unwrap();
    let indptr = Tensor::new(&[3], vec![0, 1, 3]).unwrap();
    assert_eq!(cpu::gather_csr(&src, &indptr, &GatherCsrOptions::new()).unwrap().data(), [1, 2, 2]);
    let negative = Tensor::new(&[3], vec![0, 1, -3]).unwrap();
    let options = GatherCsrOptions::new().bad_index(BadIndex::Skip);
    assert_eq!(cpu::gather_csr(&src, &negative, &options).unwrap().shape().dims(), [0]);
}

#[test]
fn a_src_without_elements_gives_as_many() {
    let src = Tensor::new(&[0, 0, 0, 16], Vec::<f32>::new()).unwrap();
    let none = Tensor::new(&[0], Vec::<i64>::new()).unwrap();
    assert_eq!(cpu::gather_coo(&src, &none, &GatherCooOptions::new()).unwrap().shape(), src.shape());
    assert_eq!(cpu::gather_csr(&src, &none, &GatherCsrOptions::new()).unwrap().shape(), src.shape());
}

#[test]
fn every_element_of_the_caller_s_out_is_written() {
    let src = Tensor::new(&[2, 2], vec![1, 2, 3, 4]).unwrap();
    let mut out = Tensor::new(&[3, 2], vec![9; 6]).unwrap();
    let index = Tensor::new(&[3], vec![1, 5, 0]).unwrap();
    let options = GatherCooOptions::new().bad_index(BadIndex::Skip);
    cpu::gather_coo_into(&src, &index, &options, &mut out).unwrap();
    assert_eq!(out.data(), [3, 4, 0, 0, 1, 2]);
    let indptr = Tensor::new(&[3], vec![1, 1, 2]).unwrap();
    cpu::gather_csr_into(&src, &indptr, &GatherCsrOptions::new(), &mut out).unwrap();
    assert_eq!(out.data(), [0, 0, 3, 4, 0, 0]);
}

#[test]
fn an_out_of_another_shape_is_refused() {
    let src = Tensor::new(&[2, 2], vec![1, 2, 3, 4]).unwrap();
    let index = Tensor::new(&[3], vec![1, 1, 0]).unwrap();
    for dims in [&[2, 2][..], &[3], &[3, 2, 1]] {
        let mut out = Tensor::new(dims, vec![9; dims.iter().product()]).unwrap();
        let result = cpu::gather_coo_into(&src, &index, &GatherCooOptions::new(), &mut out);
        assert!(matches!(result, Err(Error::OutputShape { output: "out", .. })));
    }
    let indptr = Tensor::new(&[3], vec![0, 1, 2]).unwrap();
    let mut out = Tensor::new(&[2, 3], vec![9; 6]).unwrap();
    let result = cpu::gather_csr_into(&src, &indptr, &GatherCsrOptions::new(), &mut out);
    assert!(matches!(result, Err(Error::OutputShape { output: "out", .. })));
}
