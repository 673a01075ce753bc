//! Bird's-eye-view pooling on the GPU: the steps, which are those of gather_coo and gather_scatter behind one of its
//! own.

use std::ffi::c_void;

use kernel_params::BevPoolParams;

use super::{
    gather::{GatherPointers, enqueue_gather, preload_gather_coo},
    gather_scatter::{enqueue_gather_scatter, preload_gather_scatter},
    gather_segment::GatherSegmentPointers,
    kernel::kernel,
    kernels::Kernels,
    launches,
    parts::Parts,
    pointers::ReductionPointers,
    queue::{Queue, StreamQueue},
};
use crate::{BevPoolPlan, Error, IndexType, Reduce, ScalarType};

/// Where the tensors of a bird's-eye-view pooling lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub struct BevPoolPointers {
    /// Type of depth, feat and the result.
    pub scalar: ScalarType,
    /// Type of all other tensors.
    pub index_type: IndexType,
    /// Address of depth.
    pub depth: u64,
    /// Address of feat.
    pub feat: u64,
    /// Address of the element of depth of each point.
    pub ranks_depth: u64,
    /// Address of the row of feat of each point.
    pub ranks_feat: u64,
    /// Address of the cell of each point.
    pub ranks_bev: u64,
    /// Address of the first point of each interval.
    pub interval_starts: u64,
    /// Address of the number of points of each interval.
    pub interval_lengths: u64,
    /// Address of the result.
    pub out: u64,
    /// Address of the workspace, aligned to 8. The plan's `workspace_bytes` tells how many bytes it needs.
    pub workspace: u64,
    /// The number of bytes at `workspace`.
    pub workspace_bytes: usize,
}

/// The parts of the workspace, as offsets in bytes.
struct WorkspaceLayout {
    /// The depth of each point.
    weights: usize,
    /// The cell of each point, -1 for one in no interval.
    destinations: usize,
    /// What the sums need.
    rest: usize,
    bytes: usize,
}

impl BevPoolPlan {
    /// The most bytes of workspace that [`enqueue_bev_pool`] needs, for these sizes and all smaller ones: those of
    /// gather_scatter, and a value and an index for each point. `usize::MAX` if the number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType, index_type: IndexType) -> usize {
        self.workspace(scalar, index_type).bytes
    }

    fn workspace(&self, scalar: ScalarType, index_type: IndexType) -> WorkspaceLayout {
        let mut parts = Parts::default();
        let weights = parts.take(self.points(), scalar.bytes());
        let destinations = parts.take(self.points(), index_type.bytes());
        let rest = parts.take(self.sums.workspace_bytes(scalar), 1);
        WorkspaceLayout { weights, destinations, rest, bytes: parts.bytes() }
    }
}

/// Gives the steps of a bird's-eye-view pooling to a queue. It allocates nothing on the device and does not wait.
/// Points with a bad row of feat or a bad cell are left out, and the depth of a bad element is 0. What two intervals
/// that overlap do with the points that they share is not specified.
///
/// # Errors
/// [`Error::TooManyElements`] from 2^31 points on; [`Error::WorkspaceTooSmall`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's sizes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; out and workspace must not overlap anything.
pub unsafe fn enqueue_bev_pool(
    queue: &mut impl Queue,
    plan: &BevPoolPlan,
    pointers: &BevPoolPointers,
) -> Result<(), Error> {
    let &BevPoolPointers { scalar, index_type, .. } = pointers;
    let workspace = plan.workspace(scalar, index_type);
    if pointers.workspace_bytes < workspace.bytes {
        return Err(Error::WorkspaceTooSmall { given: pointers.workspace_bytes, needed: workspace.bytes });
    }
    if plan.sums.out_shape().element_count() == 0 {
        return Ok(());
    }
    let address = |offset: usize| pointers.workspace + offset as u64;
    let (weights, destinations) = (address(workspace.weights), address(workspace.destinations));
    let points = BevPoolParams {
        starts: pointers.interval_starts,
        lengths: pointers.interval_lengths,
        cells: pointers.ranks_bev,
        destinations,
        intervals: plan.intervals as u64,
        points: plan.points() as u64,
    };
    let depths = GatherPointers { scalar, index_type, src: pointers.depth, index: pointers.ranks_depth, out: weights };
    let sums = GatherSegmentPointers {
        reduction: ReductionPointers {
            scalar,
            index_type,
            arg_type: index_type,
            src: pointers.feat,
            index: destinations,
            base: None,
            out: pointers.out,
            arg_out: None,
            workspace: address(workspace.rest),
            workspace_bytes: workspace.bytes - workspace.rest,
        },
        index: pointers.ranks_feat,
        weight: Some(weights),
        weights_are_float32: false,
    };
    let words = plan.points() * index_type.bytes() / size_of::<u32>();
    // SAFETY: the caller's promise, and the sizes of the workspace's parts. All bits 1 are -1.
    unsafe {
        queue.fill_u32(destinations, u32::MAX, words)?;
        queue.launch_for_each(kernel!(bev_pool_destinations index(index_type)), plan.intervals, &points)?;
        enqueue_gather(queue, &plan.depths, &depths)?;
        enqueue_gather_scatter(queue, &plan.sums, &sums)
    }
}

/// [`enqueue_bev_pool`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_bev_pool`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_bev_pool`].
///
/// # Safety
/// Those of [`enqueue_bev_pool`] and [`StreamQueue::new`].
pub unsafe fn bev_pool_raw(
    kernels: &Kernels,
    plan: &BevPoolPlan,
    pointers: &BevPoolPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_bev_pool(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

/// Loads every kernel that a bird's-eye-view pooling may launch into the current context, whatever its sizes, so that a
/// later [`bev_pool_raw`] compiles nothing and can be captured in a CUDA graph. A second call for the same types costs
/// next to nothing.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn preload_bev_pool(kernels: &Kernels, scalar: ScalarType, index_type: IndexType) -> Result<(), Error> {
    launches::preload(kernels, |_| vec![kernel!(bev_pool_destinations index(index_type))])?;
    preload_gather_coo(kernels, scalar, index_type)?;
    preload_gather_scatter(kernels, Reduce::Sum, scalar, index_type)
}
