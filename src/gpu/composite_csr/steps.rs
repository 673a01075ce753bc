//! The launches of the composites over segments, each with its kernel. `enqueue_composite_csr` and
//! `preload_composite_csr` both take their kernels from here.

use crate::{
    Composite, Error, ScalarType,
    gpu::{
        kernel::{FloatType, Kernel, Statistic, kernel},
        kernels::Kernels,
        launches,
    },
};

/// What decides which kernels a composite over segments may launch. Shapes and the type of indptr do not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection {
    pub(super) composite: Composite,
    pub(super) float: FloatType,
}

/// A launch of a composite over segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Finishes every segment that is no longer than a chunk, and reduces the elements of a long segment in its first
    /// chunk, by a group of lanes.
    Cut { is_quads: bool },
    /// Reduces the elements of long segments in the chunks after their first one.
    Chunks { is_quads: bool },
    /// Joins the records of each long segment.
    Combine,
    /// Stores the softmaxes of long segments, and zeros for elements in no segment.
    Rest { is_quads: bool },
}

impl Step {
    /// All that a composite may launch.
    fn all(composite: Composite) -> Vec<Self> {
        let mut steps = vec![Self::Combine];
        for is_quads in [false, true] {
            steps.extend([Self::Cut { is_quads }, Self::Chunks { is_quads }]);
            steps.extend(composite.keeps_shape().then_some(Self::Rest { is_quads }));
        }
        steps
    }

    pub(super) fn kernel(self, Selection { composite, float }: Selection) -> Kernel {
        let statistic = match composite {
            Composite::Softmax | Composite::LogSoftmax | Composite::LogSumExp => Statistic::Exponentials,
            Composite::Std => Statistic::Moments,
        };
        match self {
            Self::Cut { is_quads } => {
                kernel!(composite_csr_cut statistic(statistic) columns_or_quads(is_quads) float(float))
            }
            Self::Chunks { is_quads } => {
                kernel!(composite_csr_chunks statistic(statistic) columns_or_quads(is_quads) float(float))
            }
            Self::Combine => kernel!(composite_csr_combine statistic(statistic) float(float)),
            Self::Rest { is_quads } => kernel!(composite_csr_rest columns_or_quads(is_quads) float(float)),
        }
    }
}

/// Every kernel that a composite over segments may launch, whatever its shapes.
fn kernels(selection: Selection) -> Vec<Kernel> {
    let steps = Step::all(selection.composite).into_iter().map(|step| step.kernel(selection));
    steps.chain([Kernel::index_store_offsets_all]).collect()
}

/// Loads every kernel that a composite over segments may launch into the current context, whatever its shapes and the
/// type of its indptr, so that a later [`composite_csr_raw`](super::composite_csr_raw) compiles nothing and can be
/// captured in a CUDA graph. A second call for the same types costs next to nothing.
///
/// # Errors
/// [`Error::NotAFloat`]; [`Error::Cuda`] where the driver refuses.
pub fn preload_composite_csr(kernels: &Kernels, composite: Composite, scalar: ScalarType) -> Result<(), Error> {
    let float = FloatType::of(scalar).ok_or(Error::NotAFloat { given: scalar })?;
    launches::preload(kernels, |_| self::kernels(Selection { composite, float }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        CompositeCsrOptions, CompositeCsrPlan, IndexType, Shape,
        gpu::{
            composite_csr::{CompositeCsrPointers, enqueue_composite_csr},
            launches::tests::{DEVICES, Launched, assert_exact},
        },
    };

    /// Plans over many sizes, with repeated axes of indptr, and with leading axes that alternate.
    fn plans(composite: Composite) -> Vec<CompositeCsrPlan> {
        let plan = |src: &[usize], indptr: &[usize]| {
            let (src, indptr) = (Shape::new(src).unwrap(), Shape::new(indptr).unwrap());
            CompositeCsrPlan::new(composite, &src, &indptr, &CompositeCsrOptions::new()).unwrap()
        };
        let mut plans = vec![plan(&[2, 2, 2, 5, 3], &[2, 1, 2, 3])];
        for e in [0, 1, 31, 300, 5000, 1 << 20, 1 << 31] {
            for k in [1, 2, 3, 4, 8, 33, 64, 256] {
                for n in [0, 1, 2, 300, 1 << 20] {
                    for leading in [[1, 1], [2, 3]] {
                        plans.push(plan(&[2, 3, e, k], &[leading[0], leading[1], n + 1]));
                    }
                }
            }
        }
        plans
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        for composite in Composite::ALL {
            let plans = plans(composite);
            for scalar in ScalarType::ALL {
                let Some(float) = FloatType::of(scalar) else { continue };
                for index_type in [IndexType::I32, IndexType::I64] {
                    let mut launched = BTreeSet::new();
                    for (plan, shift) in plans.iter().flat_map(|plan| [(plan, 0), (plan, scalar.bytes() as u64)]) {
                        let mut queue = Launched::on(DEVICES[0]);
                        let pointers = CompositeCsrPointers {
                            scalar,
                            index_type,
                            src: shift,
                            indptr: 0,
                            out: 1024,
                            workspace: 0,
                            workspace_bytes: usize::MAX,
                        };
                        // SAFETY: nothing is launched, so no address is used.
                        unsafe { enqueue_composite_csr(&mut queue, plan, &pointers).unwrap() };
                        launched.extend(queue.steps.into_iter().flatten());
                    }
                    let what = format!("{}, {}, {}", composite.name(), scalar.name(), index_type.name());
                    assert_exact(&what, &kernels(Selection { composite, float }), &launched);
                }
            }
        }
    }
}
