//! The scatter, segment and gather reductions of PyTorch Scatter.
//!
//! The kernels are Rust, compiled to PTX by rustc (`kernels-gpu`); the plugin library for TensorRT
//! (`plugin-shim`) and this API stand on them. [`cpu`] has the same operators without a GPU.

pub mod cpu;
pub mod gpu;

mod broadcast;
mod composite;
mod element;
mod error;
mod gather;
mod index_rules;
mod named_enum;
mod reduce;
mod reduction;
mod scatter;
mod segment;
mod shape;
mod tensor;
mod try_vec;

pub use composite::{Composite, CompositeOptions, CompositePlan};
pub use element::{Accumulator, Float, FloatAccumulator, Index, IndexType, Scalar, ScalarType};
pub use error::Error;
pub use gather::{GatherCooOptions, GatherCsrOptions, GatherPlan};
pub use reduce::{Reduce, ReduceOperator};
pub use scatter::{BadIndex, Reduced, ScatterOptions, ScatterPlan};
pub use segment::{SegmentCooOptions, SegmentCsrOptions, SegmentPlan};
pub use shape::Shape;
pub use tensor::{Tensor, TensorView, TensorViewMut};
