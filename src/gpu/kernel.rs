//! The entry points of the PTX as a type, and how their names are put together from the types and options of a call.

use crate::{IndexType, Reduce, ScalarType};

macro_rules! entry_points {
    ($($name:ident),+) => {
        /// An entry point of the PTX. Every architecture has all of them.
        ///
        /// A variant is spelled as the entry point is, so that one search finds both sides.
        #[repr(u16)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(non_camel_case_types, missing_docs, reason = "the names of kernels-gpu/src/entry.rs, which documents them")]
        pub enum Kernel {
            $($name),+
        }

        impl Kernel {
            /// All entry points, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

include!(concat!(env!("OUT_DIR"), "/entry_points.rs"));

impl Kernel {
    /// The number of entry points.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in the PTX, and in the table of `kernels_gpu::entry`.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// The entry point with a name of the given parts. A part is either literal or a choice that is made when the program runs:
/// `kernel!(scatter_sum scalar(scalar_type) index(index_type))`.
///
/// A choice becomes an exhaustive match, so the compiler finds a combination that has no kernel, and a choice that a new type
/// adds.
macro_rules! kernel {
    (@ [$($part:tt)+]) => {
        pastey::paste! { $crate::gpu::kernel::Kernel::[<$($part)+>] }
    };
    (@ $done:tt scalar($scalar:expr) $($rest:tt)*) => {
        kernel!(@match $done ($scalar, $crate::ScalarType)
            [F32 _f32] [F16 _f16] [BF16 _bf16] [F64 _f64] [I32 _i32] [I64 _i64] => $($rest)*)
    };
    (@ $done:tt float($float:expr) $($rest:tt)*) => {
        kernel!(@match $done ($float, $crate::gpu::kernel::FloatType)
            [F32 _f32] [F16 _f16] [BF16 _bf16] [F64 _f64] => $($rest)*)
    };
    (@ $done:tt float32_sum($float:expr) $($rest:tt)*) => {
        kernel!(@match $done ($float, $crate::gpu::kernel::Float32Sum) [F32 _f32] [F16 _f16] [BF16 _bf16] => $($rest)*)
    };
    (@ $done:tt narrow_key($narrow:expr) $($rest:tt)*) => {
        kernel!(@match $done ($narrow, $crate::gpu::kernel::NarrowKey)
            [F32 _f32] [F16 _f16] [BF16 _bf16] [I32 _i32] => $($rest)*)
    };
    (@ $done:tt index($index:expr) $($rest:tt)*) => {
        kernel!(@match $done ($index, $crate::IndexType) [I32 _i32] [I64 _i64] => $($rest)*)
    };
    (@ $done:tt word($word:expr) $($rest:tt)*) => {
        kernel!(@match $done ($word, $crate::gpu::kernel::Word)
            [Bytes2 _2] [Bytes4 _4] [Bytes8 _8] [Bytes16 _16] => $($rest)*)
    };
    (@ $done:tt join($join:expr) $($rest:tt)*) => {
        kernel!(@match $done ($join, $crate::gpu::kernel::Join) [Sum _sum] [Mul _mul] => $($rest)*)
    };
    (@ $done:tt best($best:expr) $($rest:tt)*) => {
        kernel!(@match $done ($best, $crate::gpu::kernel::Best) [Min _min] [Max _max] => $($rest)*)
    };
    (@ $done:tt fold($fold:expr) $($rest:tt)*) => {
        kernel!(@match $done ($fold, $crate::gpu::kernel::Fold) [Sum _sum] [Min _min] [Max _max] => $($rest)*)
    };
    (@ $done:tt source($source:expr) $($rest:tt)*) => {
        kernel!(@match $done ($source, $crate::segment::Segments) [Index _coo] [Indptr _csr] => $($rest)*)
    };
    (@ $done:tt sum_or_mean($counts:expr) $($rest:tt)*) => {
        kernel!(@match $done ($counts, bool) [false _sum] [true _mean] => $($rest)*)
    };
    (@ $done:tt singles_or_quads($is_quads:expr) $($rest:tt)*) => {
        kernel!(@match $done ($is_quads, bool) [false _singles] [true _quads] => $($rest)*)
    };
    (@ $done:tt columns_or_packs($is_packs:expr) $($rest:tt)*) => {
        kernel!(@match $done ($is_packs, bool) [false _columns] [true _packs] => $($rest)*)
    };
    (@ $done:tt load($load:expr) $($rest:tt)*) => {
        kernel!(@match $done ($load, $crate::gpu::kernel::Load)
            [Columns _columns] [Packs _packs] [LargePacks _packs_large] => $($rest)*)
    };
    (@ [$($done:tt)*] $part:ident $($rest:tt)*) => {
        kernel!(@ [$($done)* $part] $($rest)*)
    };
    (@match $done:tt ($value:expr, bool) [false $no:ident] [true $yes:ident] => $($rest:tt)*) => {
        if $value { kernel!(@append $done $yes $($rest)*) } else { kernel!(@append $done $no $($rest)*) }
    };
    // The rest may have choices of its own, so it is repeated in every arm.
    (@match $done:tt ($value:expr, $type:ty) $([$variant:ident $part:ident])+ => $($rest:tt)*) => {
        kernel!(@arms $done ($value, $type) [$([$variant $part])+] [] ($($rest)*))
    };
    (@arms $done:tt ($value:expr, $type:ty) [[$variant:ident $part:ident] $($more:tt)*] [$($arms:tt)*] $rest:tt) => {
        kernel!(@arms $done ($value, $type) [$($more)*] [$($arms)* [$variant $part $done $rest]] $rest)
    };
    (@arms $done:tt ($value:expr, $type:ty) [] [$([$variant:ident $part:ident $again:tt ($($rest:tt)*)])+] $unused:tt) => {
        match $value {
            $(<$type>::$variant => kernel!(@append $again $part $($rest)*)),+
        }
    };
    (@append [$($done:tt)*] $part:ident $($rest:tt)*) => {
        kernel!(@ [$($done)* $part] $($rest)*)
    };
    ($($part:tt)+) => {
        kernel!(@ [] $($part)+)
    };
}
pub(super) use kernel;

/// Declares some of the types of values.
macro_rules! some_scalars {
    ($(#[$doc:meta])* $name:ident: $($variant:ident)+; not $($other:ident)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($variant),+
        }

        impl $name {
            /// The type, if it is one of them.
            pub(super) fn of(scalar: ScalarType) -> Option<Self> {
                match scalar {
                    $(ScalarType::$variant => Some(Self::$variant),)+
                    $(ScalarType::$other)|+ => None,
                }
            }
        }
    };
}

some_scalars! {
    /// The floating-point types.
    FloatType: F32 F16 BF16 F64; not I32 I64
}

some_scalars! {
    /// The types whose sums are kept in float32.
    Float32Sum: F32 F16 BF16; not F64 I32 I64
}

some_scalars! {
    /// The types whose ordered key has 32 bits, so that a key and a position fit in one 64-bit integer.
    NarrowKey: F32 F16 BF16 I32; not F64 I64
}

/// How the elements of a group join by atomics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Sum,
    Mul,
}

/// Which element of a group is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Best {
    Min,
    Max,
}

/// What the kernels over segments make of a segment's elements. A mean is a sum that is divided when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Sum,
    Min,
    Max,
}

impl Fold {
    /// What a reduction over segments is made of; None where there are no kernels for it.
    pub(super) fn of(reduce: Reduce) -> Option<Self> {
        match reduce {
            Reduce::Sum | Reduce::Mean => Some(Self::Sum),
            Reduce::Min => Some(Self::Min),
            Reduce::Max => Some(Self::Max),
            Reduce::Mul => None,
        }
    }
}

/// How the kernels over a cut axis load the columns of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// One column a lane.
    Columns,
    /// A pack a lane.
    Packs,
    /// A pack a lane, where `src` is larger than a few caches.
    LargePacks,
}

