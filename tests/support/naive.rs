//! Scatter written as its definition reads: the oracle of the other tests. One loop over the elements in
//! order, coordinates written out, no plan, no layout.

use tensorrt_scatter::{Accumulator, Reduce};

use super::Element;

/// The inputs of a scatter.
#[derive(Clone, Debug)]
pub struct ScatterCase<T> {
    pub src_dims: Vec<usize>,
    pub src: Vec<T>,
    pub index_dims: Vec<usize>,
    pub index: Vec<i64>,
    pub base: Option<Vec<T>>,
    pub dim: usize,
    pub dim_size: usize,
    pub reduce: Reduce,
}

impl<T> ScatterCase<T> {
    pub fn out_dims(&self) -> Vec<usize> {
        let mut dims = self.src_dims.clone();
        dims[self.dim] = self.dim_size;
        dims
    }

    pub fn out_len(&self) -> usize {
        self.out_dims().iter().product()
    }
}

/// The row-major coordinates of a position.
pub fn coordinates(dims: &[usize], position: usize) -> Vec<usize> {
    let mut rest = position;
    let mut coordinates = vec![0; dims.len()];
    for axis in (0..dims.len()).rev() {
        coordinates[axis] = rest % dims[axis];
        rest /= dims[axis];
    }
    coordinates
}

pub fn position(dims: &[usize], coordinates: &[usize]) -> usize {
    dims.iter().zip(coordinates).fold(0, |position, (&size, &coordinate)| position * size + coordinate)
}

/// The index of an element: along dim for a 1-D index, else axes of size 1 repeat and missing ones at the
/// end count as such.
pub fn index_of<T>(case: &ScatterCase<T>, at: &[usize]) -> i64 {
    if case.index_dims.len() == 1 {
        let along = if case.index_dims[0] == 1 { 0 } else { at[case.dim] };
        return case.index[along];
    }
    let at: Vec<usize> =
        case.index_dims.iter().zip(at).map(|(&size, &coordinate)| if size == 1 { 0 } else { coordinate }).collect();
    case.index[position(&case.index_dims, &at)]
}

/// The result and, for min and max, the positions. Sums and products are kept in the type that OPERATORS names
/// for T and rounded once.
pub fn scatter<T: Element>(case: &ScatterCase<T>) -> (Vec<T>, Vec<i64>) {
    let out_dims = case.out_dims();
    let len = case.out_len();
    let identity = if case.reduce == Reduce::Mul { T::of(1.0) } else { T::of(0.0) };
    let mut out = case.base.clone().unwrap_or_else(|| vec![identity; len]);
    let mut wide: Vec<T::Accumulator> = out.iter().map(|value| value.widen()).collect();
    let mut arg = vec![case.src_dims[case.dim] as i64; len];
    let mut count = vec![0u64; len];
    let mut arrived = vec![case.base.is_some(); len];
    for (i, &value) in case.src.iter().enumerate() {
        let mut at = coordinates(&case.src_dims, i);
        let e = at[case.dim];
        let group = index_of(case, &at);
        if group < 0 || group >= case.dim_size as i64 {
            continue;
        }
        at[case.dim] = group as usize;
        let o = position(&out_dims, &at);
        count[o] += 1;
        let wins = match case.reduce {
            Reduce::Max => value > out[o] || !arrived[o] && !value.is_nan(),
            Reduce::Min => value < out[o] || !arrived[o] && !value.is_nan(),
            Reduce::Mul => {
                wide[o] = wide[o].mul(value.widen());
                false
            }
            Reduce::Sum | Reduce::Mean => {
                wide[o] = wide[o].add(value.widen());
                false
            }
        };
        if wins {
            out[o] = value;
            arg[o] = e as i64;
            arrived[o] = true;
        }
    }
    if case.reduce.has_arg() {
        return (out, arg);
    }
    for (o, wide) in wide.into_iter().enumerate() {
        let mean = case.reduce == Reduce::Mean;
        out[o] = T::narrow(if mean { wide.divide_by_count(count[o].max(1)) } else { wide });
    }
    (out, Vec::new())
}
