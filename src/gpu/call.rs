//! The path that the safe calls of all operators take.

use super::{
    DeviceTensor, Stream, Workspace,
    check::{self, RESULT_BYTES},
    queue::{Collector, Queue, StreamQueue},
};
use crate::{BadIndex, Error, Index, index_rules::IndexRules};

/// A plan that a queue can execute.
pub(super) trait Call {
    /// Where the tensors lie, and of what types they are.
    type Pointers;
    /// The type that has the rules for the index or indptr.
    type Rules: IndexRules;

    /// The rules for the index or indptr.
    fn rules(&self) -> &Self::Rules;

    /// The name of the index or indptr.
    fn index_name(&self) -> &'static str;

    /// What decides which kernels a call launches, apart from shapes: the operator, the reduction, the types.
    fn key(&self, pointers: &Self::Pointers) -> [&'static str; 4];

    /// Gives the steps to a queue.
    ///
    /// # Errors
    /// Those of the operator's `enqueue_*`.
    ///
    /// # Safety
    /// That of the operator's `enqueue_*`.
    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &Self::Pointers) -> Result<(), Error>;
}

/// Executes a plan: reserves the workspace, compiles what is missing, checks the index, and enqueues the steps.
///
/// `bytes` are those of the plan's own workspace. `pointers` is given the workspace's address.
///
/// # Errors
/// A bad index, where it is checked; [`Error::OtherDevice`]; [`Error::Cuda`] where the driver refuses; those of the
/// steps.
///
/// # Safety
/// The pointers must be those of tensors with the plan's shapes on the stream's device. Freeing device memory waits for
/// the device, so they outlive the work.
pub(super) unsafe fn run<C: Call, I: Index>(
    stream: &Stream,
    plan: &C,
    index: &DeviceTensor<I>,
    bad_index: BadIndex,
    bytes: usize,
    workspace: &mut Workspace,
    pointers: impl FnOnce(&Workspace, u64) -> Result<C::Pointers, Error>,
) -> Result<(), Error> {
    stream.gpu().bind()?;
    let kernels = stream.gpu().kernels();
    let rules = plan.rules();
    let is_checked = bad_index == BadIndex::Error && rules.uses_index();
    // Enough for the check too. Otherwise the workspace would grow, and move, between the check and the steps.
    let bytes = if is_checked { bytes.max(RESULT_BYTES) } else { bytes };
    let address = workspace.reserve(stream, bytes)?;
    let pointers = pointers(workspace, address)?;
    let index_address = index.address_on(stream, plan.index_name())?;
    // SAFETY: the caller's promise. The index has the plan's shape. The collector launches nothing.
    unsafe {
        Collector::load_first(kernels, plan.key(&pointers), |collector| {
            if is_checked {
                check::enqueue_check(collector, rules, I::TYPE, index_address, address)?;
            }
            plan.enqueue(collector, &pointers)
        })?;
        if is_checked {
            check::check_index(stream, rules, index, plan.index_name(), workspace)?;
        }
        plan.enqueue(&mut StreamQueue::new(kernels, stream.as_raw()), &pointers)
    }
}
