//! Sums of float32, float16 and bfloat16 for an index that is the same along a row: a thread takes WIDTH neighbouring
//! columns of a row, so the index is read once for all of them, and they join with one vector atomic where the
//! architecture has it.

use kernel_params::ScatterParams;
use nvptx_arch::atomic::{self, AtomicAdd};

use crate::{
    element::{Float32, Index},
    layout::{for_each_position, Element},
};

/// One column at a time, for any number of columns.
#[inline(always)]
pub unsafe fn accumulate_singles<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 1>(p);
}

/// Four columns at a time: their number is a multiple of 4, and `src` and the accumulators are aligned to four values.
#[inline(always)]
pub unsafe fn accumulate_quads<T: Float32, I: Index>(p: &ScatterParams) {
    accumulate::<T, I, 4>(p);
}

#[inline(always)]
unsafe fn accumulate<T: Float32, I: Index, const WIDTH: usize>(p: &ScatterParams) {
    for_each_position(p.b * p.e * (p.k / WIDTH as u64), |vector| {
        let position = vector * WIDTH as u64;
        let (row, column) = p.by_k.divide(position);
        if let Some(out_row) = Element::of_row(p, row).out_row::<I>(p) {
            join(p, out_row * p.k + column, load::<T, WIDTH>((p.src as *const T).add(position as usize)));
        }
    });
}

/// WIDTH neighbouring values.
#[inline(always)]
pub unsafe fn load<T: Float32, const WIDTH: usize>(from: *const T) -> [f32; WIDTH] {
    if WIDTH == 4 {
        let quad = T::load_streaming_x4(from);
        core::array::from_fn(|lane| quad[lane % 4])
    } else {
        core::array::from_fn(|lane| T::load_streaming(from.add(lane)).widen())
    }
}

/// Adds WIDTH values to their accumulators, of which `place` is the first.
#[inline(always)]
pub unsafe fn join<const WIDTH: usize>(p: &ScatterParams, place: u64, values: [f32; WIDTH]) {
    let to = (p.accumulators as *mut f32).add(place as usize);
    if WIDTH == 4 {
        atomic::reduce_add_f32x4(to, core::array::from_fn(|lane| values[lane % WIDTH]));
    } else {
        for (lane, &value) in values.iter().enumerate() {
            f32::reduce_add(to.add(lane), value);
        }
    }
}
