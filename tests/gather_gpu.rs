//! The gathers on the GPU backend against the CPU backend. Skipped, and counted as skipped, where there is no device.

mod support;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};
use support::{
    Element, assert_same,
    gather::{GatherCase, coo_cases, csr_cases},
    gpu_or_skip,
};
use tensorrt_scatter::{
    BadIndex, Error, GatherCooOptions, GatherCsrOptions, Index, Shape, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

/// Which gather.
#[derive(Clone, Copy)]
enum Gather {
    Coo,
    Csr,
}

/// Runs a case on both backends and compares: the owned form, and the one that writes to a buffer full of something
/// else.
fn check<T: Element, I: Index>(
    stream: &Stream,
    gather: Gather,
    case: &GatherCase<T>,
    index: &Tensor<I>,
    bad_index: BadIndex,
) {
    let src = TensorView::new(&case.src_dims, &case.src).unwrap();
    let coo = GatherCooOptions::new().bad_index(bad_index);
    let csr = GatherCsrOptions::new().bad_index(bad_index).size(case.size);
    let device_src = DeviceTensor::from_host(stream, src).unwrap();
    let device_index = DeviceTensor::from_host(stream, index).unwrap();
    let out_shape = Shape::new(&case.out_dims()).unwrap();
    let mut buffer = DeviceTensor::from_host(stream, &Tensor::full(out_shape, T::of(77.0)).unwrap()).unwrap();
    let mut workspace = Workspace::new(stream.gpu()).unwrap();
    let (expected, owned, into) = match gather {
        Gather::Coo => (
            cpu::gather_coo(src, index, &coo),
            gpu::gather_coo(stream, &device_src, &device_index, &coo),
            gpu::gather_coo_into(stream, &device_src, &device_index, &coo, &mut buffer, &mut workspace),
        ),
        Gather::Csr => (
            cpu::gather_csr(src, index, &csr),
            gpu::gather_csr(stream, &device_src, &device_index, &csr),
            gpu::gather_csr_into(stream, &device_src, &device_index, &csr, &mut buffer, &mut workspace),
        ),
    };
    match expected {
        Ok(expected) => {
            assert_same("owned", owned.unwrap().to_host(stream).unwrap().data(), expected.data());
            into.unwrap();
            assert_same("into", buffer.to_host(stream).unwrap().data(), expected.data());
        }
        Err(expected) => {
            assert_eq!(owned.err(), Some(expected.clone()));
            assert_eq!(into.err(), Some(expected));
        }
    }
}

/// Many small cases on one stream, with both index types.
fn check_generated<T: Element>(
    test: &str,
    gather: Gather,
    cases: impl Strategy<Value = GatherCase<T>>,
    bad_index: BadIndex,
) {
    let Some(gpu) = gpu_or_skip(test) else { return };
    let stream = Stream::new(&gpu).unwrap();
    // The failing case is in the message; a file beside the sources cannot be written where only the test runs.
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&cases, |case| {
            let wide = Tensor::new(&case.index_dims, case.index.clone()).unwrap();
            let narrow = Tensor::new(&case.index_dims, case.index.iter().map(|&index| index as i32).collect()).unwrap();
            check(&stream, gather, &case, &wide, bad_index);
            check(&stream, gather, &case, &narrow, bad_index);
            Ok(())
        })
        .unwrap();
}

fn coo_agrees_with_the_cpu_backend<T: Element>() {
    check_generated("coo_agrees_with_the_cpu_backend", Gather::Coo, coo_cases::<T>(6, true), BadIndex::Skip);
}

fn csr_agrees_with_the_cpu_backend<T: Element>() {
    check_generated("csr_agrees_with_the_cpu_backend", Gather::Csr, csr_cases::<T>(6), BadIndex::Skip);
}

for_each_type! {
    coo_cpu_backend: coo_agrees_with_the_cpu_backend;
    csr_cpu_backend: csr_agrees_with_the_cpu_backend;
}

#[test]
fn reports_the_same_first_offender_as_the_cpu_backend() {
    let test = "reports_the_same_first_offender_as_the_cpu_backend";
    check_generated(test, Gather::Coo, coo_cases::<f32>(6, true), BadIndex::Error);
    check_generated(test, Gather::Csr, csr_cases::<f32>(6), BadIndex::Error);
    let shuffled = csr_cases::<f32>(6).prop_map(|mut case| {
        case.index.reverse();
        case
    });
    check_generated(test, Gather::Csr, shuffled, BadIndex::Error);
}

#[test]
fn without_a_size_the_last_element_decides() {
    let Some(gpu) = gpu_or_skip("without_a_size_the_last_element_decides") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[2], vec![1, 2]).unwrap()).unwrap();
    let indptr = DeviceTensor::from_host(&stream, &Tensor::new(&[3], vec![0, 1, 3]).unwrap()).unwrap();
    let out = gpu::gather_csr(&stream, &src, &indptr, &GatherCsrOptions::new()).unwrap();
    assert_eq!(out.to_host(&stream).unwrap().data(), [1, 2, 2]);
    let bad = DeviceTensor::from_host(&stream, &Tensor::new(&[3], vec![0, 9, 3]).unwrap()).unwrap();
    assert!(matches!(
        gpu::gather_csr(&stream, &src, &bad, &GatherCsrOptions::new()),
        Err(Error::IndptrOutOfRange { position: 1, value: 9, at_least: 0, size: 3, .. })
    ));
}

/// Repeatable values without a random number generator: a multiplicative hash of the position.
fn hash(i: usize) -> usize {
    ((i as u64 ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize
}

#[test]
fn large_tensors_agree_with_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("large_tensors_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    // The last case but one has more words than lanes that run at once. In the last case, a warp takes several row
    // tiles.
    for (rows, columns, size) in
        [(1_000, 1, 300_000), (7_000, 5, 100_003), (50_000, 64, 20_000), (300, 12, 700_001), (100_000, 1, 5_000_000)]
    {
        let src: Vec<f32> = (0..rows * columns).map(|i| hash(i) as f32).collect();
        let index: Vec<i32> = (0..size).map(|e| (hash(e) % rows) as i32).collect();
        let index = Tensor::new(&[size], index).unwrap();
        let (src_dims, index_dims) = (vec![rows, columns], vec![size]);
        let case = GatherCase { src_dims, src, index_dims, index: Vec::new(), size };
        check(&stream, Gather::Coo, &case, &index, BadIndex::Error);
        for skew in [1, 8] {
            // With the eighth power, a few segments have most of the rows, and many have none.
            let start = |n: usize| ((n as f64 / rows as f64).powi(skew) * size as f64) as i32;
            let indptr = Tensor::new(&[rows + 1], (0..=rows).map(start).collect()).unwrap();
            let case = GatherCase { index_dims: vec![rows + 1], ..case.clone() };
            check(&stream, Gather::Csr, &case, &indptr, BadIndex::Error);
        }
    }
}
