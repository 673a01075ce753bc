//! Axes over which an index is broadcast.

use crate::{Divisor, MAX_RANK};

/// The most runs of axes on one side of the reduced one.
pub const MAX_RUNS: usize = MAX_RANK - 1;

/// Neighbouring axes of `src` over which the index advances evenly.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxisRun {
    /// How many positions of `src` they cover.
    pub size: Divisor,
    /// How far the index moves for each of them; 0 where it is broadcast.
    pub stride: u64,
}

/// All axes of `src` on one side of the reduced one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxisRuns {
    /// How many of `runs` there are.
    pub count: u64,
    /// The runs, innermost first.
    pub runs: [AxisRun; MAX_RUNS],
}

impl AxisRuns {
    /// Whether the index advances evenly over all of them.
    #[inline(always)]
    pub fn are_even(&self) -> bool {
        self.count <= 1
    }

    /// How far it does so for each position; 0 where there are no axes, as there is no position but 0.
    #[inline(always)]
    pub fn even_stride(&self) -> u64 {
        self.runs[0].stride
    }

    /// Adds an axis that is the outermost so far, in a run of its own or in that of the one before.
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

    /// How far a position over all of them moves the index: for the host, which looks at those that are there.
    pub fn offset(&self, position: u64) -> u64 {
        offset_over(&self.runs[..self.count as usize], position)
    }

    /// The same for kernels. Runs that are not there have stride 0; a loop over a number of them that varies would index a
    /// kernel's parameter by a variable, and so copy it to local memory.
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
