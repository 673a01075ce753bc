//! The launches of a scatter, each with its kernel. `enqueue_scatter` and `preload_scatter` both take their kernels
//! from here.

use crate::{
    Error, IndexType, Reduce, ScalarType, ScatterOptions,
    gpu::{
        grouped,
        kernel::{Best, Float32Sum, FloatType, Join, Kernel, NarrowKey, kernel},
        kernels::Kernels,
        launches::{self, DeviceTraits},
        pointers::ReductionTypes,
    },
};

/// How the elements of a group become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Every element joins its accumulator, in any order.
    Join(Join),
    /// Every element is added in fixed point, with the same result in any order.
    AddInIntegers(FloatType),
    /// Every element is compared with the best one so far.
    Select(Best),
}

impl Method {
    pub(super) fn of(reduce: Reduce, deterministic: bool, scalar: ScalarType) -> Self {
        match reduce {
            // A sum of integers has the same bits in any order, so it needs no other method.
            Reduce::Sum | Reduce::Mean => match FloatType::of(scalar) {
                Some(float) if deterministic => Self::AddInIntegers(float),
                Some(_) | None => Self::Join(Join::Sum),
            },
            Reduce::Mul => Self::Join(Join::Mul),
            Reduce::Min => Self::Select(Best::Min),
            Reduce::Max => Self::Select(Best::Max),
        }
    }
}

/// Whether a reduction needs the number of elements of each group.
pub(super) fn counts(reduce: Reduce) -> bool {
    match reduce {
        Reduce::Mean => true,
        Reduce::Sum | Reduce::Mul | Reduce::Min | Reduce::Max => false,
    }
}

/// How float32 sums, of a sum or a mean, are computed if the index is the same for all columns of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowSum {
    /// A thread for one column of a row, or for four.
    Vectors { is_quads: bool },
    /// A warp for neighbouring rows, where its lanes fill whole rows.
    Rows { is_quads: bool },
    /// A thread as in [`Vectors`](Self::Vectors), but each block first adds in shared memory.
    Privatized { is_quads: bool },
}

impl RowSum {
    /// All kernels that a device may take. Four columns join in global memory only if the device has an atomic for four
    /// values.
    fn all(device: DeviceTraits) -> impl Iterator<Item = Self> {
        [false, true].into_iter().flat_map(move |is_quads| {
            let joins = !is_quads || device.has_vector_atomics;
            let in_global_memory = [Self::Vectors { is_quads }, Self::Rows { is_quads }];
            in_global_memory.into_iter().filter(move |_| joins).chain([Self::Privatized { is_quads }])
        })
    }
}

/// A launch of a scatter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Copies the base to the accumulators. Without a base, sets them to the identity: 0 for a sum, 1 for a product.
    /// Sets the counts of a mean to 0.
    Start(Join),
    /// Joins each element to its accumulator. Each element has a thread of its own.
    Elements(Join),
    /// Adds and counts each element. Each element has a thread of its own.
    CountedElements,
    /// Adds up rows, and counts them for a mean.
    RowSum { sum: RowSum, float: Float32Sum, counts: bool },
    /// Finds the scales of the base.
    StartScales(FloatType),
    /// Finds the scales of the elements.
    FindScales(FloatType),
    /// Adds the elements to limbs.
    AddLimbs(FloatType),
    /// Rounds the limbs to a number.
    Round(FloatType),
    /// Counts the elements of each group, for a reproducible mean.
    Count,
    /// Divides by the counts, and stores the accumulators as values.
    Finish,
    /// Finds the best key and its first position, together in one 64-bit word.
    BestPacked(Best, NarrowKey),
    /// Finds the best key.
    BestKey(Best),
    /// Finds the first position of the best key.
    BestPosition(Best),
    /// Stores the element at the position that was found, if it is better than the base. Otherwise stores the base, or
    /// 0 without a base.
    Select(Best),
}

impl Step {
    /// The step that joins each element by a thread of its own, and counts it if `counts`.
    pub(super) fn elements(join: Join, counts: bool) -> Self {
        if counts { Self::CountedElements } else { Self::Elements(join) }
    }

