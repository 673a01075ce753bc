//! enqueue on a GPU, of both generations' plugins, against the CPU backend. This process has no TensorRT, so
//! the library hands out the creators of both.

mod common;

use std::ffi::c_void;

use common::{
    Field, Session, chars, int, plugin_library, skipped,
    tensors::{FLOAT, INT32_TYPE, INT64_TYPE, Tensor as Described, tensor},
    v2,
    v3::{self, Phase},
};
use tensorrt_scatter::{
    BadIndex, Reduce, ScatterOptions, Shape, Tensor, cpu,
    gpu::{DeviceTensor, Gpu, Stream},
};

/// A layer: where the sizes and attributes come from.
struct Case {
    reduce: Reduce,
    dim: i32,
    src: &'static [usize],
    index: &'static [usize],
    groups: usize,
    with_base: bool,
    wide_index: bool,
}

/// Numbers without a pattern, the same at every run (Knuth's MMIX generator, upper bits).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Powers of two, whose sums and products are exact in any order as long as groups are small.
    fn values(&mut self, dims: &[usize]) -> Tensor<f32> {
        let values = (0..dims.iter().product()).map(|_| [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0][self.below(6) as usize]);
        Tensor::new(dims, values.collect()).unwrap()
    }

    /// Indices, of which one in ten lies outside [0, groups).
    fn index(&mut self, dims: &[usize], groups: usize) -> Tensor<i64> {
        let mut one = || match self.below(20) {
            0 => -1,
            1 => groups as i64,
            _ => self.below(groups.max(1) as u64) as i64,
        };
        let values = (0..dims.iter().product()).map(|_| one());
        Tensor::new(dims, values.collect()).unwrap()
    }
}

fn described(data_type: i32, shape: &Shape) -> Described {
    let dims: Vec<_> = shape.dims().iter().map(|&size| size as i64).collect();
    tensor(data_type, &dims)
}

/// A plugin of either generation.
trait Plugin {
    fn ready(&self, inputs: &[Described], outputs: &[Described]) -> usize;
    fn enqueue(
        &self,
        inputs: &[(Described, u64)],
        outputs: &[(Described, u64)],
        workspace: u64,
        stream: *mut c_void,
    ) -> i32;
}

impl Plugin for v2::Plugin {
    fn ready(&self, inputs: &[Described], outputs: &[Described]) -> usize {
        self.configure(inputs, outputs);
        assert_eq!(self.initialize(), 0);
        self.workspace_size(inputs, outputs)
    }
    fn enqueue(
        &self,
        inputs: &[(Described, u64)],
        outputs: &[(Described, u64)],
        workspace: u64,
        stream: *mut c_void,
    ) -> i32 {
        v2::Plugin::enqueue(self, inputs, outputs, workspace, stream)
    }
}

impl Plugin for v3::Plugin {
    fn ready(&self, inputs: &[Described], outputs: &[Described]) -> usize {
        assert_eq!((self.configure(inputs, outputs), self.shape_change(inputs, outputs)), (0, 0));
        self.workspace_size(inputs, inputs, outputs)
    }
    fn enqueue(
        &self,
        inputs: &[(Described, u64)],
        outputs: &[(Described, u64)],
        workspace: u64,
        stream: *mut c_void,
    ) -> i32 {
        v3::Plugin::enqueue(self, inputs, outputs, workspace, stream)
    }
}

