//! The entry points of the PTX as an enum, and a macro that selects one by the types and options of a call.

use kernel_params::entry::{Contract, FAMILIES};

use crate::{IndexType, Reduce, ScalarType};

macro_rules! entry_points {
    ($($name:ident: $family:literal),+) => {
        /// An entry point of the PTX. Every architecture has all of them.
        ///
        /// A variant is spelled as the entry point is, so that one search finds both sides.
        #[repr(u16)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(non_camel_case_types, missing_docs, reason = "the names of kernel_params::entry, which documents them")]
        pub enum Kernel {
            $($name),+
        }

        impl Kernel {
            /// All entry points, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }

        const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// The number of each entry point's family in [`FAMILIES`].
        const FAMILY_OF: &[u8] = &[$($family),+];
    };
}

include!(concat!(env!("OUT_DIR"), "/entry_points.rs"));

impl Kernel {
    /// The number of entry points.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in the PTX.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// What the kernel assumes of its launch.
    pub fn contract(self) -> Contract {
        FAMILIES[usize::from(FAMILY_OF[self as usize])].contract
    }
}

/// The entry point with a name of the given parts. A part is either literal or a choice that is made when the program
/// runs: `kernel!(scatter_sum scalar(scalar_type) index(index_type))`.
///
/// A choice becomes an exhaustive match. So the compiler finds a combination without a kernel, and a choice that lacks
/// a new type.
macro_rules! kernel {
    (@ [$($part:tt)+]) => {
        pastey::paste! { $crate::gpu::kernel::Kernel::[<$($part)+>] }
    };
    (@ $done:tt scalar($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(scalar => kernel! { @match $done ($value, $crate::ScalarType) ($($rest)*) })
    };
    (@ $done:tt float($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(float => kernel! { @match $done ($value, $crate::gpu::kernel::FloatType) ($($rest)*) })
    };
    (@ $done:tt float32_sum($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(float32_sum => kernel! { @match $done ($value, $crate::gpu::kernel::Float32Sum) ($($rest)*) })
    };
    (@ $done:tt narrow_key($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(narrow_key => kernel! { @match $done ($value, $crate::gpu::kernel::NarrowKey) ($($rest)*) })
    };
    (@ $done:tt index($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(index => kernel! { @match $done ($value, $crate::IndexType) ($($rest)*) })
    };
    (@ $done:tt word($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(word => kernel! { @match $done ($value, $crate::gpu::kernel::Word) ($($rest)*) })
    };
    (@ $done:tt join($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(join => kernel! { @match $done ($value, $crate::gpu::kernel::Join) ($($rest)*) })
    };
    (@ $done:tt selection($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(selection => kernel! { @match $done ($value, $crate::gpu::kernel::Best) ($($rest)*) })
    };
    (@ $done:tt fold($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(fold => kernel! { @match $done ($value, $crate::gpu::kernel::Fold) ($($rest)*) })
    };
    (@ $done:tt counted_fold($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(counted_fold => kernel! { @match $done ($value, $crate::gpu::kernel::CountedFold) ($($rest)*) })
    };
    (@ $done:tt uncounted_fold($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(uncounted_fold => kernel! { @match $done ($value, $crate::gpu::kernel::UncountedFold) ($($rest)*) })
    };
    (@ $done:tt columns_or_quads($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(columns_or_quads => kernel! { @if $done ($value) ($($rest)*) })
    };
    (@ $done:tt statistic($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(statistic => kernel! { @match $done ($value, $crate::gpu::kernel::Statistic) ($($rest)*) })
    };
    (@ $done:tt source($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(source => kernel! { @match $done ($value, $crate::segment::Segments) ($($rest)*) })
    };
    (@ $done:tt sum_or_mean($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(sum_or_mean => kernel! { @if $done ($value) ($($rest)*) })
    };
    (@ $done:tt singles_or_quads($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(singles_or_quads => kernel! { @if $done ($value) ($($rest)*) })
    };
    (@ $done:tt columns_or_packs($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(columns_or_packs => kernel! { @if $done ($value) ($($rest)*) })
    };
    (@ $done:tt combine($value:expr) $($rest:tt)*) => {
        kernel_params::axis!(combine => kernel! { @match $done ($value, $crate::Combine) ($($rest)*) })
    };
    (@ $done:tt load($value:expr) $($rest:tt)*) => {
        kernel!(@match $done ($value, $crate::gpu::kernel::Load) ($($rest)*) =>
            [Columns _columns _] [Packs _packs _] [LargePacks _packs_large _])
    };
    (@ [$($done:tt)*] $part:ident $($rest:tt)*) => {
        kernel!(@ [$($done)* $part] $($rest)*)
    };
    (@if $done:tt ($value:expr) ($($rest:tt)*) => [$no:ident $without:ident $a:tt] [$yes:ident $with:ident $b:tt]) => {
        if $value { kernel!(@append $done $with $($rest)*) } else { kernel!(@append $done $without $($rest)*) }
    };
    // The rest may have choices of its own, so it is repeated in every arm.
    (@match $done:tt ($value:expr, $type:ty) $rest:tt => $([$variant:ident $part:ident $what:tt])+) => {
        kernel!(@arms $done ($value, $type) [$([$variant $part])+] [] $rest)
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

/// Declares some of the types of values: those of an axis.
macro_rules! some_scalars {
    ($(#[$doc:meta])* $name:ident => $([$variant:ident $suffix:ident $type:tt])+) => {
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
                    // The axis says which types these are.
                    _ => None,
                }
            }
        }
    };
}

kernel_params::axis!(float => some_scalars! {
    /// The floating-point types.
    FloatType
});
kernel_params::axis!(float32_sum => some_scalars! {
    /// The types whose sums are kept in float32.
    Float32Sum
});
kernel_params::axis!(narrow_key => some_scalars! {
    /// The types whose ordered key has 32 bits, so that a key and a position fit in one 64-bit integer.
    NarrowKey
});

/// Declares a choice: the values of an axis.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident => $([$variant:ident $suffix:ident $type:tt])+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($variant),+
        }
    };
}

kernel_params::axis!(join => choice! {
    /// How the elements of a group join by atomics.
    Join
});
kernel_params::axis!(selection => choice! {
    /// Which element of a group is the best.
    Best
});
kernel_params::axis!(fold => choice! {
    /// What the kernels over segments compute of a segment's elements. A mean is a sum that is divided when it is
    /// stored.
    Fold
});
kernel_params::axis!(statistic => choice! {
    /// What composites over segments know of a segment.
    Statistic
});
kernel_params::axis!(word => choice! {
    /// What one access of a copy moves, whatever the type of the values.
    Word
});

/// Lists the words, the smallest first.
macro_rules! words {
    (=> $([$variant:ident $suffix:ident $type:tt])+) => {
        impl Word {
            pub(super) const ALL: [Self; [$(stringify!($variant)),+].len()] = [$(Self::$variant),+];
        }
    };
}

kernel_params::axis! { word => words! {} }

kernel_params::axis!(counted_fold => choice! {
    /// The folds whose result depends on the number of elements.
    CountedFold
});
kernel_params::axis!(uncounted_fold => choice! {
    /// The other folds.
    UncountedFold
});

/// A fold, by whether its result depends on the number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoldKind {
    Counted(CountedFold),
    Uncounted(UncountedFold),
}

/// Separates the counted folds from the others. A fold that is in neither axis does not compile.
macro_rules! fold_kind {
    (=> $([$counted:ident $suffix:ident $type:tt])+) => {
        kernel_params::axis! { uncounted_fold => fold_kind! { [$($counted)+] } }
    };
    ([$($counted:ident)+] => $([$uncounted:ident $suffix:ident $type:tt])+) => {
        impl Fold {
            pub(super) fn kind(self) -> FoldKind {
                match self {
                    $(Self::$counted => FoldKind::Counted(CountedFold::$counted),)+
                    $(Self::$uncounted => FoldKind::Uncounted(UncountedFold::$uncounted),)+
                }
            }
        }
    };
}

kernel_params::axis! { counted_fold => fold_kind! {} }

impl Fold {
    /// The fold of a reduction. None if segments do not have the reduction.
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
    /// A pack a lane, if `src` is several times as large as the second-level cache.
    LargePacks,
}

impl Word {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Bytes2 => 2,
            Self::Bytes4 => 4,
            Self::Bytes8 => 8,
            Self::Bytes16 => 16,
        }
    }
}

/// The question that a check of an index answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexQuestion {
    /// The position of the first element outside [0, n). All bits are 1 if there is none.
    FirstBad,
    /// The largest element. -1 if there is none.
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
                assert_eq!(FloatType::of(scalar).is_some(), scalar.is_float(), "{scalar}");
                let has_float32_sum = scalar.is_float() && scalar.accumulator_bytes() == size_of::<f32>();
                assert_eq!(Float32Sum::of(scalar).is_some(), has_float32_sum, "{scalar}");
                assert_eq!(NarrowKey::of(scalar).is_some(), scalar.bytes() <= size_of::<u32>(), "{scalar}");
                if let Some(float) = FloatType::of(scalar) {
                    let kernel = kernel!(composite_softmax float(float) index(index));
                    assert_eq!(kernel.name(), format!("composite_softmax_{scalar_name}_{index_name}"));
                }
                if let Some(float) = Float32Sum::of(scalar) {
                    let kernel = kernel!(scatter_sum singles_or_quads(true) float32_sum(float) index(index));
                    assert_eq!(kernel.name(), format!("scatter_sum_quads_{scalar_name}_{index_name}"));
                }
                if let Some(narrow) = NarrowKey::of(scalar) {
                    let kernel = kernel!(scatter_best selection(Best::Max) narrow_key(narrow) index(index));
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
