//! Records: what chunks know of long segments. A record has a sum for each column, then a largest score and then a sum
//! of exponentials for each head.

use kernel_params::GatherSegmentParams;
use nvptx_arch::memory;

use super::attended::Attended;
use crate::composite::FloatAccumulator;

/// The position of a record's first number.
#[inline(always)]
fn start(p: &GatherSegmentParams, record: u64) -> u64 {
    record * (p.segments.k + 2 * p.heads as u64)
}

/// The position of the largest score of a head. The sum of exponentials is `heads` behind it.
#[inline(always)]
fn max_of_head(p: &GatherSegmentParams, record: u64, head: u64) -> u64 {
    start(p, record) + p.segments.k + head
}

/// The head of a column, and the number of the column in it.
#[inline(always)]
fn split(p: &GatherSegmentParams, column: u64) -> (u64, u64) {
    if p.heads == 1 {
        return (0, column);
    }
    p.by_head.divide(column)
}

/// Stores a record, in the columns from `column` on.
#[inline(always)]
pub unsafe fn store<A: FloatAccumulator, const COLUMNS: usize>(
    p: &GatherSegmentParams,
    record: u64,
    column: u64,
    attended: Attended<A, COLUMNS>,
) {
    let numbers = p.segments.values as *mut A;
    for (i, sum) in attended.values.into_iter().enumerate() {
        memory::store(numbers.add((start(p, record) + column) as usize + i), sum);
    }
    // All lanes of a head know the same of its scores, because they join it in the same order.
    let (head, column_of_head) = split(p, column);
    if column_of_head == 0 {
        let max = max_of_head(p, record, head) as usize;
        memory::store(numbers.add(max), attended.max);
        memory::store(numbers.add(max + p.heads as usize), attended.sum);
    }
}

/// Loads one column of a record.
#[inline(always)]
pub unsafe fn load<A: FloatAccumulator>(p: &GatherSegmentParams, record: u64, column: u64) -> Attended<A, 1> {
    let load = |at: u64| unsafe { memory::load_readonly((p.segments.values as *const A).add(at as usize)) };
    let (head, _) = split(p, column);
    let max = max_of_head(p, record, head);
    Attended { max: load(max), sum: load(max + p.heads as u64), values: [load(start(p, record) + column)] }
}
