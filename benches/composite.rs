//! `cargo bench --bench composite`: softmax, log_softmax, logsumexp and std on the CPU backend and, if there is one, on
//! a GPU. Times on the GPU are those of the device, between two events on the stream.

mod sizes;
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sizes::{LARGE, SMALL, Size};
use support::{
    Device, Inputs, bytes_moved, composite_on_cpu, composite_on_gpu, composite_options, composite_rows, configuration,
    zeros,
};
use tensorrt_scatter::{BadIndex, Composite};

fn throughput(composite: Composite, size: &Size) -> Throughput {
    bytes_moved(size.values() + composite_rows(composite, size) * size.columns, size.rows)
}

fn on_cpu(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("composite/cpu");
    for size in SMALL {
        let inputs = Inputs::new(size);
        let options = composite_options(size).bad_index(BadIndex::Skip);
        for composite in Composite::ALL {
            let mut out = zeros(composite_rows(composite, size), size.columns);
            group.throughput(throughput(composite, size));
            group.bench_function(BenchmarkId::new(composite.name(), size.label()), |bencher| {
                bencher.iter(|| composite_on_cpu(composite, black_box(&inputs), &options, &mut out));
            });
        }
    }
}

fn on_gpu(criterion: &mut Criterion) {
    let Some(mut device) = Device::new_or_skip("composite/gpu") else { return };
    let mut group = criterion.benchmark_group("composite/gpu");
    for size in SMALL.iter().chain(LARGE) {
        let inputs = device.inputs(size);
        let options = composite_options(size).bad_index(BadIndex::Skip);
        for composite in Composite::ALL {
            let mut out = device.zeros(composite_rows(composite, size), size.columns);
            group.throughput(throughput(composite, size));
            group.bench_function(BenchmarkId::new(composite.name(), size.label()), |bencher| {
                bencher.iter_custom(|iterations| {
                    device.time(iterations, |stream, workspace| {
                        composite_on_gpu(composite, stream, &inputs, &options, &mut out, workspace);
                    })
                });
            });
        }
    }
}

criterion_group!(name = benches; config = configuration(); targets = on_cpu, on_gpu);
criterion_main!(benches);
