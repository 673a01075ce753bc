//! Checks of an index or indptr before it is used.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::threads::Division;
use crate::{BadIndex, Error, Index, TensorView, index_rules::IndexRules};

/// The fewest elements for each thread. With fewer, waking a thread costs more than it saves (docs/CPU.md).
const ELEMENTS_PER_THREAD: usize = 1 << 16;

/// Fails with the first element that breaks the plan's rules; checks nothing under [`BadIndex::Skip`].
pub(super) fn check_index<I: Index>(
    plan: &impl IndexRules,
    index: &TensorView<'_, I>,
    bad_index: BadIndex,
) -> Result<(), Error> {
    let position = match bad_index {
        BadIndex::Error if plan.uses_index() => first_bad(plan, index.data()),
        BadIndex::Error | BadIndex::Skip => None,
    };
    let Some(position) = position else { return Ok(()) };
    let value = |position: usize| index.data()[position].to_i64();
    let previous = if position % plan.index_row() == 0 { None } else { Some(value(position - 1)) };
    Err(plan.bad_index(position as u64, value(position), previous))
}

fn first_bad<I: Index>(plan: &impl IndexRules, index: &[I]) -> Option<usize> {
    let limit = plan.index_limit();
    if !plan.is_sorted() {
        return first_position(index, |_, part| part.iter().position(|element| element.group(limit).is_none()));
    }
    let row = plan.index_row();
    first_position(index, |start, part| {
        (start..start + part.len()).position(|position| {
            let is_below = position % row != 0 && index[position] < index[position - 1];
            is_below || index[position].group(limit).is_none()
        })
    })
}

/// The first position that `find` returns. It is called for parts of the index, with the start of the part and the
/// part, and returns a position within the part.
fn first_position<I: Index>(index: &[I], find: impl Fn(usize, &[I]) -> Option<usize> + Sync) -> Option<usize> {
    let division = Division::new(index.len(), ELEMENTS_PER_THREAD);
    let length = division.part_length(index.len());
    let first = AtomicUsize::new(usize::MAX);
    division.for_each(index.chunks(length).enumerate(), |(part, elements)| {
        let start = part * length;
        if start < first.load(Ordering::Relaxed)
            && let Some(position) = find(start, elements)
        {
            first.fetch_min(start + position, Ordering::Relaxed);
        }
    });
    Some(first.into_inner()).filter(|&first| first != usize::MAX)
}

/// The largest index plus one: the number of groups where nothing else says it. An index without elements, or with
/// negative ones only, names no group.
pub fn group_count<I: Index>(index: &TensorView<'_, I>) -> usize {
    let division = Division::new(index.data().len(), ELEMENTS_PER_THREAD);
    let largest = AtomicI64::new(-1);
    division.for_each(index.data().chunks(division.part_length(index.data().len())), |part| {
        let of_part = part.iter().max().map_or(-1, |&element| element.to_i64());
        largest.fetch_max(of_part, Ordering::Relaxed);
    });
    usize::try_from(largest.into_inner().saturating_add(1)).unwrap_or(0)
}
