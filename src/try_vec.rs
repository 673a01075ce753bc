//! Memory whose size comes from a caller's input: an index alone can ask for any amount of it, so that the lack of it
//! is an error, not the end of the process. All allocations of that kind are made here.

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
