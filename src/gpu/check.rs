//! Looking an index or indptr over before it is used. Every function waits for the stream.

use kernel_params::{Divisor, IndexParams, SortedIndexParams};

use super::{DeviceTensor, Queue, Stream, StreamQueue, Workspace, memory};
use crate::{BadIndex, Error, GatherPlan, Index, IndexType, ScatterPlan};

/// What stands for "none" in a position: all ones, the start.
const NONE: u64 = u64::MAX;

/// Fails with the first element of a scatter's index that lies outside [0, N), where that is asked for.
pub(super) fn check_groups<I: Index>(
    stream: &Stream,
    plan: &ScatterPlan,
    index: &DeviceTensor<I>,
    bad_index: BadIndex,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    // An index of an empty src names nothing, however it is filled.
    if bad_index == BadIndex::Skip || plan.src.element_count() == 0 {
        return Ok(());
    }
    match first_bad(stream, index, plan.n, workspace)? {
        Some((position, value)) => Err(plan.bad_index(position, value)),
        None => Ok(()),
    }
}

/// Fails with the first element of a gather's index or indptr that is bad, where that is asked for.
pub(super) fn check_rows<I: Index>(
    stream: &Stream,
    plan: &GatherPlan,
    index: &DeviceTensor<I>,
    bad_index: BadIndex,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    use crate::gather::RowSource;

    if bad_index == BadIndex::Skip || !plan.uses_index() {
        return Ok(());
    }
    match plan.source {
        RowSource::Index => match first_bad(stream, index, plan.s, workspace)? {
            Some((position, value)) => Err(plan.bad_index(position, value)),
            None => Ok(()),
        },
        RowSource::Indptr => {
            let Some((position, value)) = first_unsorted(stream, index, plan, workspace)? else { return Ok(()) };
            let starts_row = position % plan.index_row() as u64 == 0;
            let at_least = if starts_row { 0 } else { element(stream, index, position - 1)? };
            Err(Error::IndptrOutOfRange { position, value, at_least, size: plan.e, shape: plan.index })
        }
    }
}

/// The largest index plus one: how many groups there are when nothing else says so. Waits for the stream, and takes 8
/// bytes of the workspace.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn group_count<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    workspace: &mut Workspace,
) -> Result<usize, Error> {
    // All ones, the start, is -1: no group.
    let largest = look_over(stream, "index_largest", index, 0, workspace)? as i64;
    Ok(usize::try_from(largest.saturating_add(1)).unwrap_or(0))
}

/// One element, after everything given to the stream so far.
pub(super) fn element<I: Index>(stream: &Stream, index: &DeviceTensor<I>, position: u64) -> Result<i64, Error> {
    let value: I = memory::read(stream, index.address() + position * size_of::<I>() as u64)?;
    Ok(value.to_i64())
}

/// Position and value of the first element outside [0, n).
fn first_bad<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    n: usize,
    workspace: &mut Workspace,
) -> Result<Option<(u64, i64)>, Error> {
    match look_over(stream, "index_first_bad", index, n, workspace)? {
        NONE => Ok(None),
        position => Ok(Some((position, element(stream, index, position)?))),
    }
}

/// Position and value of the first element of an indptr below the one before it in its row, or outside [0, E].
fn first_unsorted<I: Index>(
    stream: &Stream,
    indptr: &DeviceTensor<I>,
    plan: &GatherPlan,
    workspace: &mut Workspace,
) -> Result<Option<(u64, i64)>, Error> {
    stream.gpu().bind()?;
    let result = workspace.reserve(size_of::<u64>())?;
    let count = indptr.shape().element_count();
    let params = SortedIndexParams {
        index: indptr.address(),
        result,
        count: count as u64,
        row: Divisor::new(plan.index_row() as u64),
        // The kernel's bound is not among the good values; an indptr's is.
        n: plan.e as u64 + 1,
    };
    // SAFETY: indptr has `count` elements, `result` points to 8 bytes of a workspace, and the context is current. The
    // read waits for the stream.
    unsafe {
        let mut queue = StreamQueue::new(stream.gpu().kernels(), stream.as_raw());
        let kernel = format!("index_first_unsorted_{}", I::TYPE.name());
        queue.load_with_fill(&kernel)?;
        queue.fill_u32(result, u32::MAX, 2)?;
        queue.launch_for_each(&kernel, count, &params)?;
    }
    match memory::read(stream, result)? {
        NONE => Ok(None),
        position => Ok(Some((position, element(stream, indptr, position)?))),
    }
}

/// Runs a kernel over the whole index and reads its one answer.
fn look_over<I: Index>(
    stream: &Stream,
    kernel: &str,
    index: &DeviceTensor<I>,
    n: usize,
    workspace: &mut Workspace,
) -> Result<u64, Error> {
    stream.gpu().bind()?;
    let result = workspace.reserve(size_of::<u64>())?;
    let count = index.shape().element_count();
    // SAFETY: as in `first_unsorted`.
    unsafe {
        let mut queue = StreamQueue::new(stream.gpu().kernels(), stream.as_raw());
        queue.load_with_fill(&format!("{kernel}_{}", I::TYPE.name()))?;
        enqueue_look_over(&mut queue, kernel, I::TYPE, index.address(), count, n, result)?;
    }
    memory::read(stream, result)
}

/// Sets the result to all ones and runs one of the kernels that look an index over: "index_first_bad" leaves
/// the position of the first element outside [0, n), "index_largest" the largest element.
///
/// # Errors
/// What the queue answers.
///
/// # Safety
/// `index` must point to `count` elements, `result` to 8 bytes, valid until the queue has come so far.
pub unsafe fn enqueue_look_over(
    queue: &mut impl Queue,
    kernel: &str,
    index_type: IndexType,
    index: u64,
    count: usize,
    n: usize,
    result: u64,
) -> Result<(), Error> {
    let params = IndexParams { index, result, count: count as u64, n: n as u64 };
    // SAFETY: the caller's promise.
    unsafe {
        queue.fill_u32(result, u32::MAX, 2)?;
        queue.launch_for_each(&format!("{kernel}_{}", index_type.name()), count, &params)
    }
}
