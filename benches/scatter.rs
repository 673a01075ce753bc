//! `cargo bench --bench scatter`: scatter on the CPU backend and, if there is one, on a GPU. Times on the GPU are those
//! of the device, between two events on the stream.

mod sizes;
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sizes::{LARGE, SMALL, Size};
use support::{Device, Inputs, bytes_moved, configuration, zeros};
use tensorrt_scatter::{BadIndex, Reduce, ReduceOperator, ScatterOptions, cpu, gpu};

fn options(size: &Size, reduce: Reduce) -> ScatterOptions {
    ScatterOptions::new(reduce).dim(0).dim_size(size.groups).bad_index(BadIndex::Skip)
}

fn throughput(size: &Size) -> Throughput {
    bytes_moved(size.values() + size.group_values(), size.rows)
}

fn on_cpu(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scatter/cpu");
    for size in SMALL {
        let inputs = Inputs::new(size);
        let mut out = zeros(size.groups, size.columns);
        let mut arg = zeros(size.groups, size.columns);
        group.throughput(throughput(size));
        for reduce in ReduceOperator::Scatter.reductions() {
            let options = options(size, reduce);
            group.bench_function(BenchmarkId::new(reduce.name(), size.label()), |bencher| {
                bencher.iter(|| {
                    let arg = reduce.has_arg().then(|| arg.view_mut());
                    cpu::scatter_into(black_box(&inputs.src), &inputs.index, None, &options, &mut out, arg).unwrap();
                });
            });
        }
    }
}

fn on_gpu(criterion: &mut Criterion) {
    let Some(mut device) = Device::new_or_skip("scatter/gpu") else { return };
    let mut group = criterion.benchmark_group("scatter/gpu");
    for size in SMALL.iter().chain(LARGE) {
        let inputs = device.inputs(size);
        let mut out = device.zeros(size.groups, size.columns);
        let mut arg = device.zeros(size.groups, size.columns);
        group.throughput(throughput(size));
        for reduce in ReduceOperator::Scatter.reductions() {
            let options = options(size, reduce);
            group.bench_function(BenchmarkId::new(reduce.name(), size.label()), |bencher| {
                bencher.iter_custom(|iterations| {
                    device.time(iterations, |stream, workspace| {
                        let arg = reduce.has_arg().then_some(&mut arg);
                        gpu::scatter_into(stream, &inputs.src, &inputs.index, None, &options, &mut out, arg, workspace)
                            .unwrap();
                    })
                });
            });
        }
    }
}

criterion_group!(name = benches; config = configuration(); targets = on_cpu, on_gpu);
criterion_main!(benches);
