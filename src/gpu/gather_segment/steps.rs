//! The launches of a gather_segment, each with its kernel. `enqueue_gather_segment` and `preload_gather_segment_csr`
//! both take their kernels from here.

use crate::{
    Error, Reduce, ReduceOperator, ScalarType,
    gpu::{
        kernel::{Fold, Kernel, kernel},
        kernels::Kernels,
        launches,
        segment::combine_kernel,
    },
    segment::Segments,
};

/// What decides which kernels a gather_segment may launch. Shapes and the types of indices do not.
#[derive(Clone, Copy, Debug)]
pub(in crate::gpu) struct Selection {
    pub(in crate::gpu) fold: Fold,
    pub(in crate::gpu) scalar: ScalarType,
}

/// A launch of an operator over segments of gathered rows: gather_segment, or attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gpu) enum Step {
    /// Reduces every segment, and of a long segment the elements in its first chunk, by a group of lanes.
    Cut { is_packs: bool },
    /// Reduces the elements of long segments in the chunks after their first one.
    Chunks { is_packs: bool },
    /// Joins the records of each long segment.
    Combine,
}

impl Step {
    pub(in crate::gpu) const ALL: [Self; 5] = [
        Self::Cut { is_packs: false },
        Self::Cut { is_packs: true },
        Self::Chunks { is_packs: false },
        Self::Chunks { is_packs: true },
        Self::Combine,
    ];

    pub(super) fn kernel(self, Selection { fold, scalar }: Selection) -> Kernel {
        match self {
            Self::Cut { is_packs } => {
                kernel!(gather_segment_cut fold(fold) columns_or_packs(is_packs) scalar(scalar))
            }
            Self::Chunks { is_packs } => {
                kernel!(gather_segment_chunks fold(fold) columns_or_packs(is_packs) scalar(scalar))
            }
            // The counts are in the records, as they are for an index.
            Self::Combine => combine_kernel(Segments::Index, fold, scalar),
        }
    }
}

/// Every kernel that a gather_segment may launch, whatever its shapes.
pub(in crate::gpu) fn kernels(selection: Selection) -> Vec<Kernel> {
    Step::ALL.into_iter().map(|step| step.kernel(selection)).chain([Kernel::index_store_offsets_all]).collect()
}

/// What the kernels make of a segment's elements.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul".
pub(super) fn fold(reduce: Reduce) -> Result<Fold, Error> {
    Fold::of(reduce).ok_or(Error::UnsupportedReduce { operator: ReduceOperator::GatherSegmentCsr, reduce })
}

/// Loads every kernel that gather_segment_csr may launch into the current context, whatever its shapes, so that a later
/// [`gather_segment_raw`](super::gather_segment_raw) compiles nothing and can be captured in a CUDA graph. It loads
/// the kernels for both types of indices: they take the type as a parameter. A second call costs next to nothing.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul"; [`Error::Cuda`] where the driver refuses.
pub fn preload_gather_segment_csr(kernels: &Kernels, reduce: Reduce, scalar: ScalarType) -> Result<(), Error> {
    let fold = fold(reduce)?;
    launches::preload(kernels, |_| self::kernels(Selection { fold, scalar }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        GatherSegmentCsrOptions, GatherSegmentPlan, IndexType, Shape,
        gpu::{
            gather_segment::{GatherSegmentPointers, enqueue_gather_segment},
            launches::tests::{DEVICES, Launched, assert_exact},
            raw::ReductionPointers,
        },
    };

    /// Plans over many sizes, with and without weights and repeated axes.
    fn plans(reduce: Reduce) -> Vec<GatherSegmentPlan> {
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        let options = GatherSegmentCsrOptions::new(reduce);
        let mut plans = Vec::new();
        for e in [0, 1, 31, 300, 5000, 1 << 20, 1 << 31] {
            for k in [1, 2, 3, 4, 8, 33, 64, 256] {
                for n in [1, 1000] {
                    for (lead, part) in [(&[][..], &[][..]), (&[3], &[1]), (&[2, 2, 2], &[2, 1, 2])] {
                        let src = shape(&[lead, &[100, k]].concat());
                        let index = shape(&[part, &[e]].concat());
                        let indptr = shape(&[part, &[n + 1]].concat());
                        let weight = shape(&[part, &[e, k]].concat());
                        for weight in [None, Some(&index), Some(&weight)] {
                            plans.push(GatherSegmentPlan::csr(&src, &index, &indptr, weight, &options).unwrap());
                        }
                    }
                }
            }
        }
        plans
    }

    fn launched(plan: &GatherSegmentPlan, scalar: ScalarType, is_aligned: bool) -> BTreeSet<Kernel> {
        let mut queue = Launched::on(DEVICES[0]);
        let reduction = ReductionPointers {
            scalar,
            index_type: IndexType::I32,
            arg_type: IndexType::I32,
            src: if is_aligned { 0 } else { scalar.bytes() as u64 },
            index: 0,
            base: None,
            out: 1024,
            arg_out: None,
            workspace: 0,
            workspace_bytes: usize::MAX,
        };
        let weight = plan.weight.map(|_| 64);
        let pointers = GatherSegmentPointers { reduction, index: 0, weight, weights_are_float32: false };
        // SAFETY: nothing is launched, so no address is used.
        unsafe { enqueue_gather_segment(&mut queue, plan, &pointers).unwrap() };
        queue.steps.into_iter().flatten().collect()
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
            let plans = plans(reduce);
            for scalar in ScalarType::ALL {
                let launched = plans.iter().flat_map(|plan| [true, false].map(|is| launched(plan, scalar, is)));
                let launched = launched.flatten().collect();
                let selection = Selection { fold: fold(reduce).unwrap(), scalar };
                assert_exact(&format!("{reduce}, {}", scalar.name()), &kernels(selection), &launched);
            }
        }
    }
}
