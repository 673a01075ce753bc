//! The path that the safe calls of all operators take.

use super::{
    DeviceTensor, Stream, Workspace,
    check::{self, RESULT_BYTES},
    queue::{Collector, Queue, StreamQueue},
};
use crate::{BadIndex, Error, Index, index_rules::IndexRules};

/// A plan that a queue can execute. It has N inputs that are indices or indptrs.
pub(super) trait Call<const N: usize> {
    /// Where the tensors lie, and of what types they are.
    type Pointers;

    /// The name and the rules of each index or indptr, in the order in which they are checked.
    fn rules(&self) -> [(&'static str, &dyn IndexRules); N];

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

/// Executes a plan: reserves the workspace, compiles what is missing, checks the indices, and enqueues the steps.
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
pub(super) unsafe fn run<C: Call<N>, I: Index, const N: usize>(
    stream: &Stream,
    plan: &C,
    indices: [&DeviceTensor<I>; N],
    bad_index: BadIndex,
    bytes: usize,
    workspace: &mut Workspace,
    pointers: impl FnOnce(&Workspace, u64) -> Result<C::Pointers, Error>,
) -> Result<(), Error> {
    stream.gpu().bind()?;
    let kernels = stream.gpu().kernels();
    let rules = plan.rules();
    let are_checked = match bad_index {
        BadIndex::Error => rules.map(|(_, rules)| rules.uses_index()),
        BadIndex::Skip => [false; N],
    };
    // Enough for the check too. Otherwise the workspace would grow, and move, between the check and the steps.
    let bytes = if are_checked.contains(&true) { bytes.max(RESULT_BYTES) } else { bytes };
    let address = workspace.reserve(stream, bytes)?;
    let pointers = pointers(workspace, address)?;
    let checks = || (0..N).filter(|&i| are_checked[i]).map(|i| (rules[i], indices[i]));
    // SAFETY: the caller's promise. The indices have the plan's shapes. The collector launches nothing.
    unsafe {
        Collector::load_first(kernels, plan.key(&pointers), |collector| {
            for ((name, rules), index) in checks() {
                check::enqueue_check(collector, rules, I::TYPE, index.address_on(stream, name)?, address)?;
            }
            plan.enqueue(collector, &pointers)
        })?;
        for ((name, rules), index) in checks() {
            check::check_index(stream, rules, index, name, workspace)?;
        }
        plan.enqueue(&mut StreamQueue::new(kernels, stream.as_raw()), &pointers)
    }
}
