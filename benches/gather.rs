//! `cargo bench --bench gather`: gather_coo and gather_csr on the CPU backend and, if there is one, on a GPU. Times on
//! the GPU are those of the device, between two events on the stream.

mod sizes;
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sizes::{LARGE, SMALL, Size};
use support::{Device, Inputs, bytes_moved, configuration, zeros};
use tensorrt_scatter::{BadIndex, GatherCooOptions, GatherCsrOptions, cpu, gpu};

fn coo_options() -> GatherCooOptions {
    GatherCooOptions::new().bad_index(BadIndex::Skip)
}

fn csr_options(size: &Size) -> GatherCsrOptions {
    GatherCsrOptions::new().size(size.rows).bad_index(BadIndex::Skip)
}

fn throughput(size: &Size, indices: usize) -> Throughput {
    bytes_moved(size.values() + size.group_values(), indices)
}

fn on_cpu(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gather/cpu");
    for size in SMALL {
        let Inputs { group_rows: src, sorted_index: index, indptr, .. } = Inputs::new(size);
        let mut out = zeros(size.rows, size.columns);
        group.throughput(throughput(size, size.rows));
        group.bench_function(BenchmarkId::new("coo", size.label()), |bencher| {
            bencher.iter(|| cpu::gather_coo_into(black_box(&src), &index, &coo_options(), &mut out).unwrap());
        });
        group.throughput(throughput(size, size.groups + 1));
        group.bench_function(BenchmarkId::new("csr", size.label()), |bencher| {
            bencher.iter(|| cpu::gather_csr_into(black_box(&src), &indptr, &csr_options(size), &mut out).unwrap());
        });
    }
}

fn on_gpu(criterion: &mut Criterion) {
    let Some(mut device) = Device::new_or_skip("gather/gpu") else { return };
    let mut group = criterion.benchmark_group("gather/gpu");
    for size in SMALL.iter().chain(LARGE) {
        let inputs = device.inputs(size);
        let src = &inputs.group_rows;
        let mut out = device.zeros(size.rows, size.columns);
        group.throughput(throughput(size, size.rows));
        group.bench_function(BenchmarkId::new("coo", size.label()), |bencher| {
            bencher.iter_custom(|iterations| {
                device.time(iterations, |stream, workspace| {
                    let index = &inputs.sorted_index;
                    gpu::gather_coo_into(stream, src, index, &coo_options(), &mut out, workspace).unwrap();
                })
            });
        });
        group.throughput(throughput(size, size.groups + 1));
        group.bench_function(BenchmarkId::new("csr", size.label()), |bencher| {
            bencher.iter_custom(|iterations| {
                device.time(iterations, |stream, workspace| {
                    let indptr = &inputs.indptr;
                    gpu::gather_csr_into(stream, src, indptr, &csr_options(size), &mut out, workspace).unwrap();
                })
            });
        });
    }
}

criterion_group!(name = benches; config = configuration(); targets = on_cpu, on_gpu);
criterion_main!(benches);