    pub(super) fn kernel(self, types: ReductionTypes) -> Kernel {
        let ReductionTypes { scalar, index, arg } = types;
        match self {
            Self::Start(join) => kernel!(scatter_start join(join) scalar(scalar)),
            Self::Elements(join) => kernel!(scatter join(join) scalar(scalar) index(index)),
            Self::CountedElements => kernel!(scatter_mean scalar(scalar) index(index)),
            Self::RowSum { sum, float, counts } => match sum {
                RowSum::Vectors { is_quads } => {
                    kernel!(scatter sum_or_mean(counts) singles_or_quads(is_quads) float32_sum(float) index(index))
                }
                RowSum::Rows { is_quads } => {
                    kernel!(scatter sum_or_mean(counts) _rows singles_or_quads(is_quads) float32_sum(float) index(index))
                }
                RowSum::Privatized { is_quads } => kernel!(
                    scatter sum_or_mean(counts) _privatized singles_or_quads(is_quads) float32_sum(float) index(index)
                ),
            },
            Self::StartScales(float) => kernel!(scatter_sum_start_scales float(float)),
            Self::FindScales(float) => kernel!(scatter_sum_find_scales float(float) index(index)),
            Self::AddLimbs(float) => kernel!(scatter_sum_add_limbs float(float) index(index)),
            Self::Round(float) => kernel!(scatter_sum_round float(float)),
            Self::Count => kernel!(scatter_count index(index)),
            Self::Finish => kernel!(scatter_finish scalar(scalar)),
            Self::BestPacked(best, key) => kernel!(scatter_best selection(best) narrow_key(key) index(index)),
            Self::BestKey(best) => kernel!(scatter_best_key selection(best) scalar(scalar) index(index)),
            Self::BestPosition(best) => kernel!(scatter_best_position selection(best) scalar(scalar) index(index)),
            Self::Select(best) => kernel!(scatter_select selection(best) scalar(scalar) index(arg)),
        }
    }
}

/// Every kernel that a scatter may launch, whatever its shapes.
pub(super) fn kernels(reduce: Reduce, deterministic: bool, types: ReductionTypes, device: DeviceTraits) -> Vec<Kernel> {
    let mut steps = Vec::new();
    let mut fills = false;
    let counts = counts(reduce);
    match Method::of(reduce, deterministic, types.scalar) {
        Method::Join(join) => {
            steps.extend([Step::Start(join), Step::elements(join, counts)]);
            match join {
                Join::Sum => {
                    // A mean starts with a kernel that sets sums and counts, unless the accumulators are `base` itself.
                    fills = !(counts && types.scalar.is_half());
                    if let Some(float) = Float32Sum::of(types.scalar) {
                        steps.extend(RowSum::all(device).map(|sum| Step::RowSum { sum, float, counts }));
                    }
                }
                Join::Mul => {}
            }
        }
        Method::AddInIntegers(float) => {
            fills = true;
            let [start, find] = [Step::StartScales(float), Step::FindScales(float)];
            steps.extend([start, find, Step::AddLimbs(float), Step::Round(float)]);
            steps.extend(counts.then_some(Step::Count));
        }
        Method::Select(best) => {
            fills = true;
            steps.extend(NarrowKey::of(types.scalar).map(|key| Step::BestPacked(best, key)));
            steps.extend([Step::BestKey(best), Step::BestPosition(best), Step::Select(best)]);
        }
    }
    if counts || types.scalar.is_half() && !reduce.has_arg() {
        steps.push(Step::Finish);
    }
    let fill = device.fill().filter(|_| fills);
    let kernels = steps.into_iter().map(|step| step.kernel(types));
    let offsets = Kernel::index_store_offsets_all;
    let grouped =
        grouped::kernels(reduce, types.scalar, types.index, false).into_iter().filter(|&kernel| kernel != offsets);
    kernels.chain(fill).chain([offsets]).chain(grouped).collect()
}

