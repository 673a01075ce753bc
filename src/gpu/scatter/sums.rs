//! Sum, mul and mean: the steps, and the choice between several kernels for sums.

use kernel_params::{BATCH, MAX_LIMB_BITS, ReproducibleParams, ScatterParams};

use super::{
    WorkspaceLayout,
    steps::{self, RowSum, Step},
};
use crate::{
    Error, ScatterPlan,
    gpu::{
        kernel::{Float32Sum, FloatType, Join},
        pointers::ReductionPointers,
        queue::Queue,
        tuning::{BlockSums, WARP_SIZE},
    },
};

/// The columns that a thread takes at a time, if it can take several.
const VECTOR_WIDTH: usize = 4;

/// Joins every element to its accumulator by atomics. The order of the elements is not fixed.
///
/// # Safety
/// As [`enqueue_scatter`](super::enqueue_scatter).
pub(super) unsafe fn join(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    kind: Join,
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    let types = pointers.types();
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    let counts = steps::counts(plan.reduce);
    let starts_as_zeros = match kind {
        Join::Sum => pointers.base.is_none(),
        Join::Mul => false,
    };
    // SAFETY: the caller's promise.
    unsafe {
        if pointers.base == Some(params.accumulators) {
            queue.fill_u32(params.counts, 0, params.count_elements as usize * (size_of::<u64>() / size_of::<u32>()))?;
        } else if starts_as_zeros && !counts {
            let words = out_elements * (types.scalar.accumulator_bytes() / size_of::<u32>());
            queue.fill_u32(params.accumulators, 0, words)?;
        } else {
            queue.launch_for_each(Step::Start(kind).kernel(types), out_elements, params)?;
        }
        match plan.row_sum(queue, kind, pointers, params) {
            None => queue.launch_for_each(Step::elements(kind, counts).kernel(types), src_elements, params)?,
            Some((float, sum, launch)) => {
                let kernel = Step::RowSum { sum, float, counts }.kernel(types);
                let params = ScatterParams { rows_of_warp: launch.rows_of_warp, ..*params };
                match launch.grid {
                    Grid::Items(items) => queue.launch_for_each(kernel, items, &params)?,
                    Grid::Blocks { blocks, shared_bytes } => {
                        queue.launch_with_shared(kernel, blocks, shared_bytes, &params)?;
                    }
                }
            }
        }
        finish(queue, plan, pointers, params)
    }
}

