//! The types of the elements of tensors: values, and integers of an index.

use nvptx_arch::{
    atomic::{self, AtomicAdd, AtomicCas},
    convert,
    memory::{self, Word},
    warp::Shuffle,
};

/// A type of values, as it lies in memory.
///
/// A new type implements this trait, and [`Accumulator`] if it is its own accumulator, and joins the axes of
/// `entry.rs`.
pub trait Scalar: Copy {
    /// The type of sums and products: float32 for the 16-bit floats, the type itself otherwise.
    type Accumulator: Accumulator;

    /// Zero.
    const ZERO: Self;

    /// Loads a value from memory that the kernel does not write.
    unsafe fn load_readonly(from: *const Self) -> Self;
    /// [`load_readonly`](Self::load_readonly) of memory that the kernel reads once.
    unsafe fn load_streaming(from: *const Self) -> Self;
    /// [`load_readonly`](Self::load_readonly) that prefetches the memory around it, which neighbouring threads read, or
    /// this thread reads next.
    unsafe fn load_prefetching(from: *const Self) -> Self;
    /// Loads a value from memory that this thread may have written.
    unsafe fn load(from: *const Self) -> Self;
    /// Stores a value.
    unsafe fn store(to: *mut Self, value: Self);
    /// The value as an accumulator.
    fn widen(self) -> Self::Accumulator;
    /// The value nearest to an accumulator.
    fn narrow(value: Self::Accumulator) -> Self;
    /// An unsigned integer with the order that `<` has on values; -0 and +0 give the same. None for NaN.
    fn ordered_bits(self) -> Option<u64>;
}

/// A type of sums and products.
pub trait Accumulator: Word + PartialOrd + AtomicAdd + Shuffle {
    /// Zero.
    const ZERO: Self;
    /// The sum of no elements: x + NOTHING is x. For floats it is -0, because -0 + 0 is 0.
    const NOTHING: Self;
    /// The multiplicative identity.
    const ONE: Self;
    /// A value that is above no number: the least integer, or NaN for floats. (NaN is below no number either.)
    const BOTTOM: Self;
    /// A value that is below no number: the greatest integer, or NaN for floats.
    const TOP: Self;
    /// The sum. Integers wrap.
    fn add(self, other: Self) -> Self;
    /// The product. Integers wrap.
    fn mul(self, other: Self) -> Self;
    /// The quotient by a count that is not 0. Integers round down.
    fn divide_by_count(self, count: u64) -> Self;
    /// Multiplies the value at `to` by `value`, atomically. There is no such instruction, so it is a loop of
    /// compare-and-exchange.
    unsafe fn join_product(to: *mut Self, value: Self);
}

/// Implements [`Scalar`] for a type that is its own accumulator.
macro_rules! plain_scalar {
    ($type:ident, $ordered_bits:expr) => {
        impl Scalar for $type {
            type Accumulator = Self;

            const ZERO: Self = <Self as Accumulator>::ZERO;

            #[inline(always)]
            unsafe fn load_readonly(from: *const Self) -> Self {
                memory::load_readonly(from)
            }

            #[inline(always)]
            unsafe fn load_streaming(from: *const Self) -> Self {
                memory::load_streaming(from)
            }

            #[inline(always)]
            unsafe fn load_prefetching(from: *const Self) -> Self {
                memory::load_prefetching_256(from)
            }

            #[inline(always)]
            unsafe fn load(from: *const Self) -> Self {
                memory::load(from)
            }

            #[inline(always)]
            unsafe fn store(to: *mut Self, value: Self) {
                memory::store(to, value)
            }

            #[inline(always)]
            fn widen(self) -> Self {
                self
            }

            #[inline(always)]
            fn narrow(value: Self) -> Self {
                value
            }

            #[inline(always)]
            fn ordered_bits(self) -> Option<u64> {
                let ordered_bits: fn(Self) -> Option<u64> = $ordered_bits;
                ordered_bits(self)
            }
        }
    };
}

plain_scalar!(f32, |value| ordered_f32(value));
plain_scalar!(f64, |value| {
    if value.is_nan() {
        return None;
    }
    // As in `ordered_f32`.
    let bits = (value + 0.0).to_bits();
    Some(if bits >> 63 == 0 { bits | 1 << 63 } else { !bits })
});
plain_scalar!(i32, |value| Some((value as u32 ^ 1 << 31) as u64));
plain_scalar!(i64, |value| Some(value as u64 ^ 1 << 63));

#[inline(always)]
fn ordered_f32(value: f32) -> Option<u64> {
    if value.is_nan() {
        return None;
    }
    // -0 + 0 is +0. Every other value stays the same.
    let bits = (value + 0.0).to_bits();
    // The bits of positive floats have the order of the floats. Those of negative floats have the reverse order.
    Some(if bits >> 31 == 0 { bits | 1 << 31 } else { !bits } as u64)
}

/// A type of values whose accumulator is float32.
pub trait Float32: Scalar<Accumulator = f32> {
    /// Loads four neighbouring values that the kernel reads once and does not write. `from` is aligned to the size of
    /// all four.
    unsafe fn load_streaming_x4(from: *const Self) -> [f32; 4];
}

impl Float32 for f32 {
    #[inline(always)]
    unsafe fn load_streaming_x4(from: *const Self) -> [f32; 4] {
        memory::load_streaming_x4(from)
    }
}

