//! The launches of a group_index, each with its kernel. `enqueue_group_index` and `preload_group_index` both take their
//! kernels from here.

use crate::{
    Error, IndexType,
    gpu::{
        kernel::{Kernel, kernel},
        kernels::Kernels,
        launches,
    },
};

/// The bits of a word, which an element is between the passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// 32.
    Narrow,
    /// 64.
    Wide,
}

impl Width {
    /// The width of a position in perm, which the last pass writes.
    pub(super) fn of_perm(perm_type: IndexType) -> Self {
        match perm_type {
            IndexType::I32 => Self::Narrow,
            IndexType::I64 => Self::Wide,
        }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Narrow => size_of::<u32>(),
            Self::Wide => size_of::<u64>(),
        }
    }
}

/// The types of the tensors of a group_index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gpu) struct Types {
    pub(in crate::gpu) index: IndexType,
    /// Of `perm` and `indptr`: that of the index, or int32.
    pub(in crate::gpu) perm: IndexType,
}

/// A launch of a group_index. A pass reads words, or the index if it is the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Counts the digits of each share.
    Count { from: Option<Width> },
    /// Sums the counts of each digit.
    Scan,
    /// Moves the elements to their places.
    Place { from: Option<Width>, to: Width },
    /// Stores where each group begins.
    Bounds,
    /// Counts the digits of each share of a bucket.
    CountBuckets(Width),
    /// Moves the elements of each bucket to their places, and stores where each group begins.
    PlaceBuckets { from: Width, to: Width },
}

impl Step {
    /// All steps for some types.
    fn all(types: Types) -> Vec<Self> {
        let widths = match types.perm {
            IndexType::I32 => &[Width::Narrow, Width::Wide][..],
            IndexType::I64 => &[Width::Wide],
        };
        let perm = Width::of_perm(types.perm);
        let mut steps = vec![Self::Count { from: None }, Self::Scan, Self::Bounds];
        for &width in widths {
            steps.push(Self::Count { from: Some(width) });
            steps.push(Self::Place { from: None, to: width });
            steps.push(Self::Place { from: Some(width), to: width });
            steps.push(Self::Place { from: Some(width), to: perm });
            steps.push(Self::CountBuckets(width));
            steps.push(Self::PlaceBuckets { from: width, to: perm });
        }
        steps
    }

    pub(super) fn kernel(self, types: Types) -> Kernel {
        match self {
            Self::Count { from: None } => kernel!(group_index_count index(types.index)),
            Self::Count { from: Some(Width::Narrow) } => Kernel::group_index_count_narrow,
            Self::Count { from: Some(Width::Wide) } => Kernel::group_index_count_wide,
            Self::Scan => Kernel::group_index_scan,
            Self::Place { from: None, to } => match (types.index, to) {
                (IndexType::I32, Width::Narrow) => Kernel::group_index_place_i32_narrow,
                (IndexType::I32, Width::Wide) => Kernel::group_index_place_i32_wide,
                (IndexType::I64, Width::Narrow) => Kernel::group_index_place_i64_narrow,
                (IndexType::I64, Width::Wide) => Kernel::group_index_place_i64_wide,
            },
            Self::Place { from: Some(Width::Narrow), .. } => Kernel::group_index_place_narrow,
            Self::Place { from: Some(Width::Wide), to: Width::Narrow } => Kernel::group_index_place_wide_narrow,
            Self::Place { from: Some(Width::Wide), to: Width::Wide } => Kernel::group_index_place_wide,
            Self::Bounds if types.index == types.perm => kernel!(group_index_bounds index(types.index)),
            Self::Bounds => Kernel::group_index_bounds_i64_narrow,
            Self::CountBuckets(Width::Narrow) => Kernel::group_index_count_buckets_narrow,
            Self::CountBuckets(Width::Wide) => Kernel::group_index_count_buckets_wide,
            Self::PlaceBuckets { from: Width::Narrow, .. } => Kernel::group_index_place_buckets_narrow,
            Self::PlaceBuckets { from: Width::Wide, to: Width::Narrow } => {
                Kernel::group_index_place_buckets_wide_narrow
            }
            Self::PlaceBuckets { from: Width::Wide, to: Width::Wide } => Kernel::group_index_place_buckets_wide,
        }
    }
}

/// Every kernel that a group_index may launch, whatever its shapes, but for the fill where there are no elements.
pub(in crate::gpu) fn kernels(types: Types) -> impl Iterator<Item = Kernel> {
    Step::all(types).into_iter().map(move |step| step.kernel(types))
}

/// Loads every kernel that group_index may launch into the current context, whatever its shapes, so that a later
/// [`group_index_raw`](super::group_index_raw) compiles nothing and can be captured in a CUDA graph. A second call
/// costs next to nothing.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn preload_group_index(kernels: &Kernels, index_type: IndexType) -> Result<(), Error> {
    let types = Types { index: index_type, perm: index_type };
    launches::preload(kernels, |device| self::kernels(types).chain(device.fill()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        GroupIndexOptions, GroupIndexPlan, Shape,
        gpu::{
            group_index::{GroupIndexPointers, enqueue_with_perm_of},
            launches::{
                DeviceTraits,
                tests::{DEVICES, Launched, assert_exact},
            },
        },
    };

    fn launched(device: DeviceTraits, types: Types) -> BTreeSet<Kernel> {
        let mut launched = BTreeSet::new();
        for e in [0, 1, 5000, 1 << 26] {
            for n in [0, 5, 5000, 1 << 18, 1 << 22] {
                let index = Shape::new(&[e]).unwrap();
                let plan = GroupIndexPlan::new(&index, &GroupIndexOptions::new().dim_size(n)).unwrap();
                let mut queue = Launched::on(device);
                let pointers = GroupIndexPointers {
                    index_type: types.index,
                    index: 0,
                    perm: 0,
                    indptr: 0,
                    workspace: 0,
                    workspace_bytes: usize::MAX,
                };
                // SAFETY: the queue launches nothing.
                unsafe { enqueue_with_perm_of(types.perm, &mut queue, &plan, &pointers).unwrap() };
                launched.extend(queue.steps.into_iter().flatten());
            }
        }
        launched
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        for device in DEVICES {
            for (index, perm) in
                [(IndexType::I32, IndexType::I32), (IndexType::I64, IndexType::I64), (IndexType::I64, IndexType::I32)]
            {
                let types = Types { index, perm };
                let loaded: Vec<_> = kernels(types).chain(device.fill()).collect();
                assert_exact(&format!("{types:?}, {device:?}"), &loaded, &launched(device, types));
            }
        }
    }
}
