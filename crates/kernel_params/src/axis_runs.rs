//! Axes over which an index is broadcast.

use crate::{Divisor, MAX_RANK};

/// The most runs of axes on one side of the reduced axis.
pub const MAX_RUNS: usize = MAX_RANK - 1;

/// Neighbouring axes of `src` over which the index advances evenly.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxisRun {
    /// Divides by the number of positions that the axes cover.
    pub size: Divisor,
    /// How far the index moves for each position. 0 if it is broadcast.
    pub stride: u64,
}

/// All axes of `src` on one side of the reduced axis.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxisRuns {
    /// The number of `runs` that are used.
    pub count: u64,
    /// The runs, innermost first.
    pub runs: [AxisRun; MAX_RUNS],
}

impl AxisRuns {
    /// Whether the index advances evenly over all these axes.
    #[inline(always)]
    pub fn are_even(&self) -> bool {
        self.count <= 1
    }

    /// How far the index moves for each position, if it advances evenly. 0 without axes.
    #[inline(always)]
    pub fn even_stride(&self) -> u64 {
        self.runs[0].stride
    }

    /// Adds an axis outside of all axes so far. It joins the outermost run, if the index advances evenly over both;
    /// otherwise it becomes a new run.
    pub fn push(&mut self, size: u64, stride: u64) {
        if size == 1 {
            return;
        }
        if let Some(inner) = self.runs[..self.count as usize].last_mut()
            && stride == inner.stride * inner.size.value
        {
            inner.size = Divisor::new(inner.size.value * size);
            return;
        }
        self.runs[self.count as usize] = AxisRun { size: Divisor::new(size), stride };
        self.count += 1;
    }

    /// How far a position, counted over all these axes, moves the index. For the host.
    pub fn offset(&self, position: u64) -> u64 {
        offset_over(&self.runs[..self.count as usize], position)
    }

    /// [`offset`](Self::offset) for kernels. It visits every run; unused runs have stride 0. A loop with a variable
    /// number of rounds would index the kernel's parameter with a variable, so the compiler would copy it to local
    /// memory.
    #[inline(always)]
    pub fn offset_unrolled(&self, position: u64) -> u64 {
        offset_over(&self.runs, position)
    }
}

#[inline(always)]
fn offset_over(runs: &[AxisRun], position: u64) -> u64 {
    let mut offset = 0;
    let mut rest = position;
    for run in runs {
        let (outer, inner) = run.size.divide(rest);
        offset += inner * run.stride;
        rest = outer;
    }
    offset
}
