//! A block's shared memory.

use std::cell::{RefCell, UnsafeCell};
use std::collections::BTreeMap;

/// Dynamic and static shared memory of one block.
pub struct SharedMemory {
    dynamic: Allocation,
    /// The arrays, by their places in the source.
    arrays: RefCell<BTreeMap<usize, Allocation>>,
}

struct Allocation {
    /// 16 bytes each, which is also the alignment that shared memory has.
    units: Vec<UnsafeCell<u128>>,
    bytes: usize,
}

impl Allocation {
    fn new(bytes: usize) -> Self {
        // All bits 1 is NaN as a float and -1 as an integer, so a value that was never written is easy to see in a
        // result.
        let unwritten = || UnsafeCell::new(u128::MAX);
        let units = bytes.div_ceil(size_of::<u128>());
        Self { units: std::iter::repeat_with(unwritten).take(units).collect(), bytes }
    }

    fn base(&self) -> *mut u8 {
        self.units.as_ptr().cast_mut().cast()
    }

    fn contains(&self, address: usize, bytes: usize) -> bool {
        address
            .checked_sub(self.base().addr())
            .and_then(|offset| self.bytes.checked_sub(offset))
            .is_some_and(|left| bytes <= left)
    }
}

impl SharedMemory {
    pub fn new(dynamic_bytes: usize) -> Self {
        Self { dynamic: Allocation::new(dynamic_bytes), arrays: RefCell::default() }
    }

    /// Dynamic shared memory; where the launch gave none, an address that may not be accessed.
    pub fn dynamic(&self) -> *mut u8 {
        self.dynamic.base()
    }

    /// The array that belongs to a place in the source.
    pub fn array(&self, place: usize, bytes: usize) -> *mut u8 {
        self.arrays.borrow_mut().entry(place).or_insert_with(|| Allocation::new(bytes)).base()
    }

    /// Whether all of the access lies in one allocation.
    pub fn contains(&self, address: usize, bytes: usize) -> bool {
        self.dynamic.contains(address, bytes)
            || self.arrays.borrow().values().any(|array| array.contains(address, bytes))
    }
}
