//! Lesson 2: the same reductions on the GPU, on a stream, into buffers that are used again.
//!
//! `cargo run --example 02_reduce_on_the_gpu`

use tensorrt_scatter::{
    BadIndex, Error, Reduce, ScatterOptions, Tensor,
    gpu::{self, DeviceTensor, Gpu, Stream, Workspace},
};

fn main() -> Result<(), Error> {
    let gpu = match Gpu::new(0) {
        Ok(gpu) => gpu,
        // A program starts without a driver, too. `Gpu::new` reports that there is none.
        Err(error) => {
            println!("Nothing to show: {error}");
            return Ok(());
        }
    };
    println!("on {}", gpu.name());
    let stream = Stream::new(&gpu)?;
    let points = Tensor::new(&[4, 2], vec![1.0f32, 10.0, 5.0, 20.0, 2.0, 30.0, 3.0, 40.0])?;
    let points = DeviceTensor::from_host(&stream, &points)?;
    let cells = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![0, 2, 0, 2])?)?;

    // The short form allocates its result.
    let options = ScatterOptions::new(Reduce::Max).dim(0).dim_size(3);
    let max = gpu::scatter(&stream, &points, &cells, None, &options)?;
    println!("max {:?}", max.out.to_host(&stream)?.data());

    // In a loop, use the `_into` form with a workspace: it allocates nothing. An unchecked call (`BadIndex::Skip`) also
    // returns without waiting for the stream; use it where the index is known to be good.
    let mut workspace = Workspace::new(&gpu)?;
    let mut mean = DeviceTensor::zeros(&stream, *max.out.shape())?;
    let options = ScatterOptions::new(Reduce::Mean).dim(0).bad_index(BadIndex::Skip);
    for _ in 0..3 {
        gpu::scatter_into(&stream, &points, &cells, None, &options, &mut mean, None, &mut workspace)?;
    }
    println!("mean {:?}", mean.to_host(&stream)?.data());
    Ok(())
}
