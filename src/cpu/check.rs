//! Looking an index or indptr over before it is used.

use rayon::prelude::*;

use crate::{BadIndex, Error, GatherPlan, Index, ScatterPlan, TensorView};

/// The position of the first element of an index that lies outside [0, n).
pub(super) fn first_bad<I: Index>(index: &[I], n: usize) -> Option<usize> {
    index.par_iter().position_first(|index| index.group(n).is_none())
}

/// Fails with the first element of a scatter's index that lies outside [0, N), where that is asked for.
pub(super) fn check_groups<I: Index>(
    plan: &ScatterPlan,
    index: &TensorView<'_, I>,
    bad_index: BadIndex,
) -> Result<(), Error> {
    if bad_index == BadIndex::Error
        && plan.uses_index()
        && let Some(position) = first_bad(index.data(), plan.n)
    {
        return Err(plan.bad_index(position as u64, index.data()[position].to_i64()));
    }
    Ok(())
}

/// Fails with the first element of a gather's indptr that lies below the one before it in its row, or outside [0, E].
pub(super) fn check_indptr<I: Index>(plan: &GatherPlan, indptr: &TensorView<'_, I>) -> Result<(), Error> {
    let (data, row) = (indptr.data(), plan.index_row());
    match first_unsorted(data, row, plan.e + 1) {
        None => Ok(()),
        Some(position) => Err(Error::IndptrOutOfRange {
            position: position as u64,
            value: data[position].to_i64(),
            at_least: if position % row == 0 { 0 } else { data[position - 1].to_i64() },
            size: plan.e,
            shape: *indptr.shape(),
        }),
    }
}

/// The position of the first element that lies below the one before it in its row of `row` elements, or outside
/// [0, limit).
pub(super) fn first_unsorted<I: Index>(index: &[I], row: usize, limit: usize) -> Option<usize> {
    (0..index.len()).into_par_iter().find_first(|&position| {
        let is_below = position % row != 0 && index[position] < index[position - 1];
        is_below || index[position].group(limit).is_none()
    })
}
