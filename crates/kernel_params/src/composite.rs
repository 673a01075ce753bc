//! Composites.

use crate::ScatterParams;

/// The parameter of softmax, log_softmax, logsumexp and std. Every address but those of `src`, the index and `out` is
/// of a part of the workspace that starts as zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CompositeParams {
    /// The tensors, their sizes and the broadcast: `src`, `index`, `out`, the sizes and `layout` are used, and
    /// `counts` by std. `out` is shaped as `src` for softmax and log_softmax.
    pub scatter: ScatterParams,
    /// Address of the keys of the groups' maxima, [B, N, K]: u32, or u64 for float64.
    pub maxima: u64,
    /// Address of the groups' sums, [B, N, K]: of exponentials, or of the elements for std.
    pub sums: u64,
    /// Address of the groups' sums of squared differences for std, [B, N, K].
    pub squares: u64,
    /// The number that is added to a sum before its logarithm, or to a count before the division.
    pub eps: f64,
    /// 1 if sums of exponentials skip a NaN of `src`, 0 if it makes them NaN.
    pub skip_nan: u32,
    /// What std subtracts from the count: 1 or 0.
    pub lost: u32,
}