/// Loads every kernel that a scatter may launch into the current context, whatever its shapes, so that a later
/// [`scatter_raw`](super::scatter_raw) compiles nothing and can be captured in a CUDA graph. Of the options, the
/// reduction and whether it is deterministic matter. A second call for the same types costs next to nothing.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn preload_scatter(
    kernels: &Kernels,
    options: &ScatterOptions,
    scalar: ScalarType,
    index_type: IndexType,
    arg_type: IndexType,
) -> Result<(), Error> {
    let types = ReductionTypes { scalar, index: index_type, arg: arg_type };
    launches::preload(kernels, |device| self::kernels(options.reduce, options.deterministic, types, device))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        ReduceOperator, ScatterPlan, Shape,
        gpu::{
            launches::tests::{DEVICES, Launched, assert_exact},
            raw::ReductionPointers,
            scatter::enqueue_scatter,
        },
    };

    /// src as [B, E, K], the index's shape, and N.
    type Case = ([usize; 3], Vec<usize>, usize);

    /// From one column to many, and from few groups to many, with an index for each row and with an index for each
    /// element. Some axes have more than 2^32 elements.
    fn cases() -> Vec<Case> {
        let mut cases = Vec::new();
        for b in [1, 3] {
            for e in [1, 300, 35_000, 1 << 18, 1 << 24, (1 << 32) + 1] {
                for k in [1, 2, 3, 4, 12, 64, 96, 264] {
                    for n in [1, 40, 4000, 1 << 18, 1 << 20] {
                        cases.push(([b, e, k], vec![b, e, 1], n));
                    }
                    cases.push(([b, e, k], vec![b, e, k], 40));
                }
            }
        }
        cases
    }

    /// The plans of a case, with and without a base, and one with an index whose leading axes alternate.
    fn plans(options: &ScatterOptions) -> Vec<ScatterPlan> {
        let plan = |src: &Shape, index: &[usize], dim: usize, n: usize, has_base: bool| {
            let base = has_base.then(|| src.with_axis(dim, n).unwrap());
            let options = options.dim(dim as isize).dim_size(n);
            ScatterPlan::new(src, &Shape::new(index).unwrap(), base.as_ref(), &options).unwrap()
        };
        let even = cases().into_iter().flat_map(|(src, index, n)| {
            let src = Shape::new(&src).unwrap();
            [false, true].map(|has_base| plan(&src, &index, 1, n, has_base))
        });
        let alternating = plan(&Shape::new(&[2; 7]).unwrap(), &[2, 1, 2, 2, 2, 1, 2], 3, 2, false);
        even.chain([alternating]).collect()
    }

    /// The launches of each call: with aligned and with unaligned addresses, with a base that is `out` itself and with
    /// another base. `None` stands for a fill of the driver, which is not a kernel.
    fn launches(plan: &ScatterPlan, types: ReductionTypes, device: DeviceTraits) -> Vec<Vec<Option<Kernel>>> {
        let mut launches = Vec::new();
        for shift in [0, types.scalar.bytes() as u64] {
            for base_is_out in [false, true] {
                let mut queue = Launched::on(device);
                let out = 4096 + shift;
                let pointers = ReductionPointers {
                    scalar: types.scalar,
                    index_type: types.index,
                    arg_type: types.arg,
                    src: 1024 + shift,
                    index: 2048,
                    base: plan.has_base.then_some(if base_is_out { out } else { 3072 + shift }),
                    out,
                    arg_out: None,
                    workspace: 8192,
                    workspace_bytes: usize::MAX,
                };
                // SAFETY: nothing is launched, so no address is used.
                unsafe { enqueue_scatter(&mut queue, plan, &pointers).unwrap() };
                launches.push(queue.steps);
            }
        }
        launches
    }

    fn launched(plan: &ScatterPlan, types: ReductionTypes, device: DeviceTraits) -> BTreeSet<Kernel> {
        launches(plan, types, device).into_iter().flatten().flatten().collect()
    }

    #[test]
    fn sums_and_means_take_three_launches_or_fewer() {
        for reduce in [Reduce::Sum, Reduce::Mean] {
            // An index whose leading axes alternate takes up to two launches more, for its offsets. A grouping takes more,
            // and is for what takes so long that launches do not matter.
            let plans = plans(&ScatterOptions::new(reduce).grouping(false));
            for plan in plans.iter().filter(|plan| plan.layout.leading.are_even()) {
                for device in DEVICES {
                    for scalar in ScalarType::ALL {
                        let types = ReductionTypes { scalar, index: IndexType::I64, arg: IndexType::I64 };
                        for launches in launches(plan, types, device) {
                            assert!(launches.len() <= 3, "{plan:?}, {types:?}, {device:?}: {launches:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        for reduce in ReduceOperator::Scatter.reductions() {
            for deterministic in [false, true] {
                let plans = plans(&ScatterOptions::new(reduce).deterministic(deterministic));
                for device in DEVICES {
                    for scalar in ScalarType::ALL {
                        for (index, arg) in [(IndexType::I32, IndexType::I64), (IndexType::I64, IndexType::I32)] {
                            let types = ReductionTypes { scalar, index, arg };
                            let launched = plans.iter().flat_map(|plan| launched(plan, types, device)).collect();
                            let what = format!("{reduce}, deterministic: {deterministic}, {types:?}, {device:?}");
                            assert_exact(&what, &kernels(reduce, deterministic, types, device), &launched);
                        }
                    }
                }
            }
        }
    }
}
