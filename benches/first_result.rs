//! `cargo bench --bench first_result`: how long a process waits for its first result on the GPU. Run it with
//! CUDA_CACHE_DISABLE=1, so that the driver compiles the kernels anew.

use std::time::Instant;

use tensorrt_scatter::{
    Reduce, ScatterOptions, Tensor,
    gpu::{self, DeviceTensor, Gpu, Stream},
};

fn main() {
    let start = Instant::now();
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        Err(error) => return println!("SKIPPED: first_result: {error}"),
    };
    let stream = Stream::new(&gpu).unwrap();
    println!("driver and context  {:7.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![1.0f32, 5.0, 2.0, 3.0]).unwrap()).unwrap();
    let index = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![0, 1, 0, 1]).unwrap()).unwrap();
    for reduce in Reduce::ALL {
        for call in ["first", "second"] {
            let start = Instant::now();
            let options = ScatterOptions::new(reduce).dim_size(2);
            let result = gpu::scatter(&stream, &src, &index, None, &options).unwrap();
            assert_eq!(result.out.to_host(&stream).unwrap().data().len(), 2);
            println!("scatter {reduce:4} {call:6}  {:7.1} ms", start.elapsed().as_secs_f64() * 1e3);
        }
    }
}
