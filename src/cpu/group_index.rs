//! The grouping of an index on the CPU.

use super::check::{check_index, group_count};
use crate::{Error, GroupIndexOptions, GroupIndexPlan, Grouping, Index, Tensor, TensorView, TensorViewMut, try_vec};

/// Sorts the positions of an index's elements by their group: a stable counting sort.
///
/// With an index of shape [.., E] in any order, `perm` of shape [.., E] has the positions of the elements of group 0,
/// then those of group 1, and so on, each group's in rising order. Those of group n are
/// `perm[.., indptr[.., n]..indptr[.., n + 1]]`.
///
/// ```
/// use tensorrt_scatter::{GroupIndexOptions, Tensor, cpu};
/// let index = Tensor::new(&[5], vec![2, 0, 2, 1, 0])?;
/// let grouping = cpu::group_index(&index, &GroupIndexOptions::new().dim_size(3))?;
/// assert_eq!(grouping.perm.data(), [1, 4, 3, 0, 2]);
/// assert_eq!(grouping.indptr.data(), [0, 2, 3, 5]);
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
///
/// # Errors
/// Those of [`GroupIndexPlan::new`]; [`Error::IndexOutOfRange`] under [`BadIndex::Error`](crate::BadIndex::Error);
/// [`Error::PermTooNarrow`] where a position does not fit the index's type; [`Error::OutOfMemory`].
pub fn group_index<'a, I: Index>(
    index: impl Into<TensorView<'a, I>>,
    options: &GroupIndexOptions,
) -> Result<Grouping<Tensor<I>>, Error> {
    let index = index.into();
    let plan = GroupIndexPlan::with_group_count(index.shape(), options, || Ok(group_count(&index)))?;
    plan.check_positions::<I>()?;
    check_index(&plan, &index, options.bad_index)?;
    let mut perm = Tensor::full(*plan.perm_shape(), I::zeroed())?;
    let mut indptr = Tensor::full(*plan.indptr_shape(), I::zeroed())?;
    group(&plan, index.data(), perm.data_mut(), indptr.data_mut())?;
    Ok(Grouping { perm, indptr })
}

/// [`group_index`] that writes to the caller's tensors, to every element of them. Without a `dim_size`, the number of
/// groups is that of `indptr`.
///
/// # Errors
/// Those of [`group_index`]; [`Error::OutputShape`] where `perm` or `indptr` has another shape than the result. Nothing
/// is written then.
pub fn group_index_into<'a, I: Index>(
    index: impl Into<TensorView<'a, I>>,
    options: &GroupIndexOptions,
    perm: impl Into<TensorViewMut<'a, I>>,
    indptr: impl Into<TensorViewMut<'a, I>>,
) -> Result<(), Error> {
    let (index, perm, indptr) = (index.into(), perm.into(), indptr.into());
    let groups = indptr.shape().dims().last().map_or(0, |entries| entries.saturating_sub(1));
    let plan = GroupIndexPlan::with_group_count(index.shape(), options, || Ok(groups))?;
    plan.check_outputs(perm.shape(), indptr.shape())?;
    plan.check_positions::<I>()?;
    check_index(&plan, &index, options.bad_index)?;
    group(&plan, index.data(), perm.into_data(), indptr.into_data())
}

/// Finds where each group of a sorted index begins. Elements below 0 come before group 0, or, where the last element of
/// the row is one of them, after group N - 1: an index may be padded with -1.
pub(super) fn sorted_bounds<I: Index>(plan: &GroupIndexPlan, index: &[I], indptr: &mut [i64]) {
    for (row, entries) in indptr.chunks_mut(plan.n + 1).enumerate() {
        let index = &index[row * plan.e..(row + 1) * plan.e];
        let is_padded = index.last().is_some_and(|last| last.to_i64() < 0);
        let lowest = if is_padded { 0 } else { i64::MIN };
        let mut rest = index.iter().map(|id| id.to_i64()).peekable();
        let mut start = 0;
        for (group, entry) in entries.iter_mut().enumerate() {
            while rest.next_if(|id| (lowest..group as i64).contains(id)).is_some() {
                start += 1;
            }
            *entry = start;
        }
    }
}

/// Groups an index. `P`, the type of perm and indptr, holds every position.
pub(super) fn group<I: Index, P: Index>(
    plan: &GroupIndexPlan,
    index: &[I],
    perm: &mut [P],
    indptr: &mut [P],
) -> Result<(), Error> {
    // Where the next element of each group goes; the last one is for elements without a group.
    let mut next = try_vec::filled(plan.n + 1, 0usize)?;
    let position = |position| P::from_position(position).expect("the type holds every position");
    for (row, entries) in indptr.chunks_mut(plan.n + 1).enumerate() {
        let elements = row * plan.e..(row + 1) * plan.e;
        let (index, perm) = (&index[elements.clone()], &mut perm[elements]);
        let group = |index: I| index.group(plan.n).unwrap_or(plan.n);
        next.fill(0);
        index.iter().for_each(|&index| next[group(index)] += 1);
        let mut start = 0;
        for (next, entry) in next.iter_mut().zip(entries) {
            let count = std::mem::replace(next, start);
            *entry = position(start);
            start += count;
        }
        for (at, &index) in index.iter().enumerate() {
            let next = &mut next[group(index)];
            perm[*next] = position(at);
            *next += 1;
        }
    }
    Ok(())
}
