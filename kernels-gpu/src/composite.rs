//! Softmax, log_softmax, logsumexp and std over the groups of a scatter. There is a pass over `src` for each number
//! that a group needs (maximum, sum, count, sum of squares), and a last pass for the result.

use kernel_params::CompositeParams;
use nvptx_arch::{
    atomic::{self, AtomicAdd, AtomicCas, AtomicMinMax},
    math,
    memory::{self, Word},
};

use crate::{
    element::{Accumulator, Bf16, Index, Scalar, F16},
    items::Threads,
    layout::{is_row_index, Element},
};

/// A floating-point accumulator.
pub trait FloatAccumulator: Accumulator {
    /// An unsigned integer with the order of the numbers. 0 stands for "no number".
    type Key: Word + PartialOrd + AtomicMinMax + AtomicCas;

    /// The lowest value there is.
    const NEG_INFINITY: Self;

    /// The key of a number. None for NaN.
    fn key(self) -> Option<Self::Key>;
    /// The number that a key stands for. -inf for 0.
    fn from_key(key: Self::Key) -> Self;
    /// The difference.
    fn sub(self, other: Self) -> Self;
    /// The quotient.
    fn div(self, other: Self) -> Self;
    /// e to the power of this.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// Whether it is a NaN.
    fn is_nan(self) -> bool;
    /// Whether it is -inf.
    fn is_negative_infinity(self) -> bool;
    /// A count, rounded.
    fn from_count(count: u64) -> Self;
    /// A constant, rounded.
    fn from_f64(value: f64) -> Self;
}

macro_rules! float_accumulator {
    ($type:ident, $key:ident, $exp:path, $ln:path, $sqrt:path) => {
        impl FloatAccumulator for $type {
            type Key = $key;
            const NEG_INFINITY: Self = $type::NEG_INFINITY;

            #[inline(always)]
            fn key(self) -> Option<$key> {
                self.ordered_bits().map(|bits| bits as $key)
            }

            #[inline(always)]
            fn from_key(key: $key) -> Self {
                const SIGN: $key = 1 << ($key::BITS - 1);
                if key == 0 {
                    return $type::NEG_INFINITY;
                }
                $type::from_bits(if key & SIGN != 0 { key ^ SIGN } else { !key })
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self - other
            }

            #[inline(always)]
            fn div(self, other: Self) -> Self {
                self / other
            }

            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }

            #[inline(always)]
            fn ln(self) -> Self {
                $ln(self)
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                $sqrt(self)
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }

            #[inline(always)]
            fn is_negative_infinity(self) -> bool {
                self == $type::NEG_INFINITY
            }

            #[inline(always)]
            fn from_count(count: u64) -> Self {
                count as $type
            }

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
        }
    };
}

float_accumulator!(f32, u32, math::exp_f32, math::ln_f32, math::sqrt_f32);
float_accumulator!(f64, u64, math::exp_f64, math::ln_f64, math::sqrt_f64);

/// A floating-point type of values.
pub trait Float: Scalar<Accumulator: FloatAccumulator> {
    /// The largest finite value, as an accumulator.
    const LARGEST: Self::Accumulator;
}

macro_rules! float {
    ($($type:ident: $largest:expr;)+) => {$(
        impl Float for $type {
            const LARGEST: Self::Accumulator = $largest;
        }
    )+};
}

float! {
    f32: f32::MAX;
    f64: f64::MAX;
    F16: 65504.0;
    // The upper half of the bits of f32::MAX.
    Bf16: f32::from_bits(f32::MAX.to_bits() & 0xffff_0000);
}

/// The number that is subtracted from elements before exp: their maximum, or 0 if that is -inf, as in torch_scatter.
#[inline(always)]
pub fn shift_of<A: FloatAccumulator>(max: A) -> A {
    if max.is_negative_infinity() {
        A::ZERO
    } else {
        max
    }
}

type Wide<T> = <T as Scalar>::Accumulator;
type Key<T> = <Wide<T> as FloatAccumulator>::Key;

/// Calls `visit(value, position of its group in [B, N, K], element)` for each element of `src` with a good index.
#[inline(always)]
unsafe fn for_each_element<T: Float, I: Index>(
    p: &CompositeParams,
    threads: Threads,
    visit: impl Fn(Wide<T>, usize, Element),
) {
    let p = &p.scatter;
    threads.for_each(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        if let Some(row) = element.out_row::<I>(p) {
            let value = T::load_readonly((p.src as *const T).add(position as usize));
            visit(value.widen(), (row * p.k + element.k) as usize, element);
        }
    });
}

/// Sets each element of `out`, which has the shape of `src`, to `change(value, position of its group)`, or to 0 if the
/// index is bad.
#[inline(always)]
unsafe fn map_elements<T: Float, I: Index>(
    p: &CompositeParams,
    threads: Threads,
    change: impl Fn(Wide<T>, usize) -> Wide<T>,
) {
    let p = &p.scatter;
    threads.for_each(p.b * p.e * p.k, |position| {
        let element = Element::at(p, position);
        let mut out = T::ZERO;
        if let Some(row) = element.out_row::<I>(p) {
            let value = T::load_readonly((p.src as *const T).add(position as usize));
            out = T::narrow(change(value.widen(), (row * p.k + element.k) as usize));
        }
        T::store((p.out as *mut T).add(position as usize), out);
    });
}

