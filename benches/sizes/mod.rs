//! What the benchmarks run on: sizes and index patterns, as data.

/// One size: `rows` rows of `columns` values into `groups` groups.
pub struct Size {
    pub name: &'static str,
    pub rows: usize,
    pub columns: usize,
    pub groups: usize,
    pub pattern: Pattern,
}

/// How the indices are drawn.
#[derive(Clone, Copy)]
pub enum Pattern {
    /// Every group is as likely as any other.
    Uniform,
    /// groups * u^4 for a uniform u: a few groups hold most of the rows.
    Skewed,
}

const fn size(name: &'static str, rows: usize, columns: usize, groups: usize, pattern: Pattern) -> Size {
    Size { name, rows, columns, groups, pattern }
}

/// A lidar sweep into pillars, small enough for either backend.
pub const SMALL: &[Size] =
    &[size("sweep", 35_000, 4, 10_000, Pattern::Uniform), size("sweep", 35_000, 64, 10_000, Pattern::Uniform)];

/// The edges of a large graph: 4.2 million rows, beyond any cache.
pub const LARGE: &[Size] = &[
    size("uniform", 1 << 22, 1, 1 << 18, Pattern::Uniform),
    size("uniform", 1 << 22, 16, 1 << 18, Pattern::Uniform),
    size("uniform", 1 << 22, 64, 1 << 18, Pattern::Uniform),
    size("few", 1 << 22, 16, 1 << 10, Pattern::Uniform),
    size("skewed", 1 << 22, 16, 1 << 18, Pattern::Skewed),
];

impl Size {
    pub fn index(&self) -> Vec<i32> {
        (0..self.rows as u64)
            .map(|i| {
                let u = hash(i) as f64 / (1u64 << 31) as f64;
                let u = match self.pattern {
                    Pattern::Uniform => u,
                    Pattern::Skewed => u.powi(4),
                };
                (u * self.groups as f64) as i32
            })
            .collect()
    }

    pub fn src(&self) -> Vec<f32> {
        (0..(self.rows * self.columns) as u64).map(|i| hash(i) as f32 / (1u64 << 30) as f32 - 1.0).collect()
    }
}

/// 31 well-mixed bits: a multiplicative hash.
fn hash(i: u64) -> u64 {
    (i ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}
