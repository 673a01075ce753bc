//! Looking an index or indptr over before it is used. Every function that is given a stream waits for it; the others give a
//! queue their steps.

use kernel_params::{Divisor, IndexParams, SortedIndexParams};

use super::{
    DeviceTensor, Queue, Stream, StreamQueue, Workspace,
    kernel::{IndexQuestion, kernel},
    memory,
    queue::Collector,
};
use crate::{Error, GatherPlan, Index, IndexType, ScatterPlan, gather::RowSource, index_rules::IndexRules};

/// What stands for "none" in a position: all ones, the start.
const NONE: u64 = u64::MAX;

/// How many bytes of scratch a call reserves, given what its own steps need: enough for a look at the index before
/// them as well, if there is one, so that the workspace does not grow, and move, in between.
pub(super) fn workspace_bytes(needed: usize, is_checked: bool) -> usize {
    if is_checked { needed.max(size_of::<u64>()) } else { needed }
}

/// Fails with the first element of a scatter's index that lies outside [0, N).
pub(super) fn check_groups<I: Index>(
    stream: &Stream,
    plan: &ScatterPlan,
    index: &DeviceTensor<I>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    match first_bad(stream, index, plan.n, workspace)? {
        Some((position, value)) => Err(plan.bad_index(position, value, None)),
        None => Ok(()),
    }
}

/// Fails with the first element of a gather's index or indptr that is bad.
pub(super) fn check_rows<I: Index>(
    stream: &Stream,
    plan: &GatherPlan,
    index: &DeviceTensor<I>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    match plan.source {
        RowSource::Index => match first_bad(stream, index, plan.s, workspace)? {
            Some((position, value)) => Err(plan.bad_index(position, value, None)),
            None => Ok(()),
        },
        RowSource::Indptr => {
            let Some((position, value)) = first_unsorted(stream, index, plan, workspace)? else { return Ok(()) };
            let starts_row = position % plan.index_row() as u64 == 0;
            let at_least = if starts_row { 0 } else { element(stream, index, "indptr", position - 1)? };
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
    let largest = look_over(stream, IndexQuestion::Largest, index, 0, workspace)? as i64;
    Ok(usize::try_from(largest.saturating_add(1)).unwrap_or(0))
}

/// One element, after everything given to the stream so far.
pub(super) fn element<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    name: &'static str,
    position: u64,
) -> Result<i64, Error> {
    Ok(index.element(stream, name, position)?.to_i64())
}

/// Position and value of the first element outside [0, n).
fn first_bad<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    n: usize,
    workspace: &mut Workspace,
) -> Result<Option<(u64, i64)>, Error> {
    match look_over(stream, IndexQuestion::FirstBad, index, n, workspace)? {
        NONE => Ok(None),
        position => Ok(Some((position, element(stream, index, "index", position)?))),
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
    let result = workspace.reserve(stream, size_of::<u64>())?;
    // SAFETY: indptr has the plan's shape, `result` points to 8 bytes of a workspace, both lie on the stream's device, and its
    // context is current. The read waits for the stream.
    let first = unsafe {
        let mut queue = StreamQueue::new(stream.gpu().kernels(), stream.as_raw());
        enqueue_indptr_check(&mut queue, plan, I::TYPE, indptr.address_on(stream, "indptr")?, result)?;
        memory::read(stream, result)?
    };
    match first {
        NONE => Ok(None),
        position => Ok(Some((position, element(stream, indptr, "indptr", position)?))),
    }
}

/// Runs a kernel over the whole index and reads its answer.
fn look_over<I: Index>(
    stream: &Stream,
    question: IndexQuestion,
    index: &DeviceTensor<I>,
    n: usize,
    workspace: &mut Workspace,
) -> Result<u64, Error> {
    stream.gpu().bind()?;
    let result = workspace.reserve(stream, size_of::<u64>())?;
    let count = index.shape().element_count();
    let kernels = stream.gpu().kernels();
    let address = index.address_on(stream, "index")?;
    // SAFETY: as in `first_unsorted`.
    unsafe {
        Collector::load_first(kernels, ["index", question.kernel(I::TYPE).name(), "", ""], |collector| {
            enqueue_look_over(collector, question, I::TYPE, address, count, n, result)
        })?;
        let mut queue = StreamQueue::new(kernels, stream.as_raw());
        enqueue_look_over(&mut queue, question, I::TYPE, address, count, n, result)?;
        memory::read(stream, result)
    }
}

/// [`enqueue_sorted_check`] of a gather's indptr.
///
/// # Safety
/// `indptr` must point to a tensor of the plan's shape, `result` to 8 bytes, valid until the queue has come so far.
unsafe fn enqueue_indptr_check(
    queue: &mut impl Queue,
    plan: &GatherPlan,
    index_type: IndexType,
    indptr: u64,
    result: u64,
) -> Result<(), Error> {
    let params = SortedIndexParams {
        index: indptr,
        result,
        count: plan.index.element_count() as u64,
        row: Divisor::new(plan.index_row() as u64),
        // The kernel's bound is not among the good values; an indptr's is.
        n: plan.e as u64 + 1,
    };
    // SAFETY: the caller's promise.
    unsafe { enqueue_sorted_check(queue, index_type, &params) }
}

/// Leaves the position of the first element of an index that is out of range, or below the one before it in its row, as a
/// u64 where the parameters say; all ones where there is none.
///
/// # Errors
/// What the queue answers.
///
/// # Safety
/// The parameters' addresses must be valid until the queue has come so far.
pub(super) unsafe fn enqueue_sorted_check(
    queue: &mut impl Queue,
    index_type: IndexType,
    params: &SortedIndexParams,
) -> Result<(), Error> {
    let kernel = kernel!(index_first_unsorted index(index_type));
    // SAFETY: the caller's promise.
    unsafe {
        queue.fill_u32(params.result, u32::MAX, size_of::<u64>() / size_of::<u32>())?;
        queue.launch_for_each(kernel, params.count as usize, params)
    }
}

/// The steps of [`check_groups`].
///
/// # Errors
/// What the queue answers.
///
/// # Safety
/// That of [`enqueue_look_over`].
pub(super) unsafe fn enqueue_groups_check(
    queue: &mut impl Queue,
    plan: &ScatterPlan,
    index_type: IndexType,
    index: u64,
    result: u64,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe {
        enqueue_look_over(queue, IndexQuestion::FirstBad, index_type, index, plan.index.element_count(), plan.n, result)
    }
}

/// The steps of [`check_rows`].
///
/// # Errors
/// What the queue answers.
///
/// # Safety
/// That of [`enqueue_look_over`].
pub(super) unsafe fn enqueue_rows_check(
    queue: &mut impl Queue,
    plan: &GatherPlan,
    index_type: IndexType,
    index: u64,
    result: u64,
) -> Result<(), Error> {
    let count = plan.index.element_count();
    // SAFETY: the caller's promise.
    unsafe {
        match plan.source {
            RowSource::Index => {
                enqueue_look_over(queue, IndexQuestion::FirstBad, index_type, index, count, plan.s, result)
            }
            RowSource::Indptr => enqueue_indptr_check(queue, plan, index_type, index, result),
        }
    }
}

/// Sets the result to all ones and runs one of the kernels that look an index over, which leaves its answer there.
///
/// # Errors
/// What the queue answers.
///
/// # Safety
/// `index` must point to `count` elements, `result` to 8 bytes, valid until the queue has come so far.
pub unsafe fn enqueue_look_over(
    queue: &mut impl Queue,
    question: IndexQuestion,
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
        queue.launch_for_each(question.kernel(index_type), count, &params)
    }
}
