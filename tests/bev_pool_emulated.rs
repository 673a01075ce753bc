//! The kernels of bird's-eye-view pooling, run on an emulated grid through the GPU backend's own steps, against a naive
//! loop and against gather_coo and gather_scatter of the CPU backend.

mod support;

use support::{
    composite::FloatElement,
    emulator::{Emulator, Integers, Setup, kernels_not_run, kernels_not_run_in_all_grids},
};
use tensorrt_scatter::{
    BadIndex, BevPoolPlan, BevPoolSizes, Error, GatherCooOptions, GatherScatterOptions, IndexType, Reduce, ScalarType,
    Tensor, Weight, cpu,
    gpu::raw::{BevPoolPointers, enqueue_bev_pool},
};

/// The inputs.
#[derive(Clone)]
struct Case<T> {
    depth: Vec<T>,
    feat: Vec<T>,
    columns: usize,
    ranks_depth: Vec<i64>,
    ranks_feat: Vec<i64>,
    ranks_bev: Vec<i64>,
    /// The first point of each interval, and its number of points.
    intervals: Vec<(i64, i64)>,
    cells: usize,
}

impl<T: FloatElement> Case<T> {
    /// `length` points in intervals of 0 to 40 points in some order of cells, some points being in no interval.
    fn new(length: usize, columns: usize, cells: usize) -> Self {
        let (depths, rows) = (97, 31);
        let value = |i: usize| T::of([0.0, 0.5, 1.0, 2.0, -1.0][i * 7 % 5]);
        let mut intervals = Vec::new();
        let (mut start, mut number) = (3, 0);
        while start < length {
            let points = (number * 17 % 41).min(length - start);
            intervals.push((start as i64, points as i64));
            start += points + number % 3;
            number += 1;
        }
        // A cell has one interval, and an interval the cell of its first point.
        let mut ranks_bev = vec![-9; length];
        for (number, &(start, points)) in intervals.iter().enumerate() {
            let cell = (number * 13 % cells.max(1)) as i64;
            ranks_bev[start as usize..][..points as usize].fill(cell);
        }
        intervals.truncate(cells);
        Self {
            depth: (0..depths).map(value).collect(),
            feat: (0..rows * columns).map(|i| T::of((i * 37 % 5) as f64 - 2.0)).collect(),
            columns,
            ranks_depth: (0..length).map(|p| (p * 29 % depths) as i64).collect(),
            ranks_feat: (0..length).map(|p| (p * 11 % rows) as i64).collect(),
            ranks_bev,
            intervals,
            cells,
        }
    }

    fn points(&self) -> usize {
        self.ranks_bev.len()
    }

    /// The points of an interval that are there, and its cell.
    fn interval(&self, &(start, points): &(i64, i64)) -> Option<(std::ops::Range<usize>, usize)> {
        let start = usize::try_from(start).ok().filter(|&start| start < self.points())?;
        let end = start + usize::try_from(points).unwrap_or(0).min(self.points() - start);
        let cell = usize::try_from(self.ranks_bev[start]).ok().filter(|&cell| cell < self.cells)?;
        Some((start..end, cell))
    }

    /// The definition: for each interval, each point of it.
    fn naive(&self) -> Vec<T> {
        let mut sums = vec![0.0; self.cells * self.columns];
        for (points, cell) in self.intervals.iter().filter_map(|interval| self.interval(interval)) {
            for p in points {
                let depth = usize::try_from(self.ranks_depth[p]).ok().and_then(|at| self.depth.get(at));
                let depth = depth.map_or(0.0, |&depth| depth.exact());
                let row = self.feat.chunks(self.columns).nth(usize::try_from(self.ranks_feat[p]).unwrap_or(usize::MAX));
                for (k, &value) in row.into_iter().flatten().enumerate() {
                    sums[cell * self.columns + k] += depth * value.exact();
                }
            }
        }
        sums.into_iter().map(T::of).collect()
    }

    fn plan(&self) -> BevPoolPlan {
        BevPoolPlan::new(&BevPoolSizes {
            depths: self.depth.len(),
            rows: self.feat.len() / self.columns,
            columns: self.columns,
            points: self.points(),
            intervals: self.intervals.len(),
            cells: self.cells,
        })
        .unwrap()
    }

    fn emulated(&self, seed: u64, max_blocks: u32) -> Result<Vec<T>, Error> {
        let (plan, index_type) = (self.plan(), Setup::of(seed).index_type);
        let bytes = plan.workspace_bytes(T::TYPE, index_type);
        let mut workspace = vec![0x5555_5555_5555_5555u64; bytes.div_ceil(size_of::<u64>())];
        let mut out = vec![T::of(77.0); self.cells * self.columns];
        let integers = |values: &[i64]| Integers::new(values, index_type);
        let (starts, lengths): (Vec<_>, Vec<_>) = self.intervals.iter().copied().unzip();
        let [ranks_depth, ranks_feat, ranks_bev, starts, lengths] =
            [&self.ranks_depth, &self.ranks_feat, &self.ranks_bev, &starts, &lengths].map(|values| integers(values));
        let mut emulator = Emulator::new(seed, max_blocks);
        let pointers = BevPoolPointers {
            scalar: T::TYPE,
            index_type,
            depth: emulator.readable(&self.depth),
            feat: emulator.readable(&self.feat),
            ranks_depth: ranks_depth.readable(&mut emulator),
            ranks_feat: ranks_feat.readable(&mut emulator),
            ranks_bev: ranks_bev.readable(&mut emulator),
            interval_starts: starts.readable(&mut emulator),
            interval_lengths: lengths.readable(&mut emulator),
            out: emulator.unwritten(&mut out),
            workspace: emulator.unwritten(&mut workspace),
            workspace_bytes: bytes,
        };
        // SAFETY: the addresses are of the vectors above, which have the plan's sizes and outlive the call.
        unsafe { enqueue_bev_pool(&mut emulator, &plan, &pointers)? };
        Ok(out)
    }

