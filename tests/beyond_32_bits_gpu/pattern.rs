//! Tensors of any size whose reductions follow from a formula.

use bytemuck::{Pod, cast_slice};
use half::f16;
use rayon::prelude::*;
use tensorrt_scatter::{Composite, Reduced};

/// The bits of 0, 1 and 2 as float16.
const BITS: [u16; 3] = [0, 0x3c00, 0x4000];

/// `src` [rows, columns] and the groups of its rows, from which every result follows by counting.
///
/// Row r = j * groups + g is row j of group g. Its element in column c is 0, unless j = g + c modulo `period`: then it
/// is 1, or 2 in the upper half of the rows. So each group and each run of rows has few elements other than 0, and sums
/// are exact. The value shows whether a position is in the upper half, and rows that are 2^32 apart differ.
#[derive(Clone, Copy)]
pub struct Pattern {
    pub rows: usize,
    pub columns: usize,
    pub groups: usize,
    pub period: usize,
    /// The number of segments of segment_csr. Segment s starts at row s * rows / segments.
    pub segments: usize,
}

impl Pattern {
    /// The first row of the upper half.
    fn half(&self) -> usize {
        self.rows / 2
    }

    pub fn dims(&self) -> Vec<usize> {
        self.dims_of(self.rows)
    }

    pub fn dims_of(&self, rows: usize) -> Vec<usize> {
        if self.columns == 1 { vec![rows] } else { vec![rows, self.columns] }
    }

    /// The bits of src, as float16.
    pub fn src(&self) -> Vec<u16> {
        let mut src = vec![0; self.rows * self.columns];
        src.par_chunks_mut(self.groups * self.columns).enumerate().for_each(|(j, chunk)| {
            for (g, row) in chunk.chunks_mut(self.columns).enumerate() {
                let value = BITS[if j * self.groups + g < self.half() { 1 } else { 2 }];
                // Column c with j = g + c modulo the period.
                let first = (j % self.period + self.period - g % self.period) % self.period;
                row.iter_mut().skip(first).step_by(self.period).for_each(|element| *element = value);
            }
        });
        src
    }

    /// The group of each row.
    pub fn index<I: Pod + Send + Sync>(&self, of: impl Fn(usize) -> I) -> Vec<I> {
        let period: Vec<I> = (0..self.groups).map(of).collect();
        let mut index = vec![I::zeroed(); self.rows];
        index.par_chunks_mut(self.groups).for_each(|chunk| chunk.copy_from_slice(&period[..chunk.len()]));
        index
    }

    /// The segment of each row.
    pub fn sorted_index<I: Pod + Send + Sync>(&self, of: impl Fn(usize) -> I + Sync) -> Vec<I> {
        let mut index = vec![I::zeroed(); self.rows];
        let mut rest = index.as_mut_slice();
        let mut parts = Vec::new();
        for segment in 0..self.segments {
            let (part, behind) = rest.split_at_mut(self.start(segment + 1) - self.start(segment));
            parts.push((segment, part));
            rest = behind;
        }
        parts.into_par_iter().for_each(|(segment, part)| part.fill(of(segment)));
        index
    }

    /// The first row of a segment.
    fn start(&self, segment: usize) -> usize {
        (segment as u128 * self.rows as u128 / self.segments as u128) as usize
    }

    pub fn indptr(&self) -> Vec<i64> {
        (0..=self.segments).map(|segment| self.start(segment) as i64).collect()
    }

    /// j modulo the period, for the rows of group g that are not 0 in column c.
    fn j_of(&self, g: usize, c: usize) -> usize {
        (g + c) % self.period
    }

    /// g modulo the period, for the rows with this j that are not 0 in column c.
    fn g_of(&self, j: usize, c: usize) -> usize {
        (j % self.period + self.period - c % self.period) % self.period
    }

