//! Generated cases. Values are such that every order of reduction gives the same bits: small integers to
//! add, signed powers of two to multiply. So results are compared exactly, whatever the algorithm.

use proptest::{collection::vec, prelude::*, sample::select};
use tensorrt_scatter::{Reduce, ReduceOperator};

use super::{Element, naive::ScatterCase};

/// Which indices a case may have.
#[derive(Clone, Copy)]
pub enum Indices {
    /// All in [0, N).
    Good,
    /// Some outside.
    SomeBad,
}

/// Scatter cases of rank 1 to 5 with up to `max_axis` elements along an axis, 0 included.
pub fn scatter_cases<T: Element>(max_axis: usize, indices: Indices) -> impl Strategy<Value = ScatterCase<T>> {
    let reductions: Vec<_> = ReduceOperator::Scatter.reductions().collect();
    (vec(0..=max_axis, 1..=5), 0..5usize, 0..=max_axis, select(reductions), any::<bool>())
        .prop_flat_map(move |(src_dims, dim, dim_size, reduce, has_base)| {
            let dim = dim % src_dims.len();
            let src_len: usize = src_dims.iter().product();
            let out_len = src_len / src_dims[dim].max(1) * dim_size;
            // Where E is 0 the product above forgets the other axes.
            let out_len = if src_dims[dim] == 0 {
                src_dims.iter().enumerate().map(|(axis, &size)| if axis == dim { dim_size } else { size }).product()
            } else {
                out_len
            };
            let values = move |len| vec(value::<T>(reduce), len);
            (
                Just(src_dims.clone()),
                values(src_len),
                index_dims(src_dims, dim),
                if has_base { values(out_len).prop_map(Some).boxed() } else { Just(None).boxed() },
                Just((dim, dim_size, reduce)),
            )
        })
        .prop_flat_map(move |(src_dims, src, index_dims, base, (dim, dim_size, reduce))| {
            let len: usize = index_dims.iter().product();
            let range = match indices {
                Indices::Good if dim_size == 0 => 0..1,
                Indices::Good => 0..dim_size as i64,
                Indices::SomeBad => -2..dim_size as i64 + 2,
            };
            vec(range, len).prop_map(move |index| ScatterCase {
                src_dims: src_dims.clone(),
                src: src.clone(),
                index_dims: index_dims.clone(),
                index,
                base: base.clone(),
                dim,
                dim_size,
                reduce,
            })
        })
}

fn value<T: Element>(reduce: Reduce) -> BoxedStrategy<T> {
    match reduce {
        Reduce::Mul => select(T::FACTORS).prop_map(T::of).boxed(),
        // Few values, so that groups have ties.
        _ => (-4i8..=4).prop_map(|value| T::of(value.into())).boxed(),
    }
}

/// The sizes of an index that broadcasts to src: 1-D along dim, or any axis of it 1, the trailing ones
/// perhaps left out.
fn index_dims(src_dims: Vec<usize>, dim: usize) -> impl Strategy<Value = Vec<usize>> {
    let rank = src_dims.len();
    (vec(any::<bool>(), rank), 1..=rank, any::<bool>()).prop_map(move |(full, kept, one_dimensional)| {
        if one_dimensional || rank == 1 {
            return vec![src_dims[dim]];
        }
        (0..kept.max(2).max(dim + 1)).map(|axis| if full[axis] || axis == dim { src_dims[axis] } else { 1 }).collect()
    })
}