/// A 16-bit float: it carries bits, and is computed with as float32.
macro_rules! half_scalar {
    ($(#[$doc:meta])* $type:ident, $widen:path, $narrow:path) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy)]
        pub struct $type(u16);

        impl Scalar for $type {
            type Accumulator = f32;

            const ZERO: Self = Self(0);

            #[inline(always)]
            unsafe fn load_readonly(from: *const Self) -> Self {
                Self(memory::load_readonly(from.cast()))
            }

            #[inline(always)]
            unsafe fn load_streaming(from: *const Self) -> Self {
                Self(memory::load_streaming(from.cast()))
            }

            #[inline(always)]
            unsafe fn load_prefetching(from: *const Self) -> Self {
                Self(memory::load_prefetching_256(from.cast()))
            }

            #[inline(always)]
            unsafe fn load(from: *const Self) -> Self {
                Self(memory::load(from.cast()))
            }

            #[inline(always)]
            unsafe fn store(to: *mut Self, value: Self) {
                memory::store(to.cast(), value.0)
            }

            #[inline(always)]
            fn widen(self) -> f32 {
                $widen(self.0)
            }

            #[inline(always)]
            fn narrow(value: f32) -> Self {
                Self($narrow(value))
            }

            #[inline(always)]
            fn ordered_bits(self) -> Option<u64> {
                ordered_f32(self.widen())
            }
        }

        impl Float32 for $type {
            #[inline(always)]
            unsafe fn load_streaming_x4(from: *const Self) -> [f32; 4] {
                let [low, high]: [u32; 2] = memory::load_streaming_x2(from.cast());
                [low as u16, (low >> 16) as u16, high as u16, (high >> 16) as u16].map($widen)
            }
        }
    };
}

half_scalar!(
    /// float16.
    F16, convert::f16_to_f32, convert::f32_to_f16
);
half_scalar!(
    /// bfloat16.
    Bf16, convert::bf16_to_f32, convert::f32_to_bf16
);

macro_rules! accumulator {
    (float $type:ident: $bits:ident) => {
        accumulator!(
            $type,
            $bits,
            1.0,
            $type::NAN,
            $type::NAN,
            |a, b| a + b,
            |a, b| a * b,
            |a, n| a / n as $type,
            $type::to_bits,
            $type::from_bits
        );
    };
    (integer $type:ident: $bits:ident) => {
        accumulator!(
            $type,
            $bits,
            1,
            $type::MIN,
            $type::MAX,
            $type::wrapping_add,
            $type::wrapping_mul,
            |a, n| (a as i64).div_euclid(n as i64) as $type,
            |a| a as $bits,
            |bits| bits as $type
        );
    };
    (
        $type:ident, $bits:ident, $one:literal, $bottom:expr, $top:expr,
        $add:expr, $mul:expr, $divide:expr, $to_bits:expr, $from_bits:expr
    ) => {
        impl Accumulator for $type {
            const ZERO: Self = 0 as $type;
            // -0 for floats, 0 for integers.
            const NOTHING: Self = -(0 as $type);
            const ONE: Self = $one;
            const BOTTOM: Self = $bottom;
            const TOP: Self = $top;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                let add: fn(Self, Self) -> Self = $add;
                add(self, other)
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                let mul: fn(Self, Self) -> Self = $mul;
                mul(self, other)
            }

            #[inline(always)]
            fn divide_by_count(self, count: u64) -> Self {
                let divide: fn(Self, u64) -> Self = $divide;
                divide(self, count)
            }

            #[inline(always)]
            unsafe fn join_product(to: *mut Self, value: Self) {
                let (to_bits, from_bits): (fn(Self) -> $bits, fn($bits) -> Self) = ($to_bits, $from_bits);
                let bits = to as *mut $bits;
                let mut seen = atomic::load_relaxed(bits);
                loop {
                    let product = to_bits(from_bits(seen).mul(value));
                    let found = AtomicCas::compare_exchange(bits, seen, product);
                    if found == seen {
                        return;
                    }
                    seen = found;
                }
            }
        }
    };
}

accumulator!(float f32: u32);
accumulator!(float f64: u64);
accumulator!(integer i32: u32);
accumulator!(integer i64: u64);

/// A type of the elements of an index, an indptr and `arg_out`.
pub trait Index: Word {
    /// The value, widened.
    fn to_i64(self) -> i64;
    /// A position along the reduced axis. The host has checked that the type holds every position.
    fn from_position(position: u64) -> Self;
    /// Loads four neighbouring elements that the kernel reads once and does not write. `from` is aligned to 16 bytes.
    unsafe fn load_streaming_x4(from: *const Self) -> [Self; 4];

    /// The group that an index names, if it lies in [0, n).
    #[inline(always)]
    fn group(self, n: u64) -> Option<u64> {
        // As an unsigned number, a negative index is above every n.
        let group = self.to_i64() as u64;
        (group < n).then_some(group)
    }
}

impl Index for i32 {
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self as i64
    }

    #[inline(always)]
    fn from_position(position: u64) -> Self {
        position as i32
    }

    #[inline(always)]
    unsafe fn load_streaming_x4(from: *const Self) -> [Self; 4] {
        memory::load_streaming_x4(from)
    }
}

impl Index for i64 {
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self
    }

    #[inline(always)]
    fn from_position(position: u64) -> Self {
        position as i64
    }

    #[inline(always)]
    unsafe fn load_streaming_x4(from: *const Self) -> [Self; 4] {
        let words: [[i32; 4]; 2] =
            [memory::load_streaming_x4(from.cast()), memory::load_streaming_x4(from.add(2).cast())];
        core::mem::transmute(words)
    }
}
