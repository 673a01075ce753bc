//! The launches of a reduction over segments, each with its kernel. `enqueue_segment` and `preload_segment_*` both take
//! their kernels from here.

use crate::{
    Error, IndexType, Reduce, ReduceOperator, ScalarType,
    gpu::{
        kernel::{Fold, FoldKind, Kernel, Load, kernel},
        kernels::Kernels,
        launches,
        pointers::ReductionTypes,
    },
    segment::Segments,
};

/// What decides which kernels a reduction over segments may launch. Shapes do not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection {
    pub(super) source: Segments,
    pub(super) fold: Fold,
    pub(super) types: ReductionTypes,
}

/// A launch of a reduction over segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Makes an indptr of this type from a sorted index.
    FromIndex(IndexType),
    /// Reduces every segment, by a group of lanes, or by a block if it is long.
    Whole { is_packs: bool },
    /// Over a cut axis: reduces every segment, and of a long segment the elements in its first chunk, by a group of
    /// lanes.
    Cut(Load),
    /// Over a cut axis: does what [`Cut`](Self::Cut) does, by one lane for each column of a segment.
    Short,
    /// Reduces the elements of long segments in the chunks after their first one.
    Chunks(Load),
    /// Joins the records of each long segment.
    Combine,
}

impl Step {
    /// All steps, for an index or an indptr.
    fn all(source: Segments) -> Vec<Self> {
        const LOADS: [Load; 3] = [Load::Columns, Load::Packs, Load::LargePacks];
        let from_index = match source {
            Segments::Index => [IndexType::I32, IndexType::I64].map(Self::FromIndex).to_vec(),
            Segments::Indptr => Vec::new(),
        };
        let mut steps = from_index;
        steps.extend([false, true].map(|is_packs| Self::Whole { is_packs }));
        steps.extend(LOADS.map(Self::Cut));
        steps.extend(LOADS.map(Self::Chunks));
        steps.extend([Self::Short, Self::Combine]);
        steps
    }

    pub(super) fn kernel(self, Selection { source, fold, types }: Selection) -> Kernel {
        let scalar = types.scalar;
        match self {
            Self::FromIndex(IndexType::I32) => kernel!(segment_from_index index(types.index)),
            Self::FromIndex(IndexType::I64) => kernel!(segment_from_index_wide index(types.index)),
            Self::Whole { is_packs } => {
                kernel!(segment source(source) fold(fold) columns_or_packs(is_packs) scalar(scalar))
            }
            Self::Cut(load) => kernel!(segment source(source) _cut fold(fold) load(load) scalar(scalar)),
            Self::Short => kernel!(segment source(source) _short fold(fold) scalar(scalar)),
            Self::Chunks(load) => kernel!(segment source(source) _chunks fold(fold) load(load) scalar(scalar)),
            Self::Combine => combine_kernel(source, fold, scalar),
        }
    }
}

/// The kernel that joins the records of each long segment. If the segments are those of an index, the records have the
/// counts.
pub(in crate::gpu) fn combine_kernel(source: Segments, fold: Fold, scalar: ScalarType) -> Kernel {
    match fold.kind() {
        FoldKind::Counted(fold) => kernel!(segment source(source) _combine counted_fold(fold) scalar(scalar)),
        FoldKind::Uncounted(fold) => kernel!(segment_combine uncounted_fold(fold) scalar(scalar)),
    }
}

/// Every kernel that a reduction over segments may launch, whatever its shapes.
fn kernels(selection: Selection) -> Vec<Kernel> {
    let steps = Step::all(selection.source).into_iter().map(|step| step.kernel(selection));
    steps.chain([Kernel::index_store_offsets_all]).collect()
}

/// What the kernels make of a segment's elements.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul".
pub(super) fn fold(source: Segments, reduce: Reduce) -> Result<Fold, Error> {
    let operator = match source {
        Segments::Index => ReduceOperator::SegmentCoo,
        Segments::Indptr => ReduceOperator::SegmentCsr,
    };
    Fold::of(reduce).ok_or(Error::UnsupportedReduce { operator, reduce })
}

/// Loads every kernel that segment_coo may launch into the current context, whatever its shapes, so that a later
/// [`segment_raw`](super::segment_raw) compiles nothing and can be captured in a CUDA graph. A second call for the same
/// types costs next to nothing.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul"; [`Error::Cuda`] where the driver refuses.
pub fn preload_segment_coo(
    kernels: &Kernels,
    reduce: Reduce,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    preload(kernels, Segments::Index, reduce, scalar, index_type)
}