    #[track_caller]
    fn check(&self, what: &str) {
        let expected = self.naive();
        // Both index types, each in a smaller and in a larger grid than the host's.
        for (seed, max_blocks) in [(0, 1), (1, 1), (2, u32::MAX), (3, u32::MAX)] {
            // All is exact. A sum of zeros may have either sign.
            assert!(self.emulated(seed, max_blocks).unwrap() == expected, "{what}");
        }
    }
}

fn agrees_with_a_naive_loop<T: FloatElement>() {
    for (length, columns, cells) in [(700, 5, 40), (900, 8, 64), (300, 33, 20), (40, 1, 3)] {
        Case::<T>::new(length, columns, cells).check(&format!("{length} points, {columns} columns, {cells} cells"));
    }
}

#[test]
fn float32_and_float16_agree_with_a_naive_loop() {
    agrees_with_a_naive_loop::<f32>();
    agrees_with_a_naive_loop::<half::f16>();
    assert_eq!(kernels_not_run("bev_pool"), [""; 0]);
    assert_eq!(kernels_not_run_in_all_grids(|name| name.starts_with("bev_pool")), [""; 0]);
}

#[test]
fn the_other_floats_agree_too() {
    agrees_with_a_naive_loop::<half::bf16>();
    agrees_with_a_naive_loop::<f64>();
}

/// Only the points of intervals count, in the cell of the interval's first point.
#[test]
fn intervals_decide_which_points_count() {
    let mut case = Case::<f32>::new(60, 4, 6);
    case.ranks_bev = (0..60).map(|p| p / 10).collect();
    case.intervals = vec![(52, 8), (0, 4), (20, 15)];
    case.check("some points");
    let sums = case.emulated(1, u32::MAX).unwrap();
    // Cells 1, 3 and 4 have no interval. Of interval (20, 15) the last five points have another cell, and count in its.
    assert!(sums[4..8].iter().chain(&sums[12..20]).all(|&sum| sum == 0.0));
    assert!(sums[8..12].iter().any(|&sum| sum != 0.0));
    case.intervals.clear();
    case.check("no interval");
}

#[test]
fn bad_intervals_and_ranks_reach_nothing_outside() {
    let mut case = Case::<f32>::new(200, 4, 12);
    case.intervals = vec![(-3, 10), (10, -5), (20, 0), (200, 5), (i64::from(i32::MAX), 9), (190, 1000), (30, 20)];
    case.check("bad intervals");
    case.intervals = vec![(0, 50), (50, 100)];
    (case.ranks_bev[0], case.ranks_bev[50]) = (-1, 3);
    (case.ranks_depth[60], case.ranks_depth[61]) = (-1, 97);
    (case.ranks_feat[70], case.ranks_feat[71]) = (31, -4);
    case.check("bad ranks");
    case.ranks_bev[0] = 12;
    case.check("a cell behind the last one");
}

#[test]
fn without_points_rows_or_cells_every_cell_is_zero() {
    Case::<f32>::new(0, 4, 5).check("no points");
    Case::<f32>::new(100, 4, 0).check("no cells");
    let mut case = Case::<f32>::new(100, 4, 9);
    (case.feat, case.depth) = (Vec::new(), Vec::new());
    case.check("no rows");
}

/// What the CPU backend's operators give, one after the other. The sums are in another order than on a GPU.
#[test]
fn it_is_gather_coo_and_gather_scatter() {
    let case = Case::<f32>::new(700, 8, 40);
    let vector = |values: &[i64]| Tensor::new(&[values.len()], values.to_vec()).unwrap();
    let mut destination = vec![-1; case.points()];
    for (points, cell) in case.intervals.iter().filter_map(|interval| case.interval(interval)) {
        destination[points].fill(cell as i64);
    }
    let depth = Tensor::new(&[case.depth.len()], case.depth.clone()).unwrap();
    let weight = cpu::gather_coo(&depth, &vector(&case.ranks_depth), &GatherCooOptions::new()).unwrap();
    let feat = Tensor::new(&[case.feat.len() / 8, 8], case.feat.clone()).unwrap();
    let options = GatherScatterOptions::new(Reduce::Sum).dim_size(case.cells).bad_index(BadIndex::Skip);
    let (index, destination) = (vector(&case.ranks_feat), vector(&destination));
    let weight = Some(Weight::Same(weight.view()));
    let sums = cpu::gather_scatter(&feat, &index, &destination, weight, &options).unwrap();
    assert!(case.naive() == sums.out.data());
}

#[test]
fn smaller_sizes_need_no_more_workspace() {
    let bytes = |points, intervals, cells| {
        let sizes = BevPoolSizes { depths: 1000, rows: 100, columns: 64, points, intervals, cells };
        BevPoolPlan::new(&sizes).unwrap().workspace_bytes(ScalarType::F16, IndexType::I32)
    };
    const POINTS: [usize; 6] = [0, 1, 700, 5000, 200_000, 2_000_000];
    for points in POINTS.windows(2) {
        for cells in [0, 1, 16_384, 40_000] {
            assert!(bytes(points[0], 10, cells) <= bytes(points[1], 10, cells), "{points:?} points, {cells} cells");
        }
    }
}
