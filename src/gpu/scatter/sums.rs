//! Sum, mul and mean: the steps, and which of several ways to add up is taken.

use kernel_params::ScatterParams;

use super::{Queue, ReductionPointers, WORKSPACE_ALIGNMENT};
use crate::{
    Error, ScatterPlan,
    gpu::{
        kernel::{Float32Sum, FloatType, Join, kernel},
        tuning::{self, WARP_SIZE},
    },
};

/// How many columns a thread takes at a time where it can.
const VECTOR_WIDTH: usize = 4;

/// Sum, mul and mean.
///
/// # Safety
/// As [`enqueue_scatter`](super::enqueue_scatter).
pub(super) unsafe fn accumulate(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    kind: Join,
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    // SAFETY: the caller's promise.
    unsafe {
        match plan.adds_in_integers(pointers.scalar) {
            Some(float) => add_in_integers(queue, plan, float, pointers, params)?,
            None => join(queue, plan, kind, pointers, params)?,
        }
        if params.counts != 0 {
            queue.fill_u32(params.counts, 0, plan.count_elements() * 2)?;
            let counted = if plan.layout.is_row_index() { plan.b * plan.e } else { src_elements };
            queue.launch_for_each(kernel!(scatter_count index(pointers.index_type)), counted, params)?;
        }
        if params.counts != 0 || params.accumulators != params.out {
            queue.launch_for_each(kernel!(scatter_finish scalar(pointers.scalar)), out_elements, params)?;
        }
    }
    Ok(())
}

/// Joins every element to its accumulator, in the order in which they happen to come.
///
/// # Safety
/// As [`enqueue_scatter`](super::enqueue_scatter).
unsafe fn join(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    kind: Join,
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let (scalar, index) = (pointers.scalar, pointers.index_type);
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    // SAFETY: the caller's promise.
    unsafe {
        let starts_as_zeros = match kind {
            Join::Sum => pointers.base.is_none(),
            Join::Mul => false,
        };
        if starts_as_zeros {
            let words = out_elements * (scalar.accumulator_bytes() / size_of::<u32>());
            queue.fill_u32(params.accumulators, 0, words)?;
        } else if pointers.base != Some(params.accumulators) {
            queue.launch_for_each(kernel!(scatter_start join(kind) scalar(scalar)), out_elements, params)?;
        }
        let Some((float, algorithm)) = plan.sum_algorithm(queue, kind, pointers, params) else {
            return queue.launch_for_each(
                kernel!(scatter join(kind) scalar(scalar) index(index)),
                src_elements,
                params,
            );
        };
        match algorithm {
            SumAlgorithm::Vectors { is_quads } => {
                let kernel = kernel!(scatter_sum singles_or_quads(is_quads) float32_sum(float) index(index));
                queue.launch_for_each(kernel, src_elements / columns(is_quads), params)
            }
            SumAlgorithm::Rows { is_quads } => {
                let kernel = kernel!(scatter_sum_rows singles_or_quads(is_quads) float32_sum(float) index(index));
                let rows = plan.b * plan.e;
                let rows_of_warp = tuning::rows_of_warp(rows, WARP_SIZE * columns(is_quads) / plan.k);
                let params = ScatterParams { rows_of_warp: rows_of_warp as u64, ..*params };
                queue.launch_for_each(kernel, rows.div_ceil(rows_of_warp) * WARP_SIZE, &params)
            }
            SumAlgorithm::Privatized { is_quads, blocks } => {
                let kernel = kernel!(scatter_sum_privatized singles_or_quads(is_quads) float32_sum(float) index(index));
                let shared_bytes = (out_elements * size_of::<f32>()) as u32;
                queue.launch_with_shared(kernel, blocks, shared_bytes, params)
            }
        }
    }
}

/// Adds every element to its accumulator, with the same result in any order.
///
/// # Safety
/// As [`enqueue_scatter`](super::enqueue_scatter).
unsafe fn add_in_integers(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    float: FloatType,
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let index = pointers.index_type;
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    let parts = plan.workspace_parts(pointers.scalar);
    let words = (parts.limbs + parts.scales) * (WORKSPACE_ALIGNMENT / size_of::<u32>());
    let params = plan.reproducible_params(pointers, params);
    // SAFETY: the caller's promise.
    unsafe {
        queue.fill_u32(pointers.workspace, 0, words)?;
        if params.scatter.base != 0 {
            queue.launch_for_each(kernel!(scatter_sum_start_scales float(float)), out_elements, &params)?;
        }
        queue.launch_for_each(kernel!(scatter_sum_find_scales float(float) index(index)), src_elements, &params)?;
        queue.launch_for_each(kernel!(scatter_sum_add_limbs float(float) index(index)), src_elements, &params)?;
        queue.launch_for_each(kernel!(scatter_sum_round float(float)), out_elements, &params)
    }
}

/// How many columns a thread takes at a time.
fn columns(is_quads: bool) -> usize {
    if is_quads { VECTOR_WIDTH } else { 1 }
}

/// The ways to add up sums kept in float32, where the index is the same along a row.
enum SumAlgorithm {
    /// A thread for one column of a row, or for four.
    Vectors { is_quads: bool },
    /// [`Vectors`](Self::Vectors) where the lanes of a warp fill whole rows, of which each warp has a part.
    Rows { is_quads: bool },
    /// [`Vectors`](Self::Vectors), each block into shared memory first.
    Privatized { is_quads: bool, blocks: u32 },
}

impl ScatterPlan {
    /// None where a thread takes one element.
    fn sum_algorithm(
        &self,
        queue: &impl Queue,
        kind: Join,
        pointers: &ReductionPointers,
        params: &ScatterParams,
    ) -> Option<(Float32Sum, SumAlgorithm)> {
        let float = match kind {
            Join::Sum => Float32Sum::of(pointers.scalar)?,
            Join::Mul => return None,
        };
        if !self.layout.is_row_index() {
            return None;
        }
        let is_aligned = |address: u64, bytes: usize| address.is_multiple_of((VECTOR_WIDTH * bytes) as u64);
        let loads_quads = self.k.is_multiple_of(VECTOR_WIDTH) && is_aligned(pointers.src, pointers.scalar.bytes());
        let joins_quads =
            loads_quads && is_aligned(params.accumulators, size_of::<f32>()) && queue.has_vector_atomics();
        let (loaded, joined) = (columns(loads_quads), columns(joins_quads));
        let (src, out) = (self.src.element_count(), self.out.element_count());
        if let Some(blocks) = tuning::privatized_blocks(src, out, self.k, loaded, joined) {
            return Some((float, SumAlgorithm::Privatized { is_quads: loads_quads, blocks: blocks as u32 }));
        }
        let lanes = self.k / joined;
        let fills_warps = lanes.is_power_of_two() && lanes <= WARP_SIZE;
        // The kernel counts rows of `out` in 32 bits.
        let algorithm = if fills_warps && self.layout.leading.are_even() && self.b * self.n < u32::MAX as usize {
            SumAlgorithm::Rows { is_quads: joins_quads }
        } else {
            SumAlgorithm::Vectors { is_quads: joins_quads }
        };
        Some((float, algorithm))
    }
}
