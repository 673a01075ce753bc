//! Composites over segments.

use crate::SegmentParams;

/// The parameter of softmax_csr, log_softmax_csr, logsumexp_csr and std_csr.
///
/// A partial result of a segment is two numbers for each column. In the workspace, a record has the first numbers of
/// all columns, then the second ones.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CompositeCsrParams {
    /// The tensors and the segments. `out` is shaped as `src` for softmax_csr and log_softmax_csr. `values` has twice
    /// as many accumulators as for a sum.
    pub segments: SegmentParams,
    /// The number that is added to a sum before its logarithm, or to a count before the division.
    pub eps: f64,
    /// Which of the operators it is: [`SOFTMAX`](Self::SOFTMAX) and so on.
    pub operator: u32,
    /// What std subtracts from the count: 1 or 0.
    pub lost: u32,
}

impl CompositeCsrParams {
    /// softmax_csr.
    pub const SOFTMAX: u32 = 0;
    /// log_softmax_csr.
    pub const LOG_SOFTMAX: u32 = 1;
    /// logsumexp_csr.
    pub const LOGSUMEXP: u32 = 2;
    /// std_csr.
    pub const STD: u32 = 3;
}
