//! The one launch of a gather_dot, with its kernel. `enqueue_gather_dot` and `preload_gather_dot` both take their
//! kernels from here.

use kernel_params::GatherDotParams;

use crate::{
    Combine, Error, IndexType, ScalarType,
    gpu::{
        kernel::{FloatType, Kernel, kernel},
        kernels::Kernels,
        launches,
    },
};

/// The one launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// By indices whose leading axes advance evenly. `are_packs`: each head is made of aligned packs.
    Even { are_packs: bool },
    /// By other indices.
    Runs,
}

impl Step {
    const ALL: [Self; 3] = [Self::Even { are_packs: false }, Self::Even { are_packs: true }, Self::Runs];

    /// The scores that the lanes which share a score take at a time.
    pub(super) fn scores_of_lanes(self) -> usize {
        match self {
            Self::Even { are_packs: true } => GatherDotParams::SCORES_OF_PACKS,
            Self::Even { are_packs: false } => GatherDotParams::SCORES_OF_COLUMNS,
            Self::Runs => GatherDotParams::SCORES_OF_RUNS,
        }
    }

    pub(super) fn kernel(self, combine: Combine, float: FloatType, index: IndexType) -> Kernel {
        match self {
            Self::Even { are_packs } => {
                kernel!(gather_dot combine(combine) columns_or_packs(are_packs) float(float) index(index))
            }
            Self::Runs => kernel!(gather_dot_runs combine(combine) float(float) index(index)),
        }
    }
}

/// Every kernel that a gather_dot may launch, whatever its shapes.
fn kernels(combine: Combine, float: FloatType, index: IndexType) -> Vec<Kernel> {
    Step::ALL.into_iter().map(|step| step.kernel(combine, float, index)).collect()
}

/// Loads every kernel that gather_dot may launch into the current context, whatever its shapes, so that a later
/// [`gather_dot_raw`](super::gather_dot_raw) compiles nothing and can be captured in a CUDA graph. A second call for
/// the same types costs next to nothing.
///
/// # Errors
/// [`Error::NotAFloat`]; [`Error::Cuda`] where the driver refuses.
pub fn preload_gather_dot(
    kernels: &Kernels,
    combine: Combine,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    let float = FloatType::of(scalar).ok_or(Error::NotAFloat { given: scalar })?;
    launches::preload(kernels, |_| self::kernels(combine, float, index_type))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        GatherDotOptions, GatherDotPlan, Shape,
        gpu::{
            gather_dot::{GatherDotPointers, enqueue_gather_dot},
            launches::tests::{DEVICES, Launched, assert_exact},
        },
    };

    fn plan(combine: Combine, e: usize, (k, heads): (usize, usize), lead: &[usize], part: &[usize]) -> GatherDotPlan {
        let shape = |dims: &[usize], rest: &[usize]| Shape::new(&[dims, rest].concat()).unwrap();
        let (src, other) = (shape(lead, &[100, k]), shape(lead, &[50, k]));
        let (index, other_index) = (shape(part, &[e]), shape(lead, &[e]));
        let options = GatherDotOptions::new(combine).heads(heads);
        GatherDotPlan::new(&src, &index, &other, &other_index, Some(&shape(&[], &[k])), &options).unwrap()
    }

    fn launched(plan: &GatherDotPlan, scalar: ScalarType, index_type: IndexType) -> BTreeSet<Kernel> {
        let mut launched = BTreeSet::new();
        for moved in 0..4 {
            let address = |nth| if nth == moved { scalar.bytes() as u64 } else { 0 };
            let pointers = GatherDotPointers {
                scalar,
                index_type,
                src: address(0),
                index: 0,
                other: address(1),
                other_index: 0,
                weight: Some(1024 + address(2)),
                weights_are_float32: false,
                out: 2048,
            };
            let mut queue = Launched::on(DEVICES[0]);
            // SAFETY: nothing is launched, so no address is used.
            unsafe { enqueue_gather_dot(&mut queue, plan, &pointers).unwrap() };
            launched.extend(queue.steps.into_iter().flatten());
        }
        launched
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        for (scalar, float) in ScalarType::ALL.into_iter().filter_map(|scalar| Some((scalar, FloatType::of(scalar)?))) {
            for combine in Combine::ALL {
                for index in [IndexType::I32, IndexType::I64] {
                    let mut all = BTreeSet::new();
                    for e in [0, 1, 300, 1 << 20] {
                        for columns in [(0, 3), (1, 1), (3, 3), (64, 8), (66, 2), (256, 1)] {
                            for (lead, part) in [(&[][..], &[][..]), (&[3], &[1]), (&[2, 2, 2], &[2, 1, 2])] {
                                all.extend(launched(&plan(combine, e, columns, lead, part), scalar, index));
                            }
                        }
                    }
                    assert_exact(&format!("{combine}, {scalar}"), &kernels(combine, float, index), &all);
                }
            }
        }
    }
}
