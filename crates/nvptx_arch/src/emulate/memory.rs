//! The global memory that a kernel may touch.

use std::cell::RefCell;

/// The memory that a grid may touch besides its shared memory.
///
/// Only addresses are kept: whoever registers memory keeps it alive, and lets nothing else touch it, during the run.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Sorted by address, without overlap.
    ranges: Vec<Range>,
}

#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub start: usize,
    pub bytes: usize,
    pub writable: bool,
    /// Whether each byte was written. None if all bytes had values from the start.
    written: Option<RefCell<Vec<bool>>>,
}

impl Range {
    pub fn contains(&self, address: usize, bytes: usize) -> bool {
        address
            .checked_sub(self.start)
            .and_then(|offset| self.bytes.checked_sub(offset))
            .is_some_and(|left| bytes <= left)
    }

    /// Whether all bytes of an access have values.
    pub fn is_written(&self, address: usize, bytes: usize) -> bool {
        let offset = address - self.start;
        self.written
            .as_ref()
            .is_none_or(|written| written.borrow()[offset..offset + bytes].iter().all(|&is_written| is_written))
    }

    /// Notes that the bytes of an access have values.
    pub fn note_written(&self, address: usize, bytes: usize) {
        let offset = address - self.start;
        if let Some(written) = &self.written {
            written.borrow_mut()[offset..offset + bytes].fill(true);
        }
    }

    /// How far `address` is from the range.
    fn distance(&self, address: usize) -> usize {
        let end = self.start + self.bytes;
        if address < self.start { self.start - address } else { address.saturating_sub(end) }
    }
}

impl Memory {
    /// No memory at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a grid read the `bytes` at `base`, and write them if `writable`. Does nothing if `bytes` is 0.
    ///
    /// # Panics
    ///
    /// If the memory overlaps what is registered already.
    pub fn register(&mut self, base: *const u8, bytes: usize, writable: bool) {
        self.add(base, bytes, writable, None);
    }

    /// Lets a grid write the `bytes` at `base`, and read those that this or an earlier grid has written: memory as an
    /// allocation gives it. Does nothing if `bytes` is 0.
    ///
    /// # Panics
    ///
    /// As [`register`](Self::register).
    pub fn register_unwritten(&mut self, base: *const u8, bytes: usize) {
        self.add(base, bytes, true, Some(RefCell::new(vec![false; bytes])));
    }

    fn add(&mut self, base: *const u8, bytes: usize, writable: bool, written: Option<RefCell<Vec<bool>>>) {
        if bytes == 0 {
            return;
        }
        let start = base.addr();
        let at = self.ranges.partition_point(|range| range.start < start);
        let clear_of_previous = at == 0 || {
            let previous = &self.ranges[at - 1];
            previous.start + previous.bytes <= start
        };
        let clear_of_next = at == self.ranges.len() || start + bytes <= self.ranges[at].start;
        assert!(
            clear_of_previous && clear_of_next,
            "{bytes} bytes at {start:#x} overlap memory registered already; register each allocation once"
        );
        self.ranges.insert(at, Range { start, bytes, writable, written });
    }

    pub(crate) fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// The range that holds all of the access.
    pub(crate) fn find(&self, address: usize, bytes: usize) -> Option<usize> {
        let at = self.ranges.partition_point(|range| range.start <= address).checked_sub(1)?;
        self.ranges[at].contains(address, bytes).then_some(at)
    }

    /// Describes where `address` lies, relative to the nearest range.
    pub(crate) fn describe(&self, address: usize) -> Option<String> {
        let range = self.ranges.iter().min_by_key(|range| range.distance(address))?;
        let Range { start, bytes, .. } = range;
        let offset = address as i128 - *start as i128;
        Some(format!(
            "the closest memory is the {bytes} bytes registered at {start:#x}, of which this is byte {offset}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: usize) -> *const u8 {
        std::ptr::without_provenance(address)
    }

    #[test]
    fn an_access_lies_wholly_in_one_range() {
        let mut memory = Memory::new();
        memory.register(at(0x200), 0x10, true);
        memory.register(at(0x100), 0x10, false);
        assert_eq!(memory.find(0x100, 16), Some(0));
        assert_eq!(memory.find(0x20c, 4), Some(1));
        assert_eq!(memory.find(0x20d, 4), None);
        assert_eq!(memory.find(0x1ff, 4), None);
        assert_eq!(memory.find(0x0ff, 1), None);
        assert_eq!(memory.find(0x110, 1), None);
    }

    #[test]
    fn neighbours_may_touch() {
        let mut memory = Memory::new();
        memory.register(at(0x100), 0x10, false);
        memory.register(at(0x110), 0x10, false);
        assert_eq!(memory.find(0x10e, 4), None);
        assert_eq!(memory.find(0x110, 4), Some(1));
    }

    #[test]
    #[should_panic(expected = "overlap")]
    fn overlapping_memory_is_refused() {
        let mut memory = Memory::new();
        memory.register(at(0x100), 0x10, false);
        memory.register(at(0x0f8), 0x10, false);
    }

    #[test]
    fn the_closest_range_is_named() {
        let mut memory = Memory::new();
        memory.register(at(0x100), 0x10, false);
        memory.register(at(0x900), 0x10, false);
        let text = memory.describe(0x8f0).unwrap();
        assert!(text.contains("0x900") && text.contains("byte -16"), "{text}");
    }
}
