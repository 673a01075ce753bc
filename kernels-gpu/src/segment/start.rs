//! What the segments hold that no element arrives in.

use kernel_params::SegmentParams;

use super::store::store_args;
use crate::{element::Scalar, layout::for_each_position};

/// Sets every element of `out` to base, or to 0, and every position to "none": for an index, of which nobody can tell
/// cheaply which segments it leaves out.
#[inline(always)]
pub unsafe fn start<T: Scalar>(p: &SegmentParams) {
    for_each_position(p.b * p.n * p.k, |at| {
        let at = at as usize;
        if p.base != p.out {
            let value = if p.base == 0 { T::ZERO } else { T::load((p.base as *const T).add(at)) };
            T::store((p.out as *mut T).add(at), value);
        }
        store_args(p, at, [p.e]);
    });
}
