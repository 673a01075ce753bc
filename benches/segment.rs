//! `cargo bench --bench segment`: segment_coo and segment_csr on the CPU backend and, if there is one, on a GPU. Times
//! on the GPU are those of the device, between two events on the stream.

mod sizes;
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sizes::{LARGE, SMALL, Size};
use support::{Device, Inputs, bytes_moved, configuration, zeros};
use tensorrt_scatter::{BadIndex, Reduce, ReduceOperator, SegmentCooOptions, SegmentCsrOptions, cpu, gpu};

fn coo_options(size: &Size, reduce: Reduce) -> SegmentCooOptions {
    SegmentCooOptions::new(reduce).dim_size(size.groups).bad_index(BadIndex::Skip)
}

fn csr_options(reduce: Reduce) -> SegmentCsrOptions {
    SegmentCsrOptions::new(reduce).bad_index(BadIndex::Skip)
}

fn throughput(size: &Size, indices: usize) -> Throughput {
    bytes_moved(size.values() + size.group_values(), indices)
}

fn coo_on_cpu(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("segment_coo/cpu");
    for size in SMALL {
        let Inputs { src, sorted_index, .. } = Inputs::new(size);
        let mut out = zeros(size.groups, size.columns);
        let mut arg = zeros(size.groups, size.columns);
        group.throughput(throughput(size, size.rows));
        for reduce in ReduceOperator::SegmentCoo.reductions() {
            let options = coo_options(size, reduce);
            group.bench_function(BenchmarkId::new(reduce.name(), size.label()), |bencher| {
                bencher.iter(|| {
                    let arg = reduce.has_arg().then(|| arg.view_mut());
                    cpu::segment_coo_into(black_box(&src), &sorted_index, None, &options, &mut out, arg).unwrap();
                });
            });
        }
    }
}

fn csr_on_cpu(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("segment_csr/cpu");
    for size in SMALL {
        let Inputs { src, indptr, .. } = Inputs::new(size);
        let mut out = zeros(size.groups, size.columns);
        let mut arg = zeros(size.groups, size.columns);
        group.throughput(throughput(size, size.groups + 1));
        for reduce in ReduceOperator::SegmentCsr.reductions() {
            let options = csr_options(reduce);
            group.bench_function(BenchmarkId::new(reduce.name(), size.label()), |bencher| {
                bencher.iter(|| {
                    let arg = reduce.has_arg().then(|| arg.view_mut());
                    cpu::segment_csr_into(black_box(&src), &indptr, &options, &mut out, arg).unwrap();
                });
            });
        }
    }
}

fn coo_on_gpu(criterion: &mut Criterion) {
    let Some(mut device) = Device::new_or_skip("segment_coo/gpu") else { return };
    let mut group = criterion.benchmark_group("segment_coo/gpu");
    for size in SMALL.iter().chain(LARGE) {
        let inputs = device.inputs(size);
        let (src, index) = (&inputs.src, &inputs.sorted_index);
        let mut out = device.zeros(size.groups, size.columns);
        let mut arg = device.zeros(size.groups, size.columns);
        group.throughput(throughput(size, size.rows));
        for reduce in ReduceOperator::SegmentCoo.reductions() {
            let options = coo_options(size, reduce);
            group.bench_function(BenchmarkId::new(reduce.name(), size.label()), |bencher| {
                bencher.iter_custom(|iterations| {
                    device.time(iterations, |stream, workspace| {
                        let arg = reduce.has_arg().then_some(&mut arg);
                        gpu::segment_coo_into(stream, src, index, None, &options, &mut out, arg, workspace).unwrap();
                    })
                });
            });
        }
    }
}

fn csr_on_gpu(criterion: &mut Criterion) {
    let Some(mut device) = Device::new_or_skip("segment_csr/gpu") else { return };
    let mut group = criterion.benchmark_group("segment_csr/gpu");
    for size in SMALL.iter().chain(LARGE) {
        let inputs = device.inputs(size);
        let (src, indptr) = (&inputs.src, &inputs.indptr);
        let mut out = device.zeros(size.groups, size.columns);
        let mut arg = device.zeros(size.groups, size.columns);
        group.throughput(throughput(size, size.groups + 1));
        for reduce in ReduceOperator::SegmentCsr.reductions() {
            let options = csr_options(reduce);
            group.bench_function(BenchmarkId::new(reduce.name(), size.label()), |bencher| {
                bencher.iter_custom(|iterations| {
                    device.time(iterations, |stream, workspace| {
                        let arg = reduce.has_arg().then_some(&mut arg);
                        gpu::segment_csr_into(stream, src, indptr, &options, &mut out, arg, workspace).unwrap();
                    })
                });
            });
        }
    }
}

criterion_group!(name = benches; config = configuration(); targets = coo_on_cpu, csr_on_cpu, coo_on_gpu, csr_on_gpu);
criterion_main!(benches);
