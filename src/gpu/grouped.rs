//! Reductions of groups without atomics: an index is grouped, and each group is a segment of the permutation. The
//! groups of a sorted index are segments as they are.

use super::{
    gather_segment::{self, GatherSegmentPointers, Reading, enqueue_reading},
    group_index::{self, GroupIndexPointers},
    kernel::{Fold, Kernel, kernel},
    parts::Parts,
    pointers::ReductionPointers,
    queue::Queue,
};
use crate::{Error, GatherScatterPlan, IndexType, Reduce, ScalarType};

/// The type of the permutation and of its indptr, whatever that of the index is.
pub(super) const PERM: IndexType = IndexType::I32;

/// Where the tensors of a reduction of groups lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupedPointers {
    /// Where the tensors lie that any reduction has. `index` assigns elements to groups.
    pub(super) reduction: ReductionPointers,
    /// Address of the index that names rows of `src`, of the same type as the other one. None: an element is the row of
    /// `src` at its own position.
    pub(super) rows: Option<u64>,
    /// Address of the weights; given where, and only where, the plan has them.
    pub(super) weight: Option<u64>,
    /// Whether the weights are float32 beside a `src` of 16-bit floats.
    pub(super) weights_are_float32: bool,
}

/// Every kernel that a reduction of groups of at least one element may launch, whatever its shapes, for an index that is
/// sorted or not. None for a reduction that it does not have.
pub(super) fn kernels(reduce: Reduce, scalar: ScalarType, index: IndexType, is_sorted: bool) -> Vec<Kernel> {
    let Some(fold) = Fold::of(reduce) else { return Vec::new() };
    let grouping = if is_sorted {
        vec![kernel!(sorted_bounds index(index))]
    } else {
        group_index::kernels(group_index::Types { index, perm: PERM }).collect()
    };
    grouping.into_iter().chain(gather_segment::kernels(gather_segment::Selection { fold, scalar })).collect()
}

/// The parts of the workspace, as offsets in bytes.
struct WorkspaceLayout {
    perm: usize,
    indptr: usize,
    /// What the grouping needs, and after it the reduction.
    rest: usize,
    bytes: usize,
}

impl GatherScatterPlan {
    /// Whether the permutation's type holds every position, and the steps of the grouping every key.
    pub(super) fn fits(&self) -> bool {
        i32::try_from(self.groups.e).is_ok() && (self.groups.is_sorted || self.groups.fits())
    }

    /// The most bytes of workspace that [`enqueue_gather_scatter`](super::raw::enqueue_gather_scatter) needs, for these
    /// shapes and all smaller ones: 8 bytes for each element, 4 for each group, and 3 MiB, at most, for destinations that
    /// are not repeated over leading axes. For sorted destinations it is 4 bytes for each element, 4 for each group, and
    /// 256 KiB, at most. `usize::MAX` if the number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        self.workspace(scalar).bytes
    }

    fn workspace(&self, scalar: ScalarType) -> WorkspaceLayout {
        let mut parts = Parts::default();
        let is_sorted = self.groups.is_sorted;
        let positions = if is_sorted { 0 } else { self.groups.perm_shape().element_count() };
        let perm = parts.take(positions, PERM.bytes());
        let indptr = parts.take(self.groups.indptr_shape().element_count(), PERM.bytes());
        let grouping = if is_sorted { 0 } else { self.groups.workspace_bytes(PERM) };
        let rest = grouping.max(self.segments.workspace_bytes(scalar));
        let rest = parts.take(rest, 1);
        WorkspaceLayout { perm, indptr, rest, bytes: parts.bytes() }
    }
}

/// Gives the steps to a queue. It allocates nothing on the device and does not wait. Elements with an index outside
/// [0, N) are left out.
///
/// # Errors
/// [`Error::TooManyElements`] where the plan does not fit; [`Error::WorkspaceTooSmall`]; [`Error::NoArgOut`]; those of
/// the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; outputs and workspace must not overlap anything but
/// `base`.
pub(super) unsafe fn enqueue_grouped(
    queue: &mut impl Queue,
    plan: &GatherScatterPlan,
    pointers: &GroupedPointers,
) -> Result<(), Error> {
    let reduction = &pointers.reduction;
    let workspace = plan.workspace(reduction.scalar);
    reduction.check(&plan.segments, workspace.bytes)?;
    if plan.segments.out_shape().element_count() == 0 {
        return Ok(());
    }
    if !plan.fits() {
        return Err(Error::TooManyElements { dims: plan.groups.perm_shape().dims().to_vec() });
    }
    let address = |offset: usize| reduction.workspace + offset as u64;
    let (perm, indptr, rest) = (address(workspace.perm), address(workspace.indptr), address(workspace.rest));
    let rest_bytes = workspace.bytes - workspace.rest;
    let grouping = GroupIndexPointers {
        index_type: reduction.index_type,
        index: reduction.index,
        perm,
        indptr,
        workspace: rest,
        workspace_bytes: rest_bytes,
    };
    let segments = GatherSegmentPointers {
        reduction: ReductionPointers {
            index_type: PERM,
            index: indptr,
            workspace: rest,
            workspace_bytes: rest_bytes,
            ..*reduction
        },
        index: pointers.rows.unwrap_or(perm),
        weight: pointers.weight,
        weights_are_float32: pointers.weights_are_float32,
    };
    let reading = match pointers.rows {
        Some(_) if plan.groups.is_sorted => Reading::in_order(reduction.index_type),
        Some(_) => Reading { perm: Some(perm), args: Some(perm), ..Reading::in_order(reduction.index_type) },
        None => Reading { args: Some(perm), is_permutation: true, ..Reading::in_order(PERM) },
    };
    // SAFETY: the caller's promise, and the sizes of the workspace's parts. The grouping writes the permutation and the
    // indptr before the reduction reads them.
    unsafe {
        if plan.groups.is_sorted {
            group_index::enqueue_sorted_bounds(queue, &plan.groups, &grouping)?;
        } else {
            group_index::enqueue_with_perm_of(PERM, queue, &plan.groups, &grouping)?;
        }
        enqueue_reading(queue, &plan.segments, &segments, reading)
    }
}
