//! The gathers on the GPU: one launch, and the safe calls.

mod steps;

use std::ffi::c_void;

use kernel_params::{BATCH, Divisor, GatherParams, NarrowDivisor};

use super::{
    DeviceTensor, Stream, Workspace,
    call::{self, Call},
    check,
    kernel::Word,
    kernels::Kernels,
    queue::{Queue, StreamQueue},
    tuning::{PACK_BYTES, WARP_SIZE},
};
use crate::{
    BadIndex, Error, GatherCooOptions, GatherCsrOptions, GatherPlan, Index, IndexType, Scalar, ScalarType,
    gather::RowSource, index_rules::IndexRules,
};

pub use steps::{preload_gather_coo, preload_gather_csr};

use steps::{BATCHED_WORD, Step};

/// Where the tensors of a gather lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub struct GatherPointers {
    /// Type of `src` and `out`.
    pub scalar: ScalarType,
    /// Type of the index or indptr.
    pub index_type: IndexType,
    /// Address of `src`.
    pub src: u64,
    /// Address of the index or indptr, of the plan's index shape.
    pub index: u64,
    /// Address of `out`.
    pub out: u64,
}

impl GatherPlan {
    /// The widest word that every row of `src` and `out` can be cut into.
    fn word(&self, pointers: &GatherPointers) -> Word {
        let row = (self.k * pointers.scalar.bytes()) as u64;
        // The bytes of the word must divide all of them. Those of a value always do, because tensors are aligned to
        // their elements.
        let own = word_of(pointers.scalar);
        let divides = |word: &Word| (row | pointers.src | pointers.out).is_multiple_of(word.bytes() as u64);
        let wider = Word::ALL.into_iter().rev().take_while(|word| word.bytes() > own.bytes());
        { wider }.find(divides).unwrap_or(own)
    }
}

/// The word that has the size of a value.
const fn word_of(scalar: ScalarType) -> Word {
    let mut at = 0;
    while at < Word::ALL.len() {
        if Word::ALL[at].bytes() == scalar.bytes() {
            return Word::ALL[at];
        }
        at += 1;
    }
    panic!("no word has the size of a value of this type")
}

// If a value type has no word, this does not compile.
const _: () = {
    let mut at = 0;
    while at < ScalarType::ALL.len() {
        word_of(ScalarType::ALL[at]);
        at += 1;
    }
};

/// Gives the one step of a gather to a queue. It allocates nothing on the device and does not wait. An index outside
/// [0, S) gives zeros; a bad indptr gives some rows of `src` or zeros.
///
/// # Errors
/// Those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; `out` must not overlap anything.
pub unsafe fn enqueue_gather(
    queue: &mut impl Queue,
    plan: &GatherPlan,
    pointers: &GatherPointers,
) -> Result<(), Error> {
    let word = plan.word(pointers);
    let words = plan.k * pointers.scalar.bytes() / word.bytes();
    let chunks = plan.b * plan.e * words;
    if chunks == 0 {
        return Ok(());
    }
    // The words of a warp's batch, and of a row tile. A tile has one row for each lane, or a batch of rows for each
    // lane if a row is one word.
    let tuning = *queue.tuning();
    let is_row_a_chunk = plan.b == 1 && words == 1;
    let warp_batch = WARP_SIZE * BATCH;
    let batches = chunks.div_ceil(warp_batch);
    let takes_batches = is_row_a_chunk && tuning.gather_csr_takes_batches(batches);
    let rows_of_tile = if takes_batches { warp_batch } else { WARP_SIZE };
    let tile = rows_of_tile * words;
    let share = warp_batch * tuning.gather_csr_batches(batches);
    let (tiles, parts) = ((share / tile).max(1), tile.div_ceil(share));
    let groups_of_tiles = (plan.b * plan.e).div_ceil(rows_of_tile).div_ceil(tiles);
    let params = GatherParams {
        src: pointers.src,
        index: pointers.index,
        out: pointers.out,
        b: plan.b as u64,
        s: plan.s as u64,
        e: plan.e as u64,
        by_e: Divisor::new(plan.e as u64),
        words: words as u64,
        by_words: Divisor::new(words as u64),
        by_words_narrow: NarrowDivisor::new(words as u32),
        tiles: tiles as u64,
        groups_of_tiles: groups_of_tiles as u64,
        parts: Divisor::new(parts as u64),
        prefetch_warps: tuning.gather_prefetch_warps as u64,
        leading: plan.leading,
    };
    // Whether 32 bits are enough to count the words of both tensors.
    let most = chunks.max(plan.b * plan.s * words);
    let is_narrow = queue.bytes_to_weigh(most * word.bytes()) / word.bytes() <= i32::MAX as usize;
    let is_aligned = (pointers.index | pointers.out).is_multiple_of(PACK_BYTES as u64);
    let step = match plan.source {
        RowSource::Indptr if takes_batches => Step::CsrBatches(word),
        RowSource::Indptr if !plan.leading.are_even() => Step::CsrRuns(word),
        RowSource::Indptr => Step::Csr { word, is_narrow },
        // Here the index has one row. A thread loads a batch of it at once.
        RowSource::Index if is_row_a_chunk && is_aligned && word == BATCHED_WORD => Step::CooWords,
        RowSource::Index if !plan.leading.are_even() => Step::CooRuns(word),
        RowSource::Index => Step::Coo { word, is_narrow },
    };
    let items = match plan.source {
        RowSource::Index => chunks.div_ceil(BATCH),
        RowSource::Indptr => groups_of_tiles * parts,
    };
    // SAFETY: the caller's promise; the sizes are those of the plan's shapes.
    unsafe { queue.launch_for_each(step.kernel(pointers.index_type), items, &params) }
}