/// What one access of a copy moves, whatever the type of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Bytes2,
    Bytes4,
    Bytes8,
    Bytes16,
}

impl Word {
    pub(super) const ALL: [Self; 4] = [Self::Bytes2, Self::Bytes4, Self::Bytes8, Self::Bytes16];

    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Bytes2 => 2,
            Self::Bytes4 => 4,
            Self::Bytes8 => 8,
            Self::Bytes16 => 16,
        }
    }
}

/// Which of the kernels that look an index over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexQuestion {
    /// The position of the first element outside [0, n), all ones for none.
    FirstBad,
    /// The largest element, -1 for none.
    Largest,
}

impl IndexQuestion {
    pub(super) fn kernel(self, index: IndexType) -> Kernel {
        match self {
            Self::FirstBad => kernel!(index_first_bad index(index)),
            Self::Largest => kernel!(index_largest index(index)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_numbered_in_the_order_of_their_names() {
        assert!(NAMES.is_sorted());
        for (number, kernel) in Kernel::ALL.iter().enumerate() {
            assert_eq!(*kernel as usize, number);
            assert_eq!(kernel.name(), NAMES[number]);
            assert_eq!(kernel.name(), format!("{kernel:?}"));
        }
        assert_eq!(Kernel::ALL.len(), Kernel::COUNT);
    }

    #[test]
    fn names_are_made_of_their_parts() {
        for scalar in ScalarType::ALL {
            for index in [IndexType::I32, IndexType::I64] {
                let (scalar_name, index_name) = (scalar.name(), index.name());
                let kernel = kernel!(scatter_sum scalar(scalar) index(index));
                assert_eq!(kernel.name(), format!("scatter_sum_{scalar_name}_{index_name}"));
                if let Some(float) = FloatType::of(scalar) {
                    let kernel = kernel!(composite_softmax float(float) index(index));
                    assert_eq!(kernel.name(), format!("composite_softmax_{scalar_name}_{index_name}"));
                }
                if let Some(float) = Float32Sum::of(scalar) {
                    let kernel = kernel!(scatter_sum singles_or_quads(true) float32_sum(float) index(index));
                    assert_eq!(kernel.name(), format!("scatter_sum_quads_{scalar_name}_{index_name}"));
                }
                if let Some(narrow) = NarrowKey::of(scalar) {
                    assert!(scalar.bytes() <= 4);
                    let kernel = kernel!(scatter_best best(Best::Max) narrow_key(narrow) index(index));
                    assert_eq!(kernel.name(), format!("scatter_best_max_{scalar_name}_{index_name}"));
                }
                for word in Word::ALL {
                    let kernel = kernel!(gather_coo word(word) index(index));
                    assert_eq!(kernel.name(), format!("gather_coo_{}_{index_name}", word.bytes()));
                }
            }
        }
    }
}