/// Runs a layer twice on a stream, so that nothing of the first run is left over, and compares.
fn check(stream: &Stream, case: &Case, random: &mut Random, make: &dyn Fn(&[Field]) -> Box<dyn Plugin>) {
    let axis = case.dim.rem_euclid(case.src.len() as i32) as usize;
    let (src, index) = (random.values(case.src), random.index(case.index, case.groups));
    let out_shape = src.shape().with_axis(axis, case.groups).unwrap();
    let base = case.with_base.then(|| random.values(out_shape.dims()));
    let options =
        ScatterOptions::new(case.reduce).dim(case.dim as isize).dim_size(case.groups).bad_index(BadIndex::Skip);
    let expected = cpu::scatter(&src, &index, base.as_ref().map(Tensor::view), &options).unwrap();

    let groups = case.groups as i32;
    let mut fields = vec![int(c"dim", &case.dim), chars(c"reduce", case.reduce.name())];
    if !case.with_base {
        fields.push(int(c"dim_size", &groups));
    }
    let plugin = make(&fields);

    let index_type = if case.wide_index { INT64_TYPE } else { INT32_TYPE };
    let narrow = Tensor::new(case.index, index.data().iter().map(|&value| value as i32).collect()).unwrap();
    let device_src = DeviceTensor::from_host(stream, &src).unwrap();
    let device_index = DeviceTensor::from_host(stream, &index).unwrap();
    let device_narrow = DeviceTensor::from_host(stream, &narrow).unwrap();
    let device_base = base.as_ref().map(|base| DeviceTensor::from_host(stream, base).unwrap());
    let out = DeviceTensor::from_host(stream, &Tensor::full(out_shape, f32::NAN)).unwrap();
    let arg_out = DeviceTensor::from_host(stream, &Tensor::full(out_shape, -7)).unwrap();

    let index_address = if case.wide_index { device_index.address() } else { device_narrow.address() };
    let mut inputs = vec![
        (described(FLOAT, src.shape()), device_src.address()),
        (described(index_type, index.shape()), index_address),
    ];
    inputs.extend(device_base.as_ref().map(|base| (described(FLOAT, base.shape()), base.address())));
    let mut outputs = vec![(described(FLOAT, &out_shape), out.address())];
    if case.reduce.has_arg() {
        outputs.push((described(INT32_TYPE, &out_shape), arg_out.address()));
    }
    let only = |tensors: &[(Described, u64)]| tensors.iter().map(|(tensor, _)| tensor.clone()).collect::<Vec<_>>();
    let bytes = plugin.ready(&only(&inputs), &only(&outputs));
    let workspace = DeviceTensor::from_host(stream, &Tensor::full(Shape::new(&[bytes]).unwrap(), 0xA5u8)).unwrap();
    for _ in 0..2 {
        assert_eq!(plugin.enqueue(&inputs, &outputs, workspace.address(), stream.as_raw()), 0);
    }
    assert_eq!(out.to_host(stream).unwrap(), expected.out);
    if let Some(expected) = expected.arg_out {
        let given = arg_out.to_host(stream).unwrap();
        assert_eq!(given.data().iter().map(|&position| i64::from(position)).collect::<Vec<_>>(), expected.data());
    }
    if let Some(base) = &base {
        assert_eq!(device_base.unwrap().to_host(stream).unwrap(), *base, "base must not be modified");
    }
}

#[test]
fn both_generations_agree_with_the_cpu_backend() {
    let _session = Session::start();
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => return skipped("both_generations_agree_with_the_cpu_backend", &error.to_string()),
    };
    let stream = Stream::new(&gpu).unwrap();
    let library = plugin_library();
    let v2 = v2::Creator(library.creators(c"getPluginCreators")[0]);
    let v3 = v3::Creator(library.creators(c"getCreators")[0]);
    let make_v2 = |fields: &[Field]| -> Box<dyn Plugin> { Box::new(v2.create(c"gpu", fields).unwrap()) };
    let make_v3 =
        |fields: &[Field]| -> Box<dyn Plugin> { Box::new(v3.create(c"gpu", fields, Phase::Runtime).unwrap()) };

    let shapes: [(i32, &[usize], &[usize], usize); 8] = [
        (0, &[100], &[100], 40),
        (1, &[2, 300, 4], &[300], 100),
        (1, &[2, 300, 4], &[2, 300, 4], 100),
        (-2, &[2, 300, 4], &[2, 300], 100),
        (1, &[3, 50, 7, 5], &[1, 50, 1, 5], 20),
        (-1, &[2, 3, 64], &[2, 1, 64], 1000),
        (0, &[0, 5], &[0], 3),
        (1, &[4, 5], &[5], 0),
    ];
    let mut random = Random(1);
    for reduce in Reduce::ALL {
        for (dim, src, index, groups) in shapes {
            for with_base in [false, true] {
                for wide_index in [false, true] {
                    let case = Case { reduce, dim, src, index, groups, with_base, wide_index };
                    check(&stream, &case, &mut random, &make_v3);
                    // There is no INT64 before TensorRT 10.
                    if !wide_index {
                        check(&stream, &case, &mut random, &make_v2);
                    }
                }
            }
        }
    }
}
