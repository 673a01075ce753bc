//! The launches of the composites, each with its kernel. `enqueue_composite` and `preload_composite` both take their
//! kernels from here.

use crate::{
    Composite, Error, IndexType, ScalarType,
    gpu::{
        kernel::{FloatType, Kernel, kernel},
        kernels::Kernels,
        launches::{self, DeviceTraits},
    },
};

/// A launch of a composite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    FindMaxima,
    SumExponentials,
    Softmax,
    LogSoftmax,
    LogSumExp,
    SumAndCount,
    SumSquares,
    Std,
}

/// What each thread of a launch takes.
pub(super) enum Over {
    Elements,
    Groups,
}

impl Step {
    /// The launches of a composite, in order.
    pub(super) fn of(composite: Composite) -> [Self; 3] {
        match composite {
            Composite::Softmax => [Self::FindMaxima, Self::SumExponentials, Self::Softmax],
            Composite::LogSoftmax => [Self::FindMaxima, Self::SumExponentials, Self::LogSoftmax],
            Composite::LogSumExp => [Self::FindMaxima, Self::SumExponentials, Self::LogSumExp],
            Composite::Std => [Self::SumAndCount, Self::SumSquares, Self::Std],
        }
    }

    pub(super) fn is_over(self) -> Over {
        match self {
            Self::LogSumExp | Self::Std => Over::Groups,
            Self::FindMaxima
            | Self::SumExponentials
            | Self::Softmax
            | Self::LogSoftmax
            | Self::SumAndCount
            | Self::SumSquares => Over::Elements,
        }
    }

    pub(super) fn kernel(self, float: FloatType, index: IndexType) -> Kernel {
        match self {
            Self::FindMaxima => kernel!(composite_find_maxima float(float) index(index)),
            Self::SumExponentials => kernel!(composite_sum_exponentials float(float) index(index)),
            Self::Softmax => kernel!(composite_softmax float(float) index(index)),
            Self::LogSoftmax => kernel!(composite_log_softmax float(float) index(index)),
            Self::LogSumExp => kernel!(composite_logsumexp float(float)),
            Self::SumAndCount => kernel!(composite_sum_and_count float(float) index(index)),
            Self::SumSquares => kernel!(composite_sum_squares float(float) index(index)),
            Self::Std => kernel!(composite_std float(float)),
        }
    }
}

/// Every kernel that a composite may launch, whatever its shapes.
fn kernels(composite: Composite, float: FloatType, index: IndexType, device: DeviceTraits) -> Vec<Kernel> {
    let steps = Step::of(composite).map(|step| step.kernel(float, index));
    steps.into_iter().chain(device.fill()).chain([Kernel::index_store_offsets_all]).collect()
}

/// Loads every kernel that a composite may launch into the current context, whatever its shapes, so that a later
/// [`composite_raw`](super::composite_raw) compiles nothing and can be captured in a CUDA graph. A second call for the
/// same types costs next to nothing.
///
/// # Errors
/// [`Error::NotAFloat`]; [`Error::Cuda`] where the driver refuses.
pub fn preload_composite(
    kernels: &Kernels,
    composite: Composite,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    let float = FloatType::of(scalar).ok_or(Error::NotAFloat { given: scalar })?;
    launches::preload(kernels, |device| self::kernels(composite, float, index_type, device))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        CompositeOptions, CompositePlan, Shape,
        gpu::{
            composite::{CompositePointers, enqueue_composite},
            launches::tests::{DEVICES, Launched, assert_exact},
        },
    };

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        let shapes: [(&[usize], &[usize]); 5] = [
            (&[1, 5, 1], &[1, 5, 1]),
            (&[2, 300, 64], &[2, 300, 1]),
            (&[1, 1 << 20, 16], &[1, 1 << 20, 16]),
            (&[1, (1 << 32) + 1, 1], &[1, (1 << 32) + 1, 1]),
            (&[2, 2, 2, 2, 2, 2, 2], &[2, 1, 2, 2, 2, 1, 2]),
        ];
        for composite in Composite::ALL {
            for device in DEVICES {
                for scalar in ScalarType::ALL {
                    let Some(float) = FloatType::of(scalar) else { continue };
                    for index_type in [IndexType::I32, IndexType::I64] {
                        let mut launched = BTreeSet::new();
                        for (src, index) in shapes {
                            let dim = if src.len() == 7 { 3 } else { 1 };
                            for groups in [1, 1 << 20] {
                                let options = CompositeOptions::new().dim(dim).dim_size(groups);
                                let (src, index) = (Shape::new(src).unwrap(), Shape::new(index).unwrap());
                                let plan = CompositePlan::new(composite, &src, &index, &options).unwrap();
                                let mut queue = Launched::on(device);
                                let pointers = CompositePointers {
                                    scalar,
                                    index_type,
                                    src: 0,
                                    index: 0,
                                    out: 0,
                                    workspace: 0,
                                    workspace_bytes: usize::MAX,
                                };
                                // SAFETY: nothing is launched, so no address is used.
                                unsafe { enqueue_composite(&mut queue, &plan, &pointers).unwrap() };
                                launched.extend(queue.steps.into_iter().flatten());
                            }
                        }
                        let what = format!("{}, {}, {}", composite.name(), scalar.name(), index_type.name());
                        assert_exact(&what, &kernels(composite, float, index_type, device), &launched);
                    }
                }
            }
        }
    }
}