/// A group's maximum. -inf for a group that is empty or has nothing but NaN.
#[inline(always)]
unsafe fn maximum<T: Float>(p: &CompositeParams, group: usize) -> Wide<T> {
    Wide::<T>::from_key(memory::load((p.maxima as *const Key<T>).add(group)))
}

/// The number that is subtracted from a group's elements before exp.
#[inline(always)]
unsafe fn shift<T: Float>(p: &CompositeParams, group: usize) -> Wide<T> {
    shift_of(maximum::<T>(p, group))
}

#[inline(always)]
unsafe fn sum<T: Float>(p: &CompositeParams, group: usize) -> Wide<T> {
    memory::load((p.sums as *const Wide<T>).add(group))
}

/// Finds the keys of the groups' maxima. A maximum only grows, so a test before the atomic saves most of the atomics.
#[inline(always)]
pub unsafe fn find_maxima<T: Float, I: Index>(p: &CompositeParams, threads: Threads) {
    for_each_element::<T, I>(p, threads, |value, group, _| {
        let to = (p.maxima as *mut Key<T>).add(group);
        if let Some(key) = value.key() {
            if key > atomic::load_relaxed(to) {
                AtomicMinMax::reduce_max(to, key);
            }
        }
    });
}

/// ```text
/// for each element of src: sums[its group] += exp(element - shift of its group)
/// ```
#[inline(always)]
pub unsafe fn sum_exponentials<T: Float, I: Index>(p: &CompositeParams, threads: Threads) {
    for_each_element::<T, I>(p, threads, |value, group, _| {
        let shifted = value.sub(shift::<T>(p, group));
        if p.skip_nan == 0 || !shifted.is_nan() {
            AtomicAdd::reduce_add((p.sums as *mut Wide<T>).add(group), shifted.exp());
        }
    });
}

/// The last step of softmax.
#[inline(always)]
pub unsafe fn softmax<T: Float, I: Index>(p: &CompositeParams, threads: Threads) {
    map_elements::<T, I>(p, threads, |value, group| value.sub(shift::<T>(p, group)).exp().div(sum::<T>(p, group)));
}

/// The last step of log_softmax.
#[inline(always)]
pub unsafe fn log_softmax<T: Float, I: Index>(p: &CompositeParams, threads: Threads) {
    let eps = Wide::<T>::from_f64(p.eps);
    map_elements::<T, I>(p, threads, |value, group| {
        value.sub(shift::<T>(p, group)).sub(sum::<T>(p, group).add(eps).ln())
    });
}

/// The last step of logsumexp. `out` is finite: NaN and -inf become 0, inf becomes the largest finite value.
#[inline(always)]
pub unsafe fn logsumexp<T: Float>(p: &CompositeParams, threads: Threads) {
    let eps = Wide::<T>::from_f64(p.eps);
    threads.for_each(p.scatter.b * p.scatter.n * p.scatter.k, |position| {
        let group = position as usize;
        let value = T::narrow(sum::<T>(p, group).add(eps).ln().add(maximum::<T>(p, group))).widen();
        let value = if value.is_nan() || value.is_negative_infinity() {
            Wide::<T>::ZERO
        } else if value > T::LARGEST {
            T::LARGEST
        } else {
            value
        };
        T::store((p.scatter.out as *mut T).add(group), T::narrow(value));
    });
}

/// Adds each element to the sum of its group, and counts it. Where the index is the same for all columns of a row, a
/// row of groups has one count.
#[inline(always)]
pub unsafe fn sum_and_count<T: Float, I: Index>(p: &CompositeParams, threads: Threads) {
    let per_row = is_row_index(&p.scatter.layout);
    for_each_element::<T, I>(p, threads, |value, group, element| {
        AtomicAdd::reduce_add((p.sums as *mut Wide<T>).add(group), value);
        if !per_row || element.k == 0 {
            u64::reduce_add(count_of(p, group, per_row), 1);
        }
    });
}

#[inline(always)]
unsafe fn count_of(p: &CompositeParams, group: usize, per_row: bool) -> *mut u64 {
    (p.scatter.counts as *mut u64).add(if per_row { p.scatter.by_k.divide(group as u64).0 as usize } else { group })
}

/// ```text
/// for each element of src: squares[its group] += (element - mean of its group)^2
/// ```
#[inline(always)]
pub unsafe fn sum_squares<T: Float, I: Index>(p: &CompositeParams, threads: Threads) {
    let per_row = is_row_index(&p.scatter.layout);
    for_each_element::<T, I>(p, threads, |value, group, _| {
        let count = memory::load(count_of(p, group, per_row));
        let difference = value.sub(sum::<T>(p, group).divide_by_count(count.max(1)));
        AtomicAdd::reduce_add((p.squares as *mut Wide<T>).add(group), difference.mul(difference));
    });
}

/// The last step of std.
#[inline(always)]
pub unsafe fn std<T: Float>(p: &CompositeParams, threads: Threads) {
    let per_row = is_row_index(&p.scatter.layout);
    let eps = Wide::<T>::from_f64(p.eps);
    threads.for_each(p.scatter.b * p.scatter.n * p.scatter.k, |position| {
        let group = position as usize;
        let count = memory::load(count_of(p, group, per_row)).max(1);
        let divisor = Wide::<T>::from_count((count - p.lost as u64).max(1)).add(eps);
        let squares = memory::load((p.squares as *const Wide<T>).add(group));
        T::store((p.scatter.out as *mut T).add(group), T::narrow(squares.div(divisor).sqrt()));
    });
}
