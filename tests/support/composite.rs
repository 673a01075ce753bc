//! Softmax, log_softmax, logsumexp and std: the naive twins, the tolerances of the results, and the kernels on the
//! emulated grid.

use half::{bf16, f16};
use proptest::prelude::*;
use tensorrt_scatter::{
    Composite, CompositeOptions, CompositePlan, Error, Float, IndexType, Reduce, Shape,
    gpu::raw::{CompositePointers, enqueue_composite},
};

use super::{
    Element,
    cases::{Indices, scatter_cases},
    emulator::{Emulator, Integers},
    naive::{ScatterCase, coordinates, index_of, position},
};

/// A floating-point type under test.
pub trait FloatElement: Element + Float {
    /// The distance from 1 to the next number.
    const STEP: f64;
    /// The smallest number above 0.
    const SMALLEST: f64;
    /// The largest finite value.
    fn largest() -> f64;
    /// The value, exactly.
    fn exact(self) -> f64;
}

/// 2 to a power; 0 below the range of float64.
const fn power_of_two(exponent: i32) -> f64 {
    if exponent < f64::MIN_EXP - 1 { 0.0 } else { f64::from_bits(((exponent + f64::MAX_EXP - 1) as u64) << 52) }
}

macro_rules! float_elements {
    ($($type:ident: $exact:expr;)+) => {$(
        impl FloatElement for $type {
            const STEP: f64 = 2.0 / (1u64 << $type::MANTISSA_DIGITS) as f64;
            const SMALLEST: f64 = power_of_two($type::MIN_EXP - $type::MANTISSA_DIGITS as i32);

            fn largest() -> f64 {
                Self::MAX.exact()
            }

            fn exact(self) -> f64 {
                let exact: fn(Self) -> f64 = $exact;
                exact(self)
            }
        }
    )+};
}

float_elements! {
    f32: f64::from;
    f64: |value| value;
    f16: f16::to_f64;
    bf16: bf16::to_f64;
}

/// Cases of any rank up to 5 and any way to lay the index.
pub fn composite_cases<T: Element>(max_axis: usize, indices: Indices) -> impl Strategy<Value = ScatterCase<T>> {
    scatter_cases::<T>(max_axis, indices).prop_map(|case| ScatterCase { base: None, reduce: Reduce::Sum, ..case })
}

/// The options of a case.
pub fn options<T>(case: &ScatterCase<T>) -> CompositeOptions {
    CompositeOptions::new().dim(case.dim as isize).dim_size(case.dim_size)
}

/// A result by its definition, in float64, and its tolerance.
pub struct Expected {
    pub values: Vec<f64>,
    pub tolerances: Vec<f64>,
}

/// What is known of a group. The numbers are computed once for all elements of the group.
struct Group {
    elements: Vec<f64>,
    /// The largest number, -inf if there is none.
    max: f64,
    /// What softmax and log_softmax subtract.
    shift: f64,
    sum_of_exponentials: f64,
}

impl Group {
    fn new(elements: Vec<f64>) -> Self {
        let max = elements.iter().copied().fold(f64::NEG_INFINITY, |max, value| if value > max { value } else { max });
        let shift = if max == f64::NEG_INFINITY { 0.0 } else { max };
        let sum_of_exponentials = elements.iter().map(|value| (value - shift).exp()).sum();
        Self { elements, max, shift, sum_of_exponentials }
    }

    fn logsumexp(&self, eps: f64, largest: f64) -> f64 {
        let max = self.max;
        let numbers = self.elements.iter().map(|value| value - max).filter(|recentred| !recentred.is_nan());
        let result = (numbers.map(f64::exp).sum::<f64>() + eps).ln() + max;
        if result.is_nan() || result == f64::NEG_INFINITY { 0.0 } else { result.min(largest) }
    }

    fn std(&self, unbiased: bool) -> f64 {
        let count = self.elements.len().max(1) as f64;
        let mean = self.elements.iter().sum::<f64>() / count;
        let squares: f64 = self.elements.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (if unbiased { (count - 1.0).max(1.0) } else { count } + 1e-6)).sqrt()
    }
}

