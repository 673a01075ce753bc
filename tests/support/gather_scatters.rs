//! Reductions of groups of rows that an index names: the naive twin, and generated cases.

use proptest::{collection::vec, prelude::*};

use super::{
    Element,
    cases::Indices,
    gather_segments::{GatherSegmentCase, gather_segment_cases, reduce_where, repeated},
};

/// The inputs of gather_scatter, or of gather_segment_coo.
#[derive(Clone, Debug)]
pub struct GatherScatterCase<T> {
    /// src, index, weights and the reduction. Its indptr is not used.
    pub rows: GatherSegmentCase<T>,
    pub destination_dims: Vec<usize>,
    pub destination: Vec<i64>,
    /// N: the number of groups.
    pub dim_size: usize,
}

impl<T: Element> GatherScatterCase<T> {
    /// The rows of a case, with destinations for one index.
    pub fn new(rows: GatherSegmentCase<T>, destination: &[i64], dim_size: usize) -> Self {
        Self { rows, destination_dims: vec![destination.len()], destination: destination.to_vec(), dim_size }
    }

    /// The same with sorted destinations: what gather_segment_coo takes. If `is_padded`, negative ones lie behind the
    /// others.
    pub fn sorted(mut self, is_padded: bool) -> Self {
        let length = self.rows.length().max(1);
        let place = |&destination: &i64| if is_padded && destination < 0 { i64::MAX } else { destination };
        self.destination.chunks_mut(length).for_each(|row| row.sort_by_key(place));
        self
    }

    pub fn out_dims(&self) -> Vec<usize> {
        let mut dims = self.rows.src_dims.clone();
        dims[self.rows.axis()] = self.dim_size;
        dims
    }

    pub fn out_len(&self) -> usize {
        self.out_dims().iter().product()
    }
}

/// The definition, for each element of the result on its own: every e whose destination it is. The result and, for min
/// and max, the positions.
pub fn reduce<T: Element>(case: &GatherScatterCase<T>) -> (Vec<T>, Vec<i64>) {
    let axis = case.rows.axis();
    reduce_where(&case.rows, &case.out_dims(), |at, e| {
        let of_element = [&at[..axis], &[e]].concat();
        case.destination[repeated(&case.destination_dims, axis, &of_element)] == at[axis] as i64
    })
}

/// [`gather_segment_cases`] with destinations instead of an indptr, in any order. Their leading axes are those that the
/// indptr would have.
pub fn gather_scatter_cases<T: Element>(
    max_axis: usize,
    max_length: usize,
    indices: Indices,
) -> impl Strategy<Value = GatherScatterCase<T>> {
    (gather_segment_cases::<T>(max_axis, max_length, indices), 0..=max_length).prop_flat_map(move |(rows, dim_size)| {
        let axis = rows.axis();
        // Without groups every destination is bad: there is nothing to ask for.
        let dim_size = if matches!(indices, Indices::Good) { dim_size.max(1) } else { dim_size };
        let destination_dims = [&rows.indptr_dims[..axis], &[rows.length()]].concat();
        let groups = dim_size as i64;
        let destinations = match indices {
            Indices::Good => 0..groups,
            Indices::SomeBad => -2..groups + 2,
        };
        (vec(destinations, destination_dims.iter().product::<usize>()), Just((rows, destination_dims, dim_size)))
            .prop_map(|(destination, (rows, destination_dims, dim_size))| GatherScatterCase {
                rows,
                destination_dims,
                destination,
                dim_size,
            })
    })
}
