//! Sum, mul and mean: the steps, and which of several ways to add up is taken.

use kernel_params::ScatterParams;

use super::{Queue, ReductionPointers, WORKSPACE_ALIGNMENT};
use crate::{
    Error, Reduce, ScalarType, ScatterPlan,
    gpu::tuning::{self, WARP_SIZE},
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
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    // SAFETY: the caller's promise.
    unsafe {
        if plan.adds_in_integers(pointers.scalar) {
            add_in_integers(queue, plan, pointers, params)?;
        } else {
            join(queue, plan, pointers, params)?;
        }
        if params.counts != 0 {
            queue.fill_u32(params.counts, 0, plan.count_elements() * 2)?;
            let counted = if plan.layout.is_row_index() { plan.b * plan.e } else { src_elements };
            queue.launch_for_each(&format!("scatter_count_{}", pointers.index_type.name()), counted, params)?;
        }
        if params.counts != 0 || params.accumulators != params.out {
            queue.launch_for_each(&format!("scatter_finish_{}", pointers.scalar.name()), out_elements, params)?;
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
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let (scalar, index) = (pointers.scalar.name(), pointers.index_type.name());
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    let join = if plan.reduce == Reduce::Mul { "mul" } else { "sum" };
    // SAFETY: the caller's promise.
    unsafe {
        if plan.reduce != Reduce::Mul && pointers.base.is_none() {
            let words = out_elements * (pointers.scalar.accumulator_bytes() / size_of::<u32>());
            queue.fill_u32(params.accumulators, 0, words)?;
        } else if pointers.base != Some(params.accumulators) {
            queue.launch_for_each(&format!("scatter_start_{join}_{scalar}"), out_elements, params)?;
        }
        match plan.sum_algorithm(queue, pointers, params) {
            SumAlgorithm::Elements => {
                queue.launch_for_each(&format!("scatter_{join}_{scalar}_{index}"), src_elements, params)?;
            }
            SumAlgorithm::Vectors { width } => {
                let kernel = format!("scatter_sum_{}_{scalar}_{index}", vectors(width));
                queue.launch_for_each(&kernel, src_elements / width, params)?;
            }
            SumAlgorithm::Rows { width } => {
                let kernel = format!("scatter_sum_rows_{}_{scalar}_{index}", vectors(width));
                let rows = plan.b * plan.e;
                let rows_of_warp = tuning::rows_of_warp(rows, WARP_SIZE * width / plan.k);
                let params = ScatterParams { rows_of_warp: rows_of_warp as u64, ..*params };
                queue.launch_for_each(&kernel, rows.div_ceil(rows_of_warp) * WARP_SIZE, &params)?;
            }
            SumAlgorithm::Privatized { width, blocks } => {
                let kernel = format!("scatter_sum_privatized_{}_{scalar}_{index}", vectors(width));
                let shared_bytes = (out_elements * size_of::<f32>()) as u32;
                queue.launch_with_shared(&kernel, blocks, shared_bytes, params)?;
            }
        }
    }
    Ok(())
}

/// Adds every element to its accumulator, with the same result in any order.
///
/// # Safety
/// As [`enqueue_scatter`](super::enqueue_scatter).
unsafe fn add_in_integers(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let (scalar, index) = (pointers.scalar.name(), pointers.index_type.name());
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    let parts = plan.workspace_parts(pointers.scalar);
    let words = (parts.limbs + parts.scales) * (WORKSPACE_ALIGNMENT / size_of::<u32>());
    let params = plan.reproducible_params(pointers, params);
    // SAFETY: the caller's promise.
    unsafe {
        queue.fill_u32(pointers.workspace, 0, words)?;
        if params.scatter.base != 0 {
            queue.launch_for_each(&format!("scatter_sum_start_scales_{scalar}"), out_elements, &params)?;
        }
        queue.launch_for_each(&format!("scatter_sum_find_scales_{scalar}_{index}"), src_elements, &params)?;
        queue.launch_for_each(&format!("scatter_sum_add_limbs_{scalar}_{index}"), src_elements, &params)?;
        queue.launch_for_each(&format!("scatter_sum_round_{scalar}"), out_elements, &params)
    }
}

/// The kernels' names for the number of columns that a thread takes.
fn vectors(width: usize) -> &'static str {
    if width == VECTOR_WIDTH { "quads" } else { "singles" }
}

/// The ways to add up; all but the first are for sums kept in float32 and an index that is the same along a row.
enum SumAlgorithm {
    /// A thread for each element.
    Elements,
    /// A thread for each `width` columns of a row.
    Vectors { width: usize },
    /// [`Vectors`](Self::Vectors) where the lanes of a warp fill whole rows, of which each warp has a part.
    Rows { width: usize },
    /// [`Vectors`](Self::Vectors), each block into shared memory first.
    Privatized { width: usize, blocks: u32 },
}

impl ScatterPlan {
    fn sum_algorithm(&self, queue: &impl Queue, pointers: &ReductionPointers, params: &ScatterParams) -> SumAlgorithm {
        let is_float32 = pointers.scalar.accumulator_bytes() == size_of::<f32>() && pointers.scalar != ScalarType::I32;
        if self.reduce == Reduce::Mul || !is_float32 || !self.layout.is_row_index() {
            return SumAlgorithm::Elements;
        }
        let is_aligned = |address: u64, bytes: usize| address.is_multiple_of((VECTOR_WIDTH * bytes) as u64);
        let loads_quads = self.k.is_multiple_of(VECTOR_WIDTH) && is_aligned(pointers.src, pointers.scalar.bytes());
        let joins_quads = is_aligned(params.accumulators, size_of::<f32>()) && queue.has_vector_atomics();
        let width_of = |is_quads: bool| if is_quads { VECTOR_WIDTH } else { 1 };
        let (loaded, width) = (width_of(loads_quads), width_of(loads_quads && joins_quads));
        let (src, out) = (self.src.element_count(), self.out.element_count());
        if let Some(blocks) = tuning::privatized_blocks(src, out, self.k, loaded, width) {
            return SumAlgorithm::Privatized { width: loaded, blocks: blocks as u32 };
        }
        let lanes = self.k / width;
        let fills_warps = lanes.is_power_of_two() && lanes <= WARP_SIZE;
        // The kernel counts rows of `out` in 32 bits.
        if fills_warps && self.layout.leading.are_even() && self.b * self.n < u32::MAX as usize {
            SumAlgorithm::Rows { width }
        } else {
            SumAlgorithm::Vectors { width }
        }
    }
}
