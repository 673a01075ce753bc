//! What the benchmarks run on: sizes and index patterns, as data.

#![allow(dead_code, reason = "each benchmark uses its own part")]

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
    /// Half of the rows are in group 0, and the others anywhere.
    Hot,
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

/// What is compared with other libraries, each with its numbers of columns; `torch_scatter_times.py` has the same.
pub const COMPARED: &[(Size, &[usize])] = &[
    (size("uniform", 1 << 22, 1, 1 << 18, Pattern::Uniform), &COMPARED_COLUMNS),
    (size("few", 1 << 22, 1, 1 << 10, Pattern::Uniform), &COMPARED_COLUMNS),
    (size("skewed", 1 << 22, 1, 1 << 18, Pattern::Skewed), &COMPARED_COLUMNS),
    (size("sweep", 35_000, 1, 10_000, Pattern::Uniform), &COMPARED_COLUMNS),
    (size("one", 1 << 20, 1, 1, Pattern::Uniform), &[1]),
];

const COMPARED_COLUMNS: [usize; 5] = [1, 4, 16, 64, 256];

/// More numbers of columns for scatters into uniform groups.
pub const SCATTERED_COLUMNS: &[usize] = &[2, 3, 5, 8, 24, 32, 33, 48, 63, 65, 96, 127, 128, 200];

/// A graph whose edges are sorted by destination. Sources are uniform.
pub struct Graph {
    pub name: &'static str,
    pub nodes: usize,
    pub edges: usize,
    /// How destinations are drawn.
    pub pattern: Pattern,
    /// The numbers of columns that are measured.
    pub columns: &'static [usize],
}

/// The graphs of the benchmark of graph layers; `torch_times.py` has the same.
pub const GRAPHS: &[Graph] = &[
    Graph { name: "uniform", nodes: 1 << 18, edges: 1 << 22, pattern: Pattern::Uniform, columns: &[16, 64, 256] },
    Graph { name: "skewed", nodes: 1 << 18, edges: 1 << 22, pattern: Pattern::Skewed, columns: &[16, 64, 256] },
    Graph { name: "large", nodes: 1 << 20, edges: 1 << 24, pattern: Pattern::Uniform, columns: &[32] },
    Graph { name: "small", nodes: 10_000, edges: 160_000, pattern: Pattern::Uniform, columns: &[64] },
];

impl Graph {
    /// The destinations, as groups of edges.
    pub fn destinations(&self) -> Size {
        size(self.name, self.edges, 1, self.nodes, self.pattern)
    }

    /// The source of each edge.
    pub fn sources(&self) -> Vec<i32> {
        let uniform = |i: u64| (mix(i) >> 11) as f64 / (1u64 << 53) as f64;
        (0..self.edges as u64).map(|i| (uniform(self.edges as u64 + i) * self.nodes as f64) as i32).collect()
    }
}

impl Size {
    /// The size as a benchmark's name shows it.
    pub fn label(&self) -> String {
        format!("{}/{}x{}->{}", self.name, self.rows, self.columns, self.groups)
    }

    /// How many values `src` has.
    pub fn values(&self) -> usize {
        self.rows * self.columns
    }

    /// How many values a row for each group has.
    pub fn group_values(&self) -> usize {
        self.groups * self.columns
    }

    /// The group of each row, as drawn.
    pub fn index(&self) -> Vec<i32> {
        (0..self.rows as u64)
            .map(|i| {
                let u = (mix(i) >> 11) as f64 / (1u64 << 53) as f64;
                let u = match self.pattern {
                    Pattern::Uniform => u,
                    Pattern::Skewed => u.powi(4),
                    Pattern::Hot => (2.0 * u - 1.0).max(0.0),
                };
                (u * self.groups as f64) as i32
            })
            .collect()
    }

    /// The same groups, in order.
    pub fn sorted_index(&self) -> Vec<i32> {
        let mut index = self.index();
        index.sort_unstable();
        index
    }

    /// Where each group of the sorted index starts, and where the last one ends.
    pub fn indptr(&self) -> Vec<i32> {
        let index = self.sorted_index();
        (0..=self.groups as i32).map(|group| index.partition_point(|&i| i < group) as i32).collect()
    }

    /// Values for the rows, in [-1, 1).
    pub fn src(&self) -> Vec<f32> {
        floats(self.values())
    }

    /// Values for a row of each group, in [-1, 1).
    pub fn group_rows(&self) -> Vec<f32> {
        floats(self.group_values())
    }
}

/// Numbers in [-1, 1), of 24 bits.
pub fn floats(count: usize) -> Vec<f32> {
    (0..count as u64).map(|i| (mix(i) >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
}

/// The `i`-th number of SplitMix64, which looks random. A multiplication alone would not: its multiples have almost
/// equal distances.
pub fn mix(i: u64) -> u64 {
    let z = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
