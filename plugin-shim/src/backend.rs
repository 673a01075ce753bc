//! The GPU backend, as the plugins use it: four kinds of work, which all operators come down to.

use std::ffi::c_void;

use tensorrt_scatter::{
    Composite, CompositePlan, GatherPlan, IndexType, Reduce, ScalarType, ScatterOptions, ScatterPlan, SegmentPlan,
    Shape,
    gpu::{
        CompositePointers, GatherPointers, Kernels, ReductionPointers, composite_raw, gather_raw, preload_composite,
        preload_gather, preload_scatter, preload_segment, scatter_raw, segment_raw,
    },
};

use crate::message::Refusal;

/// Work on shapes that are known and fit.
pub(crate) enum Plan {
    Scatter(ScatterPlan),
    Segment(SegmentPlan),
    Gather(GatherPlan),
    Composite(CompositePlan),
}

/// The types of a layer's tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ElementTypes {
    /// Those of src, base and out.
    pub(crate) values: ScalarType,
    /// That of the index or indptr.
    pub(crate) index: IndexType,
    /// That of arg_out.
    pub(crate) positions: IndexType,
}

/// What a plan works on: addresses in device memory.
pub(crate) struct Buffers {
    pub(crate) types: ElementTypes,
    pub(crate) src: u64,
    /// That of the index or indptr.
    pub(crate) index: u64,
    /// That of base, where the reduction starts from it.
    pub(crate) base: Option<u64>,
    pub(crate) out: u64,
    pub(crate) arg_out: Option<u64>,
    pub(crate) workspace: u64,
    /// A `CUstream`.
    pub(crate) stream: *mut c_void,
}

impl Plan {
    /// The shape of every output.
    pub(crate) fn out_shape(&self) -> &Shape {
        match self {
            Self::Scatter(plan) => plan.out_shape(),
            Self::Segment(plan) => plan.out_shape(),
            Self::Gather(plan) => plan.out_shape(),
            Self::Composite(plan) => plan.out_shape(),
        }
    }

    /// Gives the work to a stream of the current context. Nothing is allocated on the device and nothing waits; elements
    /// with a bad index are left out.
    ///
    /// # Safety
    /// The addresses must be those of tensors of the planned shapes and the given types in device memory; `workspace`
    /// that of as many bytes as the operator asked for; all valid until the stream has come so far. `stream` must be a
    /// stream of the current context.
    pub(crate) unsafe fn enqueue(&self, buffers: &Buffers) -> Result<(), Refusal> {
        let &Buffers { types, src, index, base, out, arg_out, workspace, stream } = buffers;
        let ElementTypes { values: scalar, index: index_type, positions: arg_type } = types;
        let kernels = Kernels::for_current_context()?;
        let reduction = |workspace_bytes| ReductionPointers {
            scalar,
            index_type,
            arg_type,
            src,
            index,
            base,
            out,
            arg_out,
            workspace,
            workspace_bytes,
        };
        // SAFETY: the caller's promise; TensorRT makes the context current, and the kernels are that context's.
        unsafe {
            match self {
                Self::Scatter(plan) => {
                    scatter_raw(kernels, plan, &reduction(plan.workspace_bytes(scalar)), stream)?;
                }
                Self::Segment(plan) => {
                    segment_raw(kernels, plan, &reduction(plan.workspace_bytes(scalar)), stream)?;
                }
                Self::Gather(plan) => {
                    gather_raw(kernels, plan, &GatherPointers { scalar, index_type, src, index, out }, stream)?;
                }
                Self::Composite(plan) => {
                    let workspace_bytes = plan.workspace_bytes(scalar);
                    let pointers =
                        CompositePointers { scalar, index_type, src, index, out, workspace, workspace_bytes };
                    composite_raw(kernels, plan, &pointers, stream)?;
                }
            }
        }
        Ok(())
    }
}

/// The kernels of an operator, whatever its shapes will be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KernelSet {
    Scatter(ScatterOptions),
    Segment(Reduce),
    Gather,
    Composite(Composite),
}

impl KernelSet {
    /// Loads the kernels into the current context.
    pub(crate) fn load(self, types: ElementTypes) -> Result<(), Refusal> {
        let ElementTypes { values, index, positions } = types;
        let kernels = Kernels::for_current_context()?;
        match self {
            Self::Scatter(options) => preload_scatter(kernels, &options, values, index, positions)?,
            Self::Segment(reduce) => preload_segment(kernels, reduce, values, index)?,
            Self::Gather => preload_gather(kernels, values, index)?,
            Self::Composite(composite) => preload_composite(kernels, composite, values, index)?,
        }
        Ok(())
    }
}
