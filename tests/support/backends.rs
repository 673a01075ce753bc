//! Comparing the results of reductions on the GPU with those of the CPU backend.

use bytemuck::Pod;
use tensorrt_scatter::{
    Error, Reduced, Tensor, TensorView,
    gpu::{DeviceTensor, DeviceWeight, Stream},
};

use super::{
    Element, assert_same,
    gather_segments::{WeightValues, Weights},
};

/// A case's weights in device memory.
pub enum DeviceWeights<T> {
    Same(DeviceTensor<T>),
    Float32(DeviceTensor<f32>),
}

impl<T: Element> DeviceWeights<T> {
    pub fn upload(stream: &Stream, weights: &Weights<T>) -> Result<Self, Error> {
        let dims = &weights.dims;
        Ok(match &weights.values {
            WeightValues::Same(values) => {
                Self::Same(DeviceTensor::from_host(stream, TensorView::new(dims, values).unwrap())?)
            }
            WeightValues::Float32(values) => {
                Self::Float32(DeviceTensor::from_host(stream, TensorView::new(dims, values).unwrap())?)
            }
        })
    }

    pub fn weight(&self) -> DeviceWeight<'_, T> {
        match self {
            Self::Same(weights) => DeviceWeight::Same(weights),
            Self::Float32(weights) => DeviceWeight::Float32(weights),
        }
    }
}

/// What a backend makes of a case: a result in host memory, or why there is none.
pub type Answer<T, I> = Result<Reduced<Tensor<T>, Tensor<I>>, Error>;

/// The result of a call on the GPU, in host memory.
pub fn to_host<T: Pod, I: Pod>(stream: &Stream, result: Reduced<DeviceTensor<T>, DeviceTensor<I>>) -> Answer<T, I> {
    let arg_out = result.arg_out.map(|arg_out| arg_out.to_host(stream)).transpose()?;
    Ok(Reduced { out: result.out.to_host(stream)?, arg_out })
}

/// Compares what the CPU backend makes of a case with what the GPU makes of it, with each type of index.
#[track_caller]
pub fn assert_backends_agree<T: Element>(expected: Answer<T, i64>, wide: Answer<T, i64>, narrow: Answer<T, i32>) {
    let expected = match expected {
        Ok(expected) => expected,
        Err(expected) => {
            assert_eq!(wide.err(), Some(expected.clone()));
            assert_eq!(narrow.err(), Some(expected));
            return;
        }
    };
    let (wide, narrow) = (wide.unwrap(), narrow.unwrap());
    assert_same("out", wide.out.data(), expected.out.data());
    assert_same("out, i32 index", narrow.out.data(), expected.out.data());
    assert_eq!(wide.arg_out, expected.arg_out);
    let narrow = narrow.arg_out.map(|arg| arg.into_data().into_iter().map(i64::from).collect());
    assert_eq!(narrow, expected.arg_out.map(Tensor::into_data));
}