/// Divides and stores the accumulators, if the reduction or the type needs it.
///
/// # Safety
/// As [`enqueue_scatter`](super::enqueue_scatter).
unsafe fn finish(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    pointers: &ReductionPointers,
    params: &ScatterParams,
) -> Result<(), Error> {
    if !steps::counts(plan.reduce) && params.accumulators == params.out {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    unsafe { queue.launch_for_each(Step::Finish.kernel(pointers.types()), plan.out.element_count(), params) }
}

/// Adds every element to its accumulator, with the same result in any order.
///
/// # Safety
/// As [`enqueue_scatter`](super::enqueue_scatter).
pub(super) unsafe fn add_in_integers(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    float: FloatType,
    pointers: &ReductionPointers,
    workspace: &WorkspaceLayout,
    params: &ScatterParams,
) -> Result<(), Error> {
    let types = pointers.types();
    let (src_elements, out_elements) = (plan.src.element_count(), plan.out.element_count());
    let [high_limbs, low_limbs, scales] =
        workspace.integers.unwrap_or_default().map(|offset| pointers.workspace + offset as u64);
    // A group has at most all elements of the axis. The base is one more number.
    let limb_bits = limb_bits(plan.e.saturating_add(1));
    let integers = ReproducibleParams { scatter: *params, scales, high_limbs, low_limbs, limb_bits, unused: 0 };
    // SAFETY: the caller's promise.
    unsafe {
        queue.fill_u32(pointers.workspace, 0, workspace.zeroed / size_of::<u32>())?;
        if params.base != 0 {
            queue.launch_for_each(Step::StartScales(float).kernel(types), out_elements, &integers)?;
        }
        queue.launch_for_each(Step::FindScales(float).kernel(types), src_elements, &integers)?;
        queue.launch_for_each(Step::AddLimbs(float).kernel(types), src_elements, &integers)?;
        queue.launch_for_each(Step::Round(float).kernel(types), out_elements, &integers)?;
        if steps::counts(plan.reduce) {
            let counted = if plan.layout.is_row_index() { plan.b * plan.e } else { src_elements };
            queue.launch_for_each(Step::Count.kernel(types), counted, params)?;
        }
        finish(queue, plan, pointers, params)
    }
}

/// The bits of a number that each limb takes, so that the limb does not overflow in a sum of `numbers` numbers.
fn limb_bits(numbers: usize) -> u32 {
    let carries = numbers.max(1).next_power_of_two().ilog2();
    // One bit is the sign.
    (i64::BITS - 1 - carries).min(MAX_LIMB_BITS)
}

/// How many columns a thread takes at a time.
fn columns(is_quads: bool) -> usize {
    if is_quads { VECTOR_WIDTH } else { 1 }
}

/// How the threads of a [`RowSum`] are launched.
struct Launch {
    grid: Grid,
    /// The number of rows that a warp takes, for [`RowSum::Rows`]. 0 for the other kernels.
    rows_of_warp: u64,
}

enum Grid {
    /// A grid with a thread, warp or block for each of this many work items.
    Items(usize),
    /// Blocks that keep sums, and counts for a mean, in shared memory.
    Blocks { blocks: u32, shared_bytes: u32 },
}

impl ScatterPlan {
    /// The fastest kernel for the sums of rows. None if a thread takes one element.
    fn row_sum(
        &self,
        queue: &impl Queue,
        kind: Join,
        pointers: &ReductionPointers,
        params: &ScatterParams,
    ) -> Option<(Float32Sum, RowSum, Launch)> {
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
        let src = self.src.element_count();
        let sums =
            BlockSums { values: self.out.element_count(), counts: params.count_elements as usize, columns: self.k };
        if let Some(blocks) = queue.tuning().privatized_blocks(src, sums, loaded, joined) {
            let grid = Grid::Blocks { blocks: blocks as u32, shared_bytes: sums.bytes() as u32 };
            let launch = Launch { grid, rows_of_warp: 0 };
            return Some((float, RowSum::Privatized { is_quads: loads_quads }, launch));
        }
        let lanes = (self.k / joined).next_power_of_two();
        let fills_warps = lanes <= WARP_SIZE;
        // The kernel counts rows of `out` in 32 bits.
        if fills_warps && self.layout.leading.are_even() && self.b * self.n < u32::MAX as usize {
            let rows = self.b * self.e;
            let rows_of_warp = queue.tuning().rows_of_warp(rows, WARP_SIZE / lanes);
            let grid = Grid::Items(rows.div_ceil(rows_of_warp));
            let launch = Launch { grid, rows_of_warp: rows_of_warp as u64 };
            Some((float, RowSum::Rows { is_quads: joins_quads }, launch))
        } else {
            let vectors = (self.b * self.e).div_ceil(BATCH) * (self.k / joined);
            let launch = Launch { grid: Grid::Items(vectors), rows_of_warp: 0 };
            Some((float, RowSum::Vectors { is_quads: joins_quads }, launch))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_have_room_for_the_carries_of_as_many_numbers_as_there_are() {
        for (numbers, bits) in [(0, 32), (1, 32), (1 << 31, 32), ((1 << 31) + 1, 31), (1 << 33, 30)] {
            assert_eq!(limb_bits(numbers), bits);
            let largest = (1i128 << bits) - 1;
            assert!(largest * (numbers as i128) <= i64::MAX as i128, "{numbers}");
        }
    }
}
