//! Allocations whose size comes from the caller's input. One element of an index can ask for any amount of memory, so a
//! failed allocation is an error here and does not end the process.

use crate::{Error, Shape};

/// `count` elements with the same value.
///
/// # Errors
/// [`Error::OutOfMemory`] where there is no room for them.
pub(crate) fn filled<T: Clone>(count: usize, value: T) -> Result<Vec<T>, Error> {
    let mut elements = reserved(count)?;
    elements.resize(count, value);
    Ok(elements)
}

/// A copy of some elements.
///
/// # Errors
/// [`Error::OutOfMemory`] where there is no room for it.
pub(crate) fn copied<T: Copy>(elements: &[T]) -> Result<Vec<T>, Error> {
    let mut copy = reserved(elements.len())?;
    copy.extend_from_slice(elements);
    Ok(copy)
}

fn reserved<T>(count: usize) -> Result<Vec<T>, Error> {
    let mut elements = Vec::new();
    match elements.try_reserve_exact(count) {
        Ok(()) => Ok(elements),
        Err(_) => Err(Error::OutOfMemory { shape: Shape::new(&[count])?, element_bytes: size_of::<T>() }),
    }
}