    /// How many of a column's elements in rows before `row` are not 0.
    fn count_before(&self, row: usize, c: usize) -> usize {
        // The number of g below `end` for which row j of group g is not 0.
        let count = |j: usize, end: usize| end.saturating_sub(self.g_of(j, c)).div_ceil(self.period);
        let j = row / self.groups;
        // Over a whole period of j each g comes once.
        let periods = j / self.period * self.groups;
        let rest: usize = (0..j % self.period).map(|j| count(j, self.groups)).sum();
        periods + rest + count(j, row % self.groups)
    }

    /// How many of those are of group `g`.
    fn count_in_group_before(&self, row: usize, g: usize, c: usize) -> usize {
        let elements = row.saturating_sub(g).div_ceil(self.groups);
        elements.saturating_sub(self.j_of(g, c)).div_ceil(self.period)
    }

    /// The first row from `row` on where a column is not 0.
    fn first_from(&self, row: usize, c: usize) -> usize {
        let (j, g) = (row / self.groups, row % self.groups);
        let next = g + (self.g_of(j, c) + self.period - g % self.period) % self.period;
        if next < self.groups { j * self.groups + next } else { (j + 1) * self.groups + self.g_of(j + 1, c) }
    }

    /// The same among the rows of group `g`.
    fn first_in_group_from(&self, row: usize, g: usize, c: usize) -> usize {
        let j = row.saturating_sub(g).div_ceil(self.groups);
        let next = j + (self.j_of(g, c) + self.period - j % self.period) % self.period;
        next * self.groups + g
    }

    pub fn group_sum(&self, g: usize, c: usize) -> usize {
        2 * self.count_in_group_before(self.rows, g, c) - self.count_in_group_before(self.half(), g, c)
    }

    /// The maximum of a group and its position: a 2, as every group has one.
    pub fn group_max(&self, g: usize, c: usize) -> (usize, usize) {
        (2, self.first_in_group_from(self.half(), g, c))
    }

    pub fn segment_sum(&self, segment: usize, c: usize) -> usize {
        let (start, end) = (self.start(segment), self.start(segment + 1));
        let ones_and_twos = self.count_before(end, c) - self.count_before(start, c);
        let twos = self.count_before(end.max(self.half()), c) - self.count_before(start.max(self.half()), c);
        ones_and_twos + twos
    }

    /// The maximum of a segment and its position: a 2 where it has one, and otherwise a 1.
    pub fn segment_max(&self, segment: usize, c: usize) -> (usize, usize) {
        let (start, end) = (self.start(segment), self.start(segment + 1));
        let two = self.first_from(start.max(self.half()), c);
        if two < end { (2, two) } else { (1, self.first_from(start, c)) }
    }

    /// How many elements of a group are 0, 1 and 2.
    fn group_counts(&self, g: usize, c: usize) -> [usize; 3] {
        let ones_and_twos = self.count_in_group_before(self.rows, g, c);
        let ones = self.count_in_group_before(self.half(), g, c);
        [(self.rows - g).div_ceil(self.groups) - ones_and_twos, ones, ones_and_twos - ones]
    }

    /// A composite of a group: for each value of src, or, where a group has one result, three times the same.
    fn composite(&self, composite: Composite, g: usize, c: usize) -> [f64; 3] {
        let counts = self.group_counts(g, c).map(|count| count as f64);
        let below_max = [-2.0, -1.0, 0.0];
        let sum: f64 = (0..3).map(|value| counts[value] * f64::exp(below_max[value])).sum();
        match composite {
            Composite::Softmax => below_max.map(|difference| difference.exp() / sum),
            Composite::LogSoftmax => below_max.map(|difference| difference - sum.ln()),
            Composite::LogSumExp => [2.0 + sum.ln(); 3],
            Composite::Std => {
                let count: f64 = counts.iter().sum();
                let mean = (counts[1] + 2.0 * counts[2]) / count;
                let squares: f64 = (0..3).map(|value| counts[value] * (value as f64 - mean).powi(2)).sum();
                [(squares / (count - 1.0)).sqrt(); 3]
            }
        }
    }

    /// The bits of a table to gather from: no two of 65,536 neighbours in a column are alike.
    pub fn table(&self, rows: usize) -> Vec<u16> {
        (0..rows * self.columns).map(|i| (i / self.columns * 31 + i % self.columns) as u16).collect()
    }

