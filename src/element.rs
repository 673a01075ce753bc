//! The element types: values that can be reduced, and integers that can index.

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i32 {}
    impl Sealed for i64 {}
}

/// A type whose values can be reduced: float32.
pub trait Scalar: sealed::Sealed + bytemuck::Pod + PartialOrd + Send + Sync {
    /// The additive identity.
    const ZERO: Self;
    /// The multiplicative identity.
    const ONE: Self;
    /// The type, as a value.
    const TYPE: ScalarType;
    /// The sum of two elements.
    fn add(self, other: Self) -> Self;
    /// The product of two elements.
    fn mul(self, other: Self) -> Self;
    /// The sum of a group over how many elements it has.
    fn divide_by_count(self, count: u64) -> Self;
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const TYPE: ScalarType = ScalarType::F32;

    fn add(self, other: Self) -> Self {
        self + other
    }

    fn mul(self, other: Self) -> Self {
        self * other
    }

    fn divide_by_count(self, count: u64) -> Self {
        self / count as f32
    }
}

/// A type that can index, and that `arg_out` is given in: int32 and int64.
pub trait Index: sealed::Sealed + bytemuck::Pod + Ord + Send + Sync {
    /// The type, as a value.
    const TYPE: IndexType;
    /// The value, widened.
    fn to_i64(self) -> i64;
    /// A position, where it fits.
    fn from_position(position: usize) -> Option<Self>;

    /// The group an index names, if it lies in [0, groups).
    fn group(self, groups: usize) -> Option<usize> {
        usize::try_from(self.to_i64()).ok().filter(|&group| group < groups)
    }
}

impl Index for i32 {
    const TYPE: IndexType = IndexType::I32;

    fn to_i64(self) -> i64 {
        self.into()
    }

    fn from_position(position: usize) -> Option<Self> {
        position.try_into().ok()
    }
}

impl Index for i64 {
    const TYPE: IndexType = IndexType::I64;

    fn to_i64(self) -> i64 {
        self
    }

    fn from_position(position: usize) -> Option<Self> {
        position.try_into().ok()
    }
}

/// The type of values, where it is known only when the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarType {
    /// float32.
    F32,
}

impl ScalarType {
    /// The name the kernels carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
        }
    }
}

/// The type of an index, where it is known only when the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexType {
    /// int32.
    I32,
    /// int64.
    I64,
}

impl IndexType {
    /// The name the kernels carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
        }
    }
}
