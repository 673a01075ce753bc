//! What the benchmarks share: tensors of each size, the device and its clock.

#![allow(dead_code, reason = "each benchmark uses its own part")]

use std::time::Duration;

use bytemuck::Pod;
use criterion::{Criterion, Throughput};
use tensorrt_scatter::{
    Composite, CompositeOptions, Shape, Tensor, cpu,
    gpu::{self, DeviceTensor, Event, Gpu, Stream, Workspace},
};

use crate::sizes::Size;

/// Short enough that all benchmarks of all operators take minutes, not hours; the command line overrides it.
pub fn configuration() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2))
}

/// A throughput in the bytes that have to move at least: each value (float32) and each index (int32) once.
pub fn bytes_moved(values: usize, indices: usize) -> Throughput {
    Throughput::Bytes((values * size_of::<f32>() + indices * size_of::<i32>()) as u64)
}

/// `src` of a size, and the ways to say which group a row belongs to.
pub struct Inputs {
    /// [rows, columns].
    pub src: Tensor<f32>,
    /// [groups, columns], for the gathers to read.
    pub group_rows: Tensor<f32>,
    /// [rows].
    pub index: Tensor<i32>,
    /// [rows].
    pub sorted_index: Tensor<i32>,
    /// [groups + 1], the same groups as `sorted_index`.
    pub indptr: Tensor<i32>,
}

impl Inputs {
    pub fn new(size: &Size) -> Self {
        Self {
            src: Tensor::new(&[size.rows, size.columns], size.src()).unwrap(),
            group_rows: Tensor::new(&[size.groups, size.columns], size.group_rows()).unwrap(),
            index: Tensor::new(&[size.rows], size.index()).unwrap(),
            sorted_index: Tensor::new(&[size.rows], size.sorted_index()).unwrap(),
            indptr: Tensor::new(&[size.groups + 1], size.indptr()).unwrap(),
        }
    }
}

/// [`Inputs`] in device memory.
pub struct DeviceInputs {
    pub src: DeviceTensor<f32>,
    pub group_rows: DeviceTensor<f32>,
    pub index: DeviceTensor<i32>,
    pub sorted_index: DeviceTensor<i32>,
    pub indptr: DeviceTensor<i32>,
}

/// Space for results in host memory: zeros, a row for each of `rows`.
pub fn zeros<T: Pod>(rows: usize, columns: usize) -> Tensor<T> {
    Tensor::full(Shape::new(&[rows, columns]).unwrap(), T::zeroed()).unwrap()
}

/// The device that the benchmarks run on, with a stream of its own.
pub struct Device {
    stream: Stream,
    workspace: Workspace,
}

impl Device {
    /// The first device. Without one it prints why, and returns None.
    pub fn new_or_skip(benchmarks: &str) -> Option<Self> {
        match Gpu::new(0) {
            Ok(gpu) => Some(Self { stream: Stream::new(&gpu).unwrap(), workspace: Workspace::new(&gpu).unwrap() }),
            Err(error) => {
                println!("SKIPPED: {benchmarks}: {error}");
                None
            }
        }
    }

    pub fn gpu(&self) -> Gpu {
        self.stream.gpu().clone()
    }

    pub fn inputs(&self, size: &Size) -> DeviceInputs {
        let inputs = Inputs::new(size);
        DeviceInputs {
            src: self.upload(&inputs.src),
            group_rows: self.upload(&inputs.group_rows),
            index: self.upload(&inputs.index),
            sorted_index: self.upload(&inputs.sorted_index),
            indptr: self.upload(&inputs.indptr),
        }
    }

    fn upload<T: Pod>(&self, tensor: &Tensor<T>) -> DeviceTensor<T> {
        DeviceTensor::from_host(&self.stream, tensor).unwrap()
    }

    /// Space for results in device memory: zeros, a row for each of `rows`.
    pub fn zeros<T: Pod>(&self, rows: usize, columns: usize) -> DeviceTensor<T> {
        DeviceTensor::zeros(&self.stream, Shape::new(&[rows, columns]).unwrap()).unwrap()
    }

    /// The time on the device between the start of the first run and the end of the last, as two events on the
    /// stream tell it. Where a run waits for the stream, the time it leaves the device idle counts as well.
    pub fn time(&mut self, iterations: u64, mut run: impl FnMut(&Stream, &mut Workspace)) -> Duration {
        let gpu = self.stream.gpu();
        let (start, end) = (Event::new(gpu).unwrap(), Event::new(gpu).unwrap());
        start.record(&self.stream).unwrap();
        for _ in 0..iterations {
            run(&self.stream, &mut self.workspace);
        }
        end.record(&self.stream).unwrap();
        end.elapsed_since(&start).unwrap()
    }
}

/// The rows of a composite's result.
pub fn composite_rows(composite: Composite, size: &Size) -> usize {
    match composite {
        Composite::Softmax | Composite::LogSoftmax => size.rows,
        Composite::LogSumExp | Composite::Std => size.groups,
    }
}

/// Options for groups of rows.
pub fn composite_options(size: &Size) -> CompositeOptions {
    CompositeOptions::new().dim(0).dim_size(size.groups)
}

/// A composite on the CPU backend.
pub fn composite_on_cpu(composite: Composite, inputs: &Inputs, options: &CompositeOptions, out: &mut Tensor<f32>) {
    let (src, index) = (&inputs.src, &inputs.index);
    match composite {
        Composite::Softmax => cpu::softmax_into(src, index, options, out),
        Composite::LogSoftmax => cpu::log_softmax_into(src, index, options, out),
        Composite::LogSumExp => cpu::logsumexp_into(src, index, options, out),
        Composite::Std => cpu::std_into(src, index, options, out),
    }
    .unwrap();
}

/// A composite on the GPU.
pub fn composite_on_gpu(
    composite: Composite,
    stream: &Stream,
    inputs: &DeviceInputs,
    options: &CompositeOptions,
    out: &mut DeviceTensor<f32>,
    workspace: &mut Workspace,
) {
    let (src, index) = (&inputs.src, &inputs.index);
    match composite {
        Composite::Softmax => gpu::softmax_into(stream, src, index, options, out, workspace),
        Composite::LogSoftmax => gpu::log_softmax_into(stream, src, index, options, out, workspace),
        Composite::LogSumExp => gpu::logsumexp_into(stream, src, index, options, out, workspace),
        Composite::Std => gpu::std_into(stream, src, index, options, out, workspace),
    }
    .unwrap();
}
