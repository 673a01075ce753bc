//! The element types: values, and integers that index.

use nvptx_arch::{
    atomic::{self, AtomicAdd, AtomicCas},
    convert,
    memory::{self, Word},
    warp::Shuffle,
};

/// A type of values, as it lies in memory.
pub trait Scalar: Copy {
    /// What sums and products are kept in: float32 for the 16-bit floats, the type itself otherwise.
    type Accumulator: Accumulator;

    /// Zero.
    const ZERO: Self;

    /// Loads from memory that the kernel does not write.
    unsafe fn load_readonly(from: *const Self) -> Self;
    /// The same from memory that the kernel reads once.
    unsafe fn load_streaming(from: *const Self) -> Self;
    /// The same from memory of which neighbouring threads, or this one next, read on from there.
    unsafe fn load_prefetching(from: *const Self) -> Self;
    /// Loads from memory that this thread may have written.
    unsafe fn load(from: *const Self) -> Self;
    /// Stores.
    unsafe fn store(to: *mut Self, value: Self);
    /// The value to reckon with.
    fn widen(self) -> Self::Accumulator;
    /// The nearest value to store.
    fn narrow(value: Self::Accumulator) -> Self;
    /// An unsigned integer that is ordered as the value is under `<`, -0 and +0 being one; None for NaN.
    fn ordered_bits(self) -> Option<u64>;
}

/// A type to reckon in.
pub trait Accumulator: Word + PartialOrd + AtomicAdd + Shuffle {
    /// Zero.
    const ZERO: Self;
    /// The sum of nothing: added to any value it leaves that value. For floats -0, since -0 + 0 is 0.
    const NOTHING: Self;
    /// The multiplicative identity.
    const ONE: Self;
    /// What is not above any number: the least integer. For floats NaN, which is not below any either.
    const BOTTOM: Self;
    /// What is not below any number: the greatest integer; for floats NaN.
    const TOP: Self;
    /// The sum; integers wrap.
    fn add(self, other: Self) -> Self;
    /// The product; integers wrap.
    fn mul(self, other: Self) -> Self;
    /// This over a count that is not 0; integers round down.
    fn divide_by_count(self, count: u64) -> Self;
    /// Multiplies what is at `to` by `value`, indivisibly: there is no instruction for it, so compare and
    /// exchange until nobody came between.
    unsafe fn join_product(to: *mut Self, value: Self);
}

/// What the types that are their own accumulators have in common.
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
    // -0 + 0 is +0; every other value stays.
    let bits = (value + 0.0).to_bits();
    // Positive floats are ordered as their bits; negative ones backwards, and below them.
    Some(if bits >> 31 == 0 { bits | 1 << 31 } else { !bits } as u64)
}

/// A type of values that is reckoned with as float32.
pub trait Float32: Scalar<Accumulator = f32> {
    /// Loads four neighbours that the kernel reads once and does not write, aligned to the size of all four.
    unsafe fn load_streaming_x4(from: *const Self) -> [f32; 4];
}

impl Float32 for f32 {
    #[inline(always)]
    unsafe fn load_streaming_x4(from: *const Self) -> [f32; 4] {
        memory::load_streaming_x4(from)
    }
}

/// A 16-bit float: a carrier of bits, reckoned with as float32.
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

/// A type of indices, and of the positions in arg_out.
pub trait Index: Word {
    /// The value, widened.
    fn to_i64(self) -> i64;
    /// A position along the reduced axis; the host has seen to it that they all fit.
    fn from_position(position: u64) -> Self;
    /// Four neighbours that the kernel reads once and does not write; `from` is aligned to 16 bytes.
    unsafe fn load_streaming_x4(from: *const Self) -> [Self; 4];

    /// The group an index names, if it lies in [0, n).
    #[inline(always)]
    fn group(self, n: u64) -> Option<u64> {
        // A negative index is a huge unsigned one.
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
