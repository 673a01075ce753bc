//! `cargo bench --bench check`: the cost of checking the index. It times each operator with the check
//! (`BadIndex::Error`) and without it (`BadIndex::Skip`), on the CPU backend and, if there is one, on a GPU.
//!
//! On the GPU, a checked call waits for the stream before it enqueues its work, and the device is idle meanwhile. That
//! time is part of the cost, and of the time between the two events.

mod sizes;
mod support;

use std::hint::black_box;

use criterion::{
    Bencher, BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use sizes::{LARGE, SMALL, Size};
use support::{
    Device, Inputs, composite_on_cpu, composite_on_gpu, composite_options, composite_rows, configuration, zeros,
};
use tensorrt_scatter::{
    BadIndex, Composite, GatherCooOptions, GatherCsrOptions, Reduce, ScatterOptions, SegmentCooOptions,
    SegmentCsrOptions, cpu, gpu,
};

/// Makes the options of the operators: sums of rows, into the groups of the size.
struct Options {
    scatter: ScatterOptions,
    segment_coo: SegmentCooOptions,
    segment_csr: SegmentCsrOptions,
    gather_coo: GatherCooOptions,
    gather_csr: GatherCsrOptions,
}

impl Options {
    fn new(size: &Size, bad_index: BadIndex) -> Self {
        Self {
            scatter: ScatterOptions::new(Reduce::Sum).dim(0).dim_size(size.groups).bad_index(bad_index),
            segment_coo: SegmentCooOptions::new(Reduce::Sum).dim_size(size.groups).bad_index(bad_index),
            segment_csr: SegmentCsrOptions::new(Reduce::Sum).bad_index(bad_index),
            gather_coo: GatherCooOptions::new().bad_index(bad_index),
            gather_csr: GatherCsrOptions::new().size(size.rows).bad_index(bad_index),
        }
    }
}

/// An operator's two benchmarks.
fn compare(
    group: &mut BenchmarkGroup<'_, WallTime>,
    operator: &str,
    size: &Size,
    mut bench: impl FnMut(&mut Bencher, BadIndex),
) {
    for (name, bad_index) in [("unchecked", BadIndex::Skip), ("checked", BadIndex::Error)] {
        let id = BenchmarkId::new(format!("{operator}/{name}"), size.label());
        group.bench_function(id, |bencher| bench(bencher, bad_index));
    }
}

fn on_cpu(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check/cpu");
    // The cost is relative to the work on a row: the size with the shortest rows shows it best.
    let size = &SMALL[0];
    let inputs = Inputs::new(size);
    let src = black_box(&inputs.src);
    let mut out = zeros(size.groups, size.columns);
    compare(&mut group, "scatter", size, |bencher, bad_index| {
        let options = Options::new(size, bad_index).scatter;
        bencher.iter(|| cpu::scatter_into(src, &inputs.index, None, &options, &mut out, None).unwrap());
    });
    compare(&mut group, "segment_coo", size, |bencher, bad_index| {
        let options = Options::new(size, bad_index).segment_coo;
        bencher.iter(|| cpu::segment_coo_into(src, &inputs.sorted_index, None, &options, &mut out, None).unwrap());
    });
    compare(&mut group, "segment_csr", size, |bencher, bad_index| {
        let options = Options::new(size, bad_index).segment_csr;
        bencher.iter(|| cpu::segment_csr_into(src, &inputs.indptr, &options, &mut out, None).unwrap());
    });
    let mut rows = zeros(size.rows, size.columns);
    compare(&mut group, "gather_coo", size, |bencher, bad_index| {
        let options = Options::new(size, bad_index).gather_coo;
        bencher.iter(|| cpu::gather_coo_into(&inputs.group_rows, &inputs.index, &options, &mut rows).unwrap());
    });
    compare(&mut group, "gather_csr", size, |bencher, bad_index| {
        let options = Options::new(size, bad_index).gather_csr;
        bencher.iter(|| cpu::gather_csr_into(&inputs.group_rows, &inputs.indptr, &options, &mut rows).unwrap());
    });
    for composite in Composite::ALL {
        let mut out = zeros(composite_rows(composite, size), size.columns);
        compare(&mut group, composite.name(), size, |bencher, bad_index| {
            let options = composite_options(size).bad_index(bad_index);
            bencher.iter(|| composite_on_cpu(composite, &inputs, &options, &mut out));
        });
    }
}

fn on_gpu(criterion: &mut Criterion) {
    let Some(mut device) = Device::new_or_skip("check/gpu") else { return };
    let mut group = criterion.benchmark_group("check/gpu");
    for size in [&SMALL[0], &LARGE[0]] {
        let inputs = device.inputs(size);
        let src = &inputs.src;
        let mut out = device.zeros(size.groups, size.columns);
        compare(&mut group, "scatter", size, |bencher, bad_index| {
            let options = Options::new(size, bad_index).scatter;
            bencher.iter_custom(|iterations| {
                device.time(iterations, |stream, workspace| {
                    gpu::scatter_into(stream, src, &inputs.index, None, &options, &mut out, None, workspace).unwrap();
                })
            });
        });
        compare(&mut group, "segment_coo", size, |bencher, bad_index| {
            let options = Options::new(size, bad_index).segment_coo;
            bencher.iter_custom(|iterations| {
                device.time(iterations, |stream, workspace| {
                    let index = &inputs.sorted_index;
                    gpu::segment_coo_into(stream, src, index, None, &options, &mut out, None, workspace).unwrap();
                })
            });
        });
        compare(&mut group, "segment_csr", size, |bencher, bad_index| {
            let options = Options::new(size, bad_index).segment_csr;
            bencher.iter_custom(|iterations| {
                device.time(iterations, |stream, workspace| {
                    gpu::segment_csr_into(stream, src, &inputs.indptr, &options, &mut out, None, workspace).unwrap();
                })
            });
        });
        let src = &inputs.group_rows;
        let mut rows = device.zeros(size.rows, size.columns);
        compare(&mut group, "gather_coo", size, |bencher, bad_index| {
            let options = Options::new(size, bad_index).gather_coo;
            bencher.iter_custom(|iterations| {
                device.time(iterations, |stream, workspace| {
                    gpu::gather_coo_into(stream, src, &inputs.index, &options, &mut rows, workspace).unwrap();
                })
            });
        });
        compare(&mut group, "gather_csr", size, |bencher, bad_index| {
            let options = Options::new(size, bad_index).gather_csr;
            bencher.iter_custom(|iterations| {
                device.time(iterations, |stream, workspace| {
                    gpu::gather_csr_into(stream, src, &inputs.indptr, &options, &mut rows, workspace).unwrap();
                })
            });
        });
        for composite in Composite::ALL {
            let mut out = device.zeros(composite_rows(composite, size), size.columns);
            compare(&mut group, composite.name(), size, |bencher, bad_index| {
                let options = composite_options(size).bad_index(bad_index);
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
