//! The path that the safe calls of all operators take.

use super::{
    DeviceTensor, Queue, Stream, StreamQueue, Workspace,
    check::{self, RESULT_BYTES},
    queue::Collector,
};
use crate::{BadIndex, Error, Index, index_rules::IndexRules};

/// A plan that a queue can carry out.
pub(super) trait Call {
    /// Where the tensors lie, and of what types they are.
    type Pointers;
    /// What knows the rules for the index or indptr.
    type Rules: IndexRules;

    /// The rules for the index or indptr.
    fn rules(&self) -> &Self::Rules;

    /// What the index or indptr is called.
    fn index_name(&self) -> &'static str;

    /// What tells calls apart that launch other kernels, as far as plan and types do: the operator, the reduction, the types.
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

/// Carries a plan out: reserves the workspace, compiles what is missing, looks the index over, and enqueues the steps.
///
/// `bytes` are those of the plan's own workspace. `pointers` is given the workspace's address.
///
/// # Errors
/// A bad index, where it is checked; [`Error::OtherDevice`]; [`Error::Cuda`] where the driver refuses; those of the steps.
///
/// # Safety
/// The pointers must be those of tensors that have the shapes that the plan was made of, on the stream's device. Freeing device
/// memory waits for the device, so they outlive the work.
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
    // Enough for the check as well, so that the workspace does not grow, and move, in between.
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