/// [`preload_segment_coo`] for segment_csr.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul"; [`Error::Cuda`] where the driver refuses.
pub fn preload_segment_csr(
    kernels: &Kernels,
    reduce: Reduce,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    preload(kernels, Segments::Indptr, reduce, scalar, index_type)
}

fn preload(
    kernels: &Kernels,
    source: Segments,
    reduce: Reduce,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    let fold = fold(source, reduce)?;
    // A parameter tells the kernels the type of arg_out, so no kernel depends on it.
    let types = ReductionTypes { scalar, index: index_type, arg: index_type };
    launches::preload(kernels, |_| self::kernels(Selection { source, fold, types }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        SegmentCooOptions, SegmentCsrOptions, SegmentPlan, Shape,
        gpu::{
            launches::tests::{DEVICES, Launched, assert_exact},
            raw::ReductionPointers,
            segment::enqueue_segment,
        },
    };

    /// Plans over many sizes, with and without a base and repeated axes of the index.
    fn plans(source: Segments, reduce: Reduce) -> Vec<SegmentPlan> {
        const SIZES: [usize; 6] = [1, 2, 31, 300, 5000, 1 << 20];
        let mut plans = Vec::new();
        for e in [0, 1 << 31].into_iter().chain(SIZES) {
            for k in [1, 2, 3, 4, 8, 33, 64, 256] {
                for n in SIZES {
                    for leading in [[1, 1], [2, 3], [1, 3]] {
                        let src = Shape::new(&[2, 3, e, k]).unwrap();
                        let base = src.with_axis(2, n).unwrap();
                        let index = |last| Shape::new(&[leading[0], leading[1], last]).unwrap();
                        let coo = SegmentCooOptions::new(reduce);
                        match source {
                            Segments::Index => {
                                plans.push(SegmentPlan::coo(&src, &index(e), Some(&base), &coo).unwrap());
                                plans.push(SegmentPlan::coo(&src, &index(e), None, &coo.dim_size(n)).unwrap());
                            }
                            Segments::Indptr => {
                                let csr = SegmentCsrOptions::new(reduce);
                                plans.push(SegmentPlan::csr(&src, &index(n + 1), &csr).unwrap());
                            }
                        }
                    }
                }
            }
        }
        // Leading axes of the index that alternate.
        let src = Shape::new(&[2, 2, 2, 5, 3]).unwrap();
        plans.push(match source {
            Segments::Index => {
                let options = SegmentCooOptions::new(reduce).dim_size(2);
                SegmentPlan::coo(&src, &Shape::new(&[2, 1, 2, 5]).unwrap(), None, &options).unwrap()
            }
            Segments::Indptr => {
                SegmentPlan::csr(&src, &Shape::new(&[2, 1, 2, 3]).unwrap(), &SegmentCsrOptions::new(reduce)).unwrap()
            }
        });
        plans
    }

    /// The kernels of one plan with aligned tensors, and with tensors that are not.
    fn launched(plan: &SegmentPlan, types: ReductionTypes) -> BTreeSet<Kernel> {
        let mut launched = BTreeSet::new();
        for shift in [0, types.scalar.bytes() as u64] {
            let mut queue = Launched::on(DEVICES[0]);
            let pointers = ReductionPointers {
                scalar: types.scalar,
                index_type: types.index,
                arg_type: types.arg,
                src: shift,
                index: 0,
                base: plan.has_base.then_some(shift),
                out: shift + 1024,
                arg_out: plan.reduce.has_arg().then_some(0),
                workspace: 0,
                workspace_bytes: usize::MAX,
            };
            // SAFETY: the queue launches nothing.
            unsafe { enqueue_segment(&mut queue, plan, &pointers).unwrap() };
            launched.extend(queue.steps.into_iter().flatten());
        }
        launched
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        let operators = [(Segments::Index, ReduceOperator::SegmentCoo), (Segments::Indptr, ReduceOperator::SegmentCsr)];
        for (source, operator) in operators {
            for reduce in operator.reductions() {
                let plans = plans(source, reduce);
                for scalar in ScalarType::ALL {
                    for index in [IndexType::I32, IndexType::I64] {
                        let types = ReductionTypes { scalar, index, arg: index };
                        let launched = plans.iter().flat_map(|plan| launched(plan, types)).collect();
                        let fold = fold(source, reduce).unwrap();
                        let loaded = kernels(Selection { source, fold, types });
                        assert_exact(&format!("{source:?}, {reduce}, {types:?}"), &loaded, &launched);
                    }
                }
            }
        }
    }
}
