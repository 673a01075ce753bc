//! Parts of a workspace, one behind the other.

/// The alignment of each part, in bytes: the size of the widest elements.
const ALIGNMENT: usize = size_of::<u64>();

/// Places parts of a workspace one behind the other, in the order in which they are taken.
///
/// Sizes that do not fit in a `usize` become the largest one, which no workspace has: an enqueue refuses it as
/// [`Error::WorkspaceTooSmall`](crate::Error::WorkspaceTooSmall).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    end: usize,
}

impl Parts {
    /// Places `count` elements of `size` bytes each. The answer is the offset in bytes of the first one.
    pub(super) fn take(&mut self, count: usize, size: usize) -> usize {
        let offset = self.end;
        let bytes = count.checked_mul(size).and_then(|bytes| bytes.checked_next_multiple_of(ALIGNMENT));
        self.end = self.end.saturating_add(bytes.unwrap_or(usize::MAX));
        offset
    }

    /// The bytes of all parts so far.
    pub(super) fn bytes(self) -> usize {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_aligned_and_never_wrap() {
        let mut parts = Parts::default();
        assert_eq!([parts.take(3, 4), parts.take(1, 8), parts.take(0, 8), parts.take(5, 2)], [0, 16, 24, 24]);
        assert_eq!(parts.bytes(), 40);
        assert_eq!(parts.take(usize::MAX / 4, 8), 40);
        assert_eq!(parts.bytes(), usize::MAX);
        parts.take(usize::MAX, 1);
        assert_eq!(parts.bytes(), usize::MAX);
    }
}
