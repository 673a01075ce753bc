//! The scatter, segment and gather reductions of PyTorch Scatter.
//!
//! [`cpu`] has the operators on host memory, [`gpu`] on device memory. Both take the same options and plans. The
//! kernels of [`gpu`] are written in Rust too (`kernels-gpu`); the TensorRT plugins (`plugin-shim`) launch the same
//! kernels.

// A new reduction, type or operator must be decided on wherever it matters: the compiler lists the places.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod cpu;
pub mod gpu;

mod attention_csr;
mod bev_pool;
mod broadcast;
mod composite;
mod composite_csr;
mod element;
mod error;
mod gather;
mod gather_dot;
mod gather_scatter;
mod gather_segment;
mod gather_segment_coo;
mod group_index;
mod index_rules;
mod named_enum;
mod reduce;
mod reduction;
mod scatter;
mod segment;
mod shape;
mod tensor;
mod try_vec;

#[doc(hidden)]
pub use half;

pub use attention_csr::{AttentionCsrOptions, AttentionCsrPlan};
pub use bev_pool::{BevPoolPlan, BevPoolSizes};
pub use composite::{Composite, CompositeOptions, CompositePlan};
pub use composite_csr::{CompositeCsrOptions, CompositeCsrPlan};
pub use element::{Accumulator, Float, FloatAccumulator, Index, IndexType, Scalar, ScalarType};
pub use error::{Error, ErrorKind};
pub use gather::{GatherCooOptions, GatherCsrOptions, GatherPlan};
pub use gather_dot::{Combine, GatherDotOptions, GatherDotPlan};
pub use gather_scatter::{GatherScatterOptions, GatherScatterPlan};
pub use gather_segment::{GatherSegmentCsrOptions, GatherSegmentPlan, Weight};
pub use gather_segment_coo::GatherSegmentCooOptions;
pub use group_index::{GroupIndexOptions, GroupIndexPlan, Grouping};
pub use reduce::{Reduce, ReduceOperator};
pub use scatter::{BadIndex, Reduced, ScatterOptions, ScatterPlan};
pub use segment::{SegmentCooOptions, SegmentCsrOptions, SegmentPlan};
pub use shape::Shape;
pub use tensor::{Tensor, TensorView, TensorViewMut};