/// torch_scatter's formulas, group by group.
///
/// The tolerance: a sum of n numbers, in any order, has up to n rounding errors of the accumulator's type. An
/// exponential is up to 6 units off. The result is rounded to T once, by up to half of T's smallest number if it is
/// subnormal. Softmax is a quotient of these, so its error is
/// relative to itself. The others are differences and sums, so their error is relative to the largest number in them.
pub fn naive<T: FloatElement>(composite: Composite, case: &ScatterCase<T>, options: &Constants) -> Expected {
    let out_dims = case.out_dims();
    let mut elements = vec![Vec::new(); case.out_len()];
    let group_of: Vec<Option<usize>> = (0..case.src.len())
        .map(|i| {
            let mut at = coordinates(&case.src_dims, i);
            let index = index_of(case, &at);
            at[case.dim] = usize::try_from(index).ok().filter(|&index| index < case.dim_size)?;
            Some(position(&out_dims, &at))
        })
        .collect();
    for (value, group) in case.src.iter().zip(&group_of) {
        if let Some(group) = *group {
            elements[group].push(value.exact());
        }
    }
    let groups: Vec<Group> = elements.into_iter().map(Group::new).collect();

    let wide_step = T::STEP.min(f32::EPSILON.into());
    let roundings = |group: &Group, scale: f64| {
        let scale = if scale.is_finite() { scale } else { 1.0 };
        (wide_step * (group.elements.len() + 8) as f64 + T::STEP) * scale + T::SMALLEST
    };
    let per_group = |result: fn(&Group, &Constants) -> f64| {
        let values: Vec<f64> = groups.iter().map(|group| result(group, options)).collect();
        let largest = |group: &Group| group.elements.iter().fold(1.0, |largest: f64, value| largest.max(value.abs()));
        let tolerances = groups.iter().map(|group| roundings(group, 2.0 * largest(group))).collect();
        Expected { values, tolerances }
    };
    let per_element = |result: fn(&Group, f64, &Constants) -> (f64, f64)| {
        let each = case.src.iter().zip(&group_of).map(|(value, group)| match *group {
            None => (0.0, 0.0),
            Some(group) => {
                let (value, scale) = result(&groups[group], value.exact(), options);
                (value, roundings(&groups[group], scale))
            }
        });
        let (values, tolerances) = each.unzip();
        Expected { values, tolerances }
    };
    match composite {
        Composite::Softmax => per_element(|group, value, _| {
            let softmax = (value - group.shift).exp() / group.sum_of_exponentials;
            (softmax, softmax)
        }),
        Composite::LogSoftmax => per_element(|group, value, constants| {
            let log_sum = (group.sum_of_exponentials + constants.eps).ln();
            let recentred = value - group.shift;
            let result = recentred - log_sum;
            // The difference of two finite numbers of T may be out of T's range. A number less than half a unit above
            // T's largest one still rounds to it.
            let reach = constants.largest * (1.0 + T::STEP / 4.0);
            let result = if result < -reach { f64::NEG_INFINITY } else { result };
            (result, recentred.abs() + log_sum.abs() + 1.0)
        }),
        Composite::LogSumExp => per_group(|group, constants| group.logsumexp(constants.eps, constants.largest)),
        Composite::Std => per_group(|group, constants| group.std(constants.unbiased)),
    }
}

/// The constants of the formulas.
pub struct Constants {
    pub eps: f64,
    pub unbiased: bool,
    pub largest: f64,
}

impl Constants {
    /// torch_scatter's defaults.
    pub fn default_for<T: FloatElement>() -> Self {
        Self { eps: 1e-12, unbiased: true, largest: T::largest() }
    }
}

/// Fails where a result is out of its tolerance. NaNs are equal to each other.
#[track_caller]
pub fn assert_near<T: FloatElement>(what: &str, given: &[T], expected: &Expected) {
    assert_eq!(given.len(), expected.values.len(), "{what}: length");
    for (at, (given, expected, tolerance)) in given
        .iter()
        .zip(&expected.values)
        .zip(&expected.tolerances)
        .map(|((given, expected), tolerance)| (given.exact(), *expected, *tolerance))
        .enumerate()
    {
        let same = given == expected || given.is_nan() && expected.is_nan() || (given - expected).abs() <= tolerance;
        assert!(same, "{what}[{at}] is {given}, expected {expected} within {tolerance:e}");
    }
}

/// Runs a case through the GPU backend's own steps, on the emulated grid, with an index of either type. Outputs and
/// workspace start as garbage.
pub fn emulate<T: FloatElement>(
    composite: Composite,
    case: &ScatterCase<T>,
    options: &CompositeOptions,
    index_type: IndexType,
    seed: u64,
    max_blocks: u32,
) -> Result<Vec<T>, Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let plan = CompositePlan::new(composite, &shape(&case.src_dims), &shape(&case.index_dims), options)?;
    let bytes = plan.workspace_bytes(T::TYPE);
    let mut out = vec![T::of(77.0); plan.out_shape().element_count()];
    let mut workspace = vec![0x5555_5555_5555_5555u64; bytes / size_of::<u64>()];
    let index = Integers::new(&case.index, index_type);
    let mut emulator = Emulator::new(seed, max_blocks);
    let pointers = CompositePointers {
        scalar: T::TYPE,
        index_type,
        src: emulator.readable(&case.src),
        index: index.readable(&mut emulator),
        out: emulator.unwritten(&mut out),
        workspace: emulator.unwritten(&mut workspace),
        workspace_bytes: bytes,
    };
    // SAFETY: the addresses are of the vectors above, which have the plan's sizes and outlive the call.
    unsafe { enqueue_composite(&mut emulator, &plan, &pointers)? };
    Ok(out)
}
