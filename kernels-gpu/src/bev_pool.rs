//! Bird's-eye-view pooling: the cell of each point. gather_coo and gather_scatter do the rest.

use kernel_params::BevPoolParams;
use nvptx_arch::{index::lane_id, memory, warp::WARP_SIZE};

use crate::{element::Index, items::Warps};

/// Notes for each point of each interval the cell of the interval's first point. One warp for each interval.
///
/// ```text
/// for each interval, for each point of it: destinations[point] = cells[starts[interval]]
/// ```
/// Of an interval that begins outside of the points nothing is stored, and of one that ends outside of them only what
/// is inside.
#[inline(always)]
pub unsafe fn destinations<I: Index>(p: &BevPoolParams, warps: Warps) {
    warps.for_each(p.intervals, |interval| {
        let load = |address: u64, at: u64| memory::load_readonly((address as *const I).add(at as usize));
        let start = load(p.starts, interval).to_i64() as u64;
        let length = load(p.lengths, interval).to_i64();
        // As an unsigned number, a negative start is above every number of points.
        if start < p.points && length > 0 {
            let end = start + (length as u64).min(p.points - start);
            let cell = load(p.cells, start);
            let mut point = start + lane_id() as u64;
            while point < end {
                memory::store((p.destinations as *mut I).add(point as usize), cell);
                point += WARP_SIZE as u64;
            }
        }
    });
}