/// [`enqueue_gather`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_gather_coo`] or [`preload_gather_csr`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_gather`].
///
/// # Safety
/// Those of [`enqueue_gather`] and [`StreamQueue::new`].
pub unsafe fn gather_raw(
    kernels: &Kernels,
    plan: &GatherPlan,
    pointers: &GatherPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_gather(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<1> for GatherPlan {
    type Pointers = GatherPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 1] {
        [(self.source.name(), self)]
    }

    fn key(&self, pointers: &GatherPointers) -> [&'static str; 4] {
        let operator = match self.source {
            RowSource::Index => "gather_coo",
            RowSource::Indptr => "gather_csr",
        };
        [operator, "", pointers.scalar.name(), pointers.index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &GatherPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_gather(queue, self, pointers) }
    }
}

/// Copies the rows of `src` that an index names: [`cpu::gather_coo`](crate::cpu::gather_coo), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. Under
/// [`BadIndex::Skip`] the call does not wait.
///
/// # Errors
/// Those of [`cpu::gather_coo`](crate::cpu::gather_coo); [`Error::Cuda`] where the driver refuses.
pub fn gather_coo<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    options: &GatherCooOptions,
) -> Result<DeviceTensor<T>, Error> {
    let plan = GatherPlan::coo(src.shape(), index.shape())?;
    run_owned(stream, &plan, src, index, options.bad_index)
}

/// [`gather_coo`] that writes to the caller's tensor, to every element of it, and uses the caller's workspace.
///
/// # Errors
/// Those of [`gather_coo`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is
/// written then.
pub fn gather_coo_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    options: &GatherCooOptions,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let plan = GatherPlan::coo(src.shape(), index.shape())?;
    plan.check_output(out.shape())?;
    run(stream, &plan, src, index, options.bad_index, out, workspace)
}

/// Repeats each row of `src` over its segment: [`cpu::gather_csr`](crate::cpu::gather_csr), on a stream.
///
/// The result is in device memory. It is complete when the stream has executed the work given to it so far. Under
/// [`BadIndex::Skip`] and with a size, the call does not wait.
///
/// # Errors
/// Those of [`cpu::gather_csr`](crate::cpu::gather_csr); [`Error::Cuda`] where the driver refuses.
pub fn gather_csr<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    indptr: &DeviceTensor<I>,
    options: &GatherCsrOptions,
) -> Result<DeviceTensor<T>, Error> {
    GatherPlan::segment_axis(src.shape(), indptr.shape())?;
    let size = match options.size {
        Some(size) => size,
        None => last_element(stream, indptr)?,
    };
    let plan = GatherPlan::csr(src.shape(), indptr.shape(), size)?;
    run_owned(stream, &plan, src, indptr, options.bad_index)
}

/// [`gather_csr`] that writes to the caller's tensor, to every element of it, and uses the caller's workspace.
///
/// # Errors
/// Those of [`gather_csr`]; [`Error::OutputShape`] where `out` has another shape than the result. Nothing is
/// written then.
pub fn gather_csr_into<T: Scalar, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    indptr: &DeviceTensor<I>,
    options: &GatherCsrOptions,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let axis = GatherPlan::segment_axis(src.shape(), indptr.shape())?;
    // An out of another rank may lack this axis; it is refused below.
    let size = options.size.or_else(|| out.shape().dims().get(axis).copied()).unwrap_or(0);
    let plan = GatherPlan::csr(src.shape(), indptr.shape(), size)?;
    plan.check_output(out.shape())?;
    run(stream, &plan, src, indptr, options.bad_index, out, workspace)
}

/// The default length of the result: indptr's last element.
fn last_element<I: Index>(stream: &Stream, indptr: &DeviceTensor<I>) -> Result<usize, Error> {
    match indptr.shape().element_count() as u64 {
        count if count != 0 => Ok(usize::try_from(check::element(stream, indptr, "indptr", count - 1)?).unwrap_or(0)),
        _ => Ok(0),
    }
}

fn run_owned<T: Scalar, I: Index>(
    stream: &Stream,
    plan: &GatherPlan,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    bad_index: BadIndex,
) -> Result<DeviceTensor<T>, Error> {
    let mut out = DeviceTensor::uninitialized(stream.gpu(), *plan.out_shape())?;
    run(stream, plan, src, index, bad_index, &mut out, &mut Workspace::new(stream.gpu())?)?;
    Ok(out)
}

fn run<T: Scalar, I: Index>(
    stream: &Stream,
    plan: &GatherPlan,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let pointers = |_: &Workspace, _| {
        Ok(GatherPointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            src: src.address_on(stream, "src")?,
            index: index.address_on(stream, plan.source.name())?,
            out: out.address_on(stream, "out")?,
        })
    };
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [index], bad_index, 0, workspace, pointers) }
}
