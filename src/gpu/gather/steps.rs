//! The launches of a gather, each with its kernel. `enqueue_gather` and `preload_gather_*` both take their kernels from
//! here.

use kernel_params::BATCH;

use crate::{
    Error, IndexType, ScalarType,
    gather::RowSource,
    gpu::{
        kernel::{Kernel, Word, kernel},
        kernels::Kernels,
        launches,
        tuning::PACK_BYTES,
    },
};

/// A batch of this word is a pack. So a thread loads a batch of the index at once, and stores a batch of words at once.
pub(super) const BATCHED_WORD: Word = Word::Bytes4;

const _: () = assert!(BATCHED_WORD.bytes() * BATCH == PACK_BYTES);

/// The one launch of a gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// By an index. `is_narrow`: words are counted in 32 bits.
    Coo { word: Word, is_narrow: bool },
    /// By an index whose leading axes do not advance evenly.
    CooRuns(Word),
    /// By one row of an index; each row of `src` is one [`BATCHED_WORD`].
    CooWords,
    /// By an indptr. `is_narrow`: words are counted in 32 bits.
    Csr { word: Word, is_narrow: bool },
    /// By an indptr whose leading axes do not advance evenly.
    CsrRuns(Word),
    /// By an indptr, very many rows of one word.
    CsrBatches(Word),
}

impl Step {
    /// All that may be launched for this type of values. No word is smaller than a value.
    fn all(source: RowSource, scalar: ScalarType) -> Vec<Self> {
        let words = Word::ALL.into_iter().filter(|word| word.bytes() >= scalar.bytes());
        let of_word = |word| match source {
            RowSource::Index => [
                Some(Self::Coo { word, is_narrow: false }),
                Some(Self::Coo { word, is_narrow: true }),
                Some(Self::CooRuns(word)),
                (word == BATCHED_WORD).then_some(Self::CooWords),
            ],
            RowSource::Indptr => [
                Some(Self::Csr { word, is_narrow: false }),
                Some(Self::Csr { word, is_narrow: true }),
                Some(Self::CsrRuns(word)),
                Some(Self::CsrBatches(word)),
            ],
        };
        words.flat_map(of_word).flatten().collect()
    }

    pub(super) fn kernel(self, index: IndexType) -> Kernel {
        match self {
            Self::Coo { word, is_narrow: false } => kernel!(gather_coo word(word) index(index)),
            Self::Coo { word, is_narrow: true } => kernel!(gather_coo_narrow word(word) index(index)),
            Self::CooRuns(word) => kernel!(gather_coo_runs word(word) index(index)),
            Self::CooWords => kernel!(gather_coo_words index(index)),
            Self::Csr { word, is_narrow: false } => kernel!(gather_csr word(word) index(index)),
            Self::Csr { word, is_narrow: true } => kernel!(gather_csr_narrow word(word) index(index)),
            Self::CsrRuns(word) => kernel!(gather_csr_runs word(word) index(index)),
            Self::CsrBatches(word) => kernel!(gather_csr_batches word(word) index(index)),
        }
    }
}

/// Every kernel that a gather may launch, whatever its shapes.
fn kernels(source: RowSource, scalar: ScalarType, index: IndexType) -> Vec<Kernel> {
    Step::all(source, scalar).into_iter().map(|step| step.kernel(index)).collect()
}

/// Loads every kernel that gather_coo may launch into the current context, whatever its shapes, so that a later
/// [`gather_raw`](super::gather_raw) compiles nothing and can be captured in a CUDA graph. A second call for the same
/// types costs next to nothing.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn preload_gather_coo(kernels: &Kernels, scalar: ScalarType, index_type: IndexType) -> Result<(), Error> {
    launches::preload(kernels, |_| self::kernels(RowSource::Index, scalar, index_type))
}

/// [`preload_gather_coo`] for gather_csr.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn preload_gather_csr(kernels: &Kernels, scalar: ScalarType, index_type: IndexType) -> Result<(), Error> {
    launches::preload(kernels, |_| self::kernels(RowSource::Indptr, scalar, index_type))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        GatherPlan, Shape,
        gpu::{
            gather::{GatherPointers, enqueue_gather},
            launches::tests::{DEVICES, Launched, assert_exact},
        },
    };

    /// Plans with the leading axes of src and of the index, the rows of src, the rows of the result, and columns.
    fn plans(source: RowSource) -> Vec<GatherPlan> {
        let leading: [(&[usize], &[usize]); 4] = [(&[], &[]), (&[3], &[3]), (&[3], &[1]), (&[2, 2, 2], &[2, 1, 2])];
        let mut plans = Vec::new();
        for (src_axes, index_axes) in leading {
            for rows in [1, 2, 1000] {
                for size in [0, 1, 100, 1 << 20, 1 << 32] {
                    for k in [1, 2, 3, 4, 7, 8, 16, 64] {
                        let src = Shape::new(&[src_axes, &[rows, k]].concat()).unwrap();
                        let index = |last| Shape::new(&[index_axes, &[last]].concat()).unwrap();
                        plans.push(match source {
                            RowSource::Index => GatherPlan::coo(&src, &index(size)).unwrap(),
                            RowSource::Indptr => GatherPlan::csr(&src, &index(rows + 1), size).unwrap(),
                        });
                    }
                }
            }
        }
        plans
    }

    fn launched(plan: &GatherPlan, scalar: ScalarType, index_type: IndexType) -> BTreeSet<Kernel> {
        let mut launched = BTreeSet::new();
        for shift in [0, scalar.bytes() as u64] {
            let mut queue = Launched::on(DEVICES[0]);
            let pointers = GatherPointers { scalar, index_type, src: shift, index: 0, out: 1024 };
            // SAFETY: nothing is launched, so no address is used.
            unsafe { enqueue_gather(&mut queue, plan, &pointers).unwrap() };
            launched.extend(queue.steps.into_iter().flatten());
        }
        launched
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        for source in [RowSource::Index, RowSource::Indptr] {
            let plans = plans(source);
            for scalar in ScalarType::ALL {
                for index in [IndexType::I32, IndexType::I64] {
                    let launched = plans.iter().flat_map(|plan| launched(plan, scalar, index)).collect();
                    let what = format!("{source:?}, {}, {}", scalar.name(), index.name());
                    assert_exact(&what, &kernels(source, scalar, index), &launched);
                }
            }
        }
    }
}