    pub fn check_sums(&self, what: &str, out: &[f16], expected: impl Fn(&Self, usize, usize) -> usize) {
        for (i, value) in out.iter().enumerate() {
            let expected = expected(self, i / self.columns, i % self.columns);
            assert_eq!(value.to_f64(), expected as f64, "{what}: element {i}");
        }
    }

    pub fn check_max(
        &self,
        what: &str,
        result: &Reduced<&[f16], &[i64]>,
        expected: impl Fn(&Self, usize, usize) -> (usize, usize),
    ) {
        let arg_out = result.arg_out.expect("max has positions");
        assert_eq!(result.out.len(), arg_out.len());
        for (i, (value, &arg)) in result.out.iter().zip(arg_out).enumerate() {
            let expected = expected(self, i / self.columns, i % self.columns);
            assert_eq!((value.to_f64(), arg), (expected.0 as f64, expected.1 as i64), "{what}: element {i}");
        }
    }

    /// Checks a composite. The index of the last element may be bad. That element is 0, and one of many in its group,
    /// so the expected result is near enough without it.
    pub fn check_composite(&self, composite: Composite, out: &[f16], last_is_bad: bool) {
        // The result and its tolerance: half an ulp for the rounding, and the error of float32 sums of up to 131,000
        // elements.
        let expected: Vec<_> = (0..self.groups * self.columns)
            .into_par_iter()
            .map(|i| {
                self.composite(composite, i / self.columns, i % self.columns).map(|value| {
                    let exponent = value.abs().log2().floor().max(-14.0);
                    (value as f32, (f64::exp2(exponent - 11.0) + 1e-4 * value.abs()) as f32)
                })
            })
            .collect();
        let is_near = |out: f16, (value, error): (f32, f32)| (out.to_f32() - value).abs() <= error;
        if out.len() == expected.len() {
            for (i, (&out, expected)) in out.iter().zip(&expected).enumerate() {
                assert!(is_near(out, expected[0]), "{}: element {i}: {out}, not {}", composite.name(), expected[0].0);
            }
            return;
        }
        let (good, bad) = out.split_at(out.len() - usize::from(last_is_bad));
        assert!(bad.iter().all(|&out| out == f16::ZERO), "{}: the bad element", composite.name());
        good.par_chunks(expected.len()).enumerate().for_each(|(j, chunk)| {
            for (i, &out) in chunk.iter().enumerate() {
                let (g, c) = (i / self.columns, i % self.columns);
                let is_upper = j * self.groups + g >= self.half();
                let value = if self.j_of(g, c) == j % self.period { 1 + usize::from(is_upper) } else { 0 };
                let expected = expected[i][value];
                assert!(
                    is_near(out, expected),
                    "{}: row {j} of group {g}: {out}, not {}",
                    composite.name(),
                    expected.0
                );
            }
        });
    }

    /// Checks rows that were gathered from the table by the index. The index's last element may be bad.
    pub fn check_gathered_by_index(&self, out: &[f16], table: &[u16], last_is_bad: bool) {
        let out: &[u16] = cast_slice(out);
        let (good, bad) = out.split_at((self.rows - usize::from(last_is_bad)) * self.columns);
        good.par_chunks(table.len()).enumerate().for_each(|(j, chunk)| {
            assert!(chunk == &table[..chunk.len()], "gather_coo: rows from {} on", j * self.groups);
        });
        assert!(bad.iter().all(|&bits| bits == 0), "gather_coo: the row of the bad index");
    }

    /// Checks rows of the table repeated over their segments.
    pub fn check_gathered_by_segment(&self, out: &[f16], table: &[u16]) {
        let out: &[u16] = cast_slice(out);
        (0..self.segments).into_par_iter().for_each(|segment| {
            let row = &table[segment * self.columns..][..self.columns];
            let rows = &out[self.start(segment) * self.columns..self.start(segment + 1) * self.columns];
            assert!(rows.chunks(self.columns).all(|given| given == row), "gather_csr: segment {segment}");
        });
    }
}
