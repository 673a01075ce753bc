//! `cargo bench --bench scatter`: scatter on the CPU backend and, where there is a GPU, on it. Times on the
//! GPU are those of the device, between two events on the stream.

mod sizes;

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sizes::{LARGE, SMALL, Size};
use tensorrt_scatter::{
    BadIndex, Reduce, ScatterOptions, Shape, Tensor, cpu,
    gpu::{self, DeviceTensor, Event, Gpu, Stream, Workspace},
};

/// The bytes that have to move at least: src, index and out, each once.
fn bytes(size: &Size) -> u64 {
    4 * (size.rows * size.columns + size.rows + size.groups * size.columns) as u64
}

fn options(size: &Size, reduce: Reduce) -> ScatterOptions {
    ScatterOptions::new(reduce).dim(0).dim_size(size.groups).bad_index(BadIndex::Skip)
}

fn id(size: &Size, reduce: Reduce) -> BenchmarkId {
    BenchmarkId::new(reduce.name(), format!("{}/{}x{}->{}", size.name, size.rows, size.columns, size.groups))
}

fn inputs(size: &Size) -> (Tensor<f32>, Tensor<i32>) {
    let src = Tensor::new(&[size.rows, size.columns], size.src()).unwrap();
    (src, Tensor::new(&[size.rows], size.index()).unwrap())
}

fn on_cpu(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scatter/cpu");
    for size in SMALL {
        let (src, index) = inputs(size);
        group.throughput(Throughput::Bytes(bytes(size)));
        for reduce in Reduce::ALL {
            let options = options(size, reduce);
            group.bench_function(id(size, reduce), |bencher| {
                bencher.iter(|| cpu::scatter(black_box(&src), &index, None, &options).unwrap());
            });
        }
    }
}

fn on_gpu(criterion: &mut Criterion) {
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => return println!("SKIPPED: scatter/gpu: {error}"),
    };
    let stream = Stream::new(&gpu).unwrap();
    let mut workspace = Workspace::new(&gpu).unwrap();
    let mut group = criterion.benchmark_group("scatter/gpu");
    for size in SMALL.iter().chain(LARGE) {
        let (src, index) = inputs(size);
        let src = DeviceTensor::from_host(&stream, &src).unwrap();
        let index = DeviceTensor::from_host(&stream, &index).unwrap();
        let shape = Shape::new(&[size.groups, size.columns]).unwrap();
        let mut out = DeviceTensor::zeros(&stream, shape).unwrap();
        let mut arg = DeviceTensor::zeros(&stream, shape).unwrap();
        group.throughput(Throughput::Bytes(bytes(size)));
        for reduce in Reduce::ALL {
            let options = options(size, reduce);
            group.bench_function(id(size, reduce), |bencher| {
                bencher.iter_custom(|iterations| {
                    time_on_device(&stream, iterations, || {
                        let arg = reduce.has_arg().then_some(&mut arg);
                        gpu::scatter_into(&stream, &src, &index, None, &options, &mut out, arg, &mut workspace)
                            .unwrap();
                    })
                });
            });
        }
    }
}

fn time_on_device(stream: &Stream, iterations: u64, mut run: impl FnMut()) -> Duration {
    let (start, end) = (Event::new(stream.gpu()).unwrap(), Event::new(stream.gpu()).unwrap());
    start.record(stream).unwrap();
    for _ in 0..iterations {
        run();
    }
    end.record(stream).unwrap();
    end.elapsed_since(&start).unwrap()
}

criterion_group!(benches, on_cpu, on_gpu);
criterion_main!(benches);
