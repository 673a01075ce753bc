//! Checks of an index or indptr before it is used. A function with a stream waits for the stream. A function with a
//! queue only gives its steps to the queue.

use kernel_params::{Divisor, IndexParams, SortedIndexParams};

use super::{
    DeviceTensor, Stream, Workspace,
    kernel::{IndexQuestion, kernel},
    memory,
    queue::{Collector, Queue, StreamQueue},
};
use crate::{Error, Index, IndexType, index_rules::IndexRules};

/// The position that means "none": all bits 1. Every result starts with it.
const NONE: u64 = u64::MAX;

/// The bytes of workspace that a check of an index takes.
pub(super) const RESULT_BYTES: usize = size_of::<u64>();

/// Fails with the first element of an index or indptr that breaks a rule. Waits for the stream.
pub(super) fn check_index<I: Index>(
    stream: &Stream,
    rules: &dyn IndexRules,
    index: &DeviceTensor<I>,
    name: &'static str,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    stream.gpu().bind()?;
    let result = workspace.reserve(stream, RESULT_BYTES)?;
    // SAFETY: the index has the shape that the rules are for, `result` points to 8 bytes of a workspace, both lie on
    // the stream's device, and its context is current. The read waits for the stream.
    let position: u64 = unsafe {
        let mut queue = StreamQueue::new(stream.gpu().kernels(), stream.as_raw());
        enqueue_check(&mut queue, rules, I::TYPE, index.address_on(stream, name)?, result)?;
        memory::read(stream, result)?
    };
    if position == NONE {
        return Ok(());
    }
    let value_at = |position| element(stream, index, name, position);
    let is_first_in_row = position.is_multiple_of(rules.index_row() as u64);
    let previous = if rules.is_sorted() && !is_first_in_row { Some(value_at(position - 1)?) } else { None };
    Err(rules.bad_index(position, value_at(position)?, previous))
}

/// The largest index plus one: the number of groups if nothing else gives it. Waits for the stream, and uses 8 bytes of
/// the workspace.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn group_count<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    workspace: &mut Workspace,
) -> Result<usize, Error> {
    // All bits 1, the value at the start, is -1 as an i64: no group.
    let largest = ask_index(stream, IndexQuestion::Largest, index, 0, workspace)? as i64;
    Ok(usize::try_from(largest.saturating_add(1)).unwrap_or(0))
}

/// Reads one element, after the work given to the stream so far.
pub(super) fn element<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    name: &'static str,
    position: u64,
) -> Result<i64, Error> {
    Ok(index.element(stream, name, position)?.to_i64())
}

/// Runs a kernel over the whole index and reads its answer.
fn ask_index<I: Index>(
    stream: &Stream,
    question: IndexQuestion,
    index: &DeviceTensor<I>,
    n: usize,
    workspace: &mut Workspace,
) -> Result<u64, Error> {
    stream.gpu().bind()?;
    let result = workspace.reserve(stream, RESULT_BYTES)?;
    let count = index.shape().element_count();
    let kernels = stream.gpu().kernels();
    let address = index.address_on(stream, "index")?;
    // SAFETY: as in `check_index`.
    unsafe {
        Collector::load_first(kernels, ["index", question.kernel(I::TYPE).name(), "", ""], |collector| {
            enqueue_index_question(collector, question, I::TYPE, address, count, n, result)
        })?;
        let mut queue = StreamQueue::new(kernels, stream.as_raw());
        enqueue_index_question(&mut queue, question, I::TYPE, address, count, n, result)?;
        memory::read(stream, result)
    }
}

/// The steps of [`check_index`]. They store the position of the first element that breaks a rule as a u64 at `result`.
/// All bits are 1 if there is none.
///
/// # Errors
/// Those of the queue.
///
/// # Safety
/// `index` must point to a tensor of the shape that the rules are for, `result` to 8 bytes, valid until the queue has
/// executed the work given to it.
pub(super) unsafe fn enqueue_check(
    queue: &mut impl Queue,
    rules: &dyn IndexRules,
    index_type: IndexType,
    index: u64,
    result: u64,
) -> Result<(), Error> {
    let (count, limit) = (rules.index_shape().element_count(), rules.index_limit());
    // SAFETY: the caller's promise.
    unsafe {
        if !rules.is_sorted() {
            return enqueue_index_question(queue, IndexQuestion::FirstBad, index_type, index, count, limit, result);
        }
        let row = Divisor::new(rules.index_row() as u64);
        let params = SortedIndexParams { index, result, count: count as u64, row, n: limit as u64 };
        queue.fill_u32(result, u32::MAX, RESULT_BYTES / size_of::<u32>())?;
        queue.launch_for_each(kernel!(index_first_unsorted index(index_type)), count, &params)
    }
}

/// Sets all bits of the result to 1, and runs one of the kernels that check an index. The kernel stores its answer in
/// the result.
///
/// # Errors
/// Those of the queue.
///
/// # Safety
/// `index` must point to `count` elements, `result` to 8 bytes, valid until the queue has executed the work given to
/// it.
pub unsafe fn enqueue_index_question(
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
