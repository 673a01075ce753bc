//! group_index on the GPU backend against the CPU backend. Skipped, and counted as skipped, where there is no device.

mod support;

use proptest::test_runner::{Config, TestRunner};
use support::{
    gpu_or_skip,
    groupings::{GroupingCase, grouping_cases, hard_cases},
};
use tensorrt_scatter::{
    BadIndex, Error, GroupIndexOptions, Grouping, Index, Tensor, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};

/// Runs an index on both backends and compares: the owned form, and the one that writes to buffers full of something
/// else.
fn check<I: Index>(stream: &Stream, index: &Tensor<I>, options: &GroupIndexOptions) {
    let on_device = DeviceTensor::from_host(stream, index).unwrap();
    let given = gpu::group_index(stream, &on_device, options);
    let expected = match cpu::group_index(index, options) {
        Ok(expected) => expected,
        Err(expected) => {
            assert_eq!(given.err(), Some(expected));
            return;
        }
    };
    let to_host = |Grouping { perm, indptr }: Grouping<DeviceTensor<I>>| Grouping {
        perm: perm.to_host(stream).unwrap(),
        indptr: indptr.to_host(stream).unwrap(),
    };
    // Not assert_eq, whose message would have millions of numbers.
    assert!(to_host(given.unwrap()) == expected, "{:?}, {options:?}", index.shape());
    let full = |tensor: &Tensor<I>| {
        let value = I::from_position(77).unwrap();
        DeviceTensor::from_host(stream, &Tensor::full(*tensor.shape(), value).unwrap()).unwrap()
    };
    let (mut perm, mut indptr) = (full(&expected.perm), full(&expected.indptr));
    let mut workspace = Workspace::new(stream.gpu()).unwrap();
    gpu::group_index_into(stream, &on_device, options, &mut perm, &mut indptr, &mut workspace).unwrap();
    assert!(to_host(Grouping { perm, indptr }) == expected, "into: {:?}, {options:?}", index.shape());
}

fn check_both_types(stream: &Stream, case: &GroupingCase) {
    let narrow = case.index.iter().map(|&index| index.clamp(-1, i32::MAX.into()) as i32).collect();
    let narrow = Tensor::new(&case.dims, narrow).unwrap();
    let wide = Tensor::new(&case.dims, case.index.clone()).unwrap();
    for bad_index in [BadIndex::Skip, BadIndex::Error] {
        let options = GroupIndexOptions::new().dim_size(case.groups).bad_index(bad_index);
        check(stream, &narrow, &options);
        check(stream, &wide, &options);
    }
}

#[test]
fn small_indices_agree_with_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("small_indices_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&grouping_cases(40), |case| {
            check_both_types(&stream, &case);
            Ok(())
        })
        .unwrap();
}

/// One pass, two and three; words of 32 bits and of 64; one share for each block, and shares of several tiles.
#[test]
fn large_indices_agree_with_the_cpu_backend() {
    let Some(gpu) = gpu_or_skip("large_indices_agree_with_the_cpu_backend") else { return };
    let stream = Stream::new(&gpu).unwrap();
    for (length, groups) in [(4097, 10), (100_003, 1023), (1_000_003, 1 << 18), (3_000_001, 5), (600_000, 2_000_003)] {
        for case in hard_cases(length, groups) {
            check_both_types(&stream, &case);
        }
    }
    let rows = (0..60_000).map(|i| (i * 7919 % 1002) as i64 - 1).collect();
    check_both_types(&stream, &GroupingCase { dims: vec![3, 20, 1000], index: rows, groups: 1000 });
}

#[test]
fn the_number_of_groups_comes_from_the_index() {
    let Some(gpu) = gpu_or_skip("the_number_of_groups_comes_from_the_index") else { return };
    let stream = Stream::new(&gpu).unwrap();
    check(&stream, &Tensor::new(&[5], vec![2, 0, 2, 1, 0]).unwrap(), &GroupIndexOptions::new());
    check(&stream, &Tensor::new(&[0], Vec::<i32>::new()).unwrap(), &GroupIndexOptions::new());
}

#[test]
fn outputs_of_other_shapes_are_refused() {
    let Some(gpu) = gpu_or_skip("outputs_of_other_shapes_are_refused") else { return };
    let stream = Stream::new(&gpu).unwrap();
    let of =
        |values: Vec<i64>| DeviceTensor::from_host(&stream, &Tensor::new(&[values.len()], values).unwrap()).unwrap();
    let index = of(vec![0, 1, 1]);
    let (mut perm, mut indptr) = (of(vec![7; 4]), of(vec![7; 3]));
    let mut workspace = Workspace::new(&gpu).unwrap();
    let options = GroupIndexOptions::new();
    let refused = gpu::group_index_into(&stream, &index, &options, &mut perm, &mut indptr, &mut workspace);
    assert!(matches!(refused, Err(Error::OutputShape { output: "perm", .. })), "{refused:?}");
}
