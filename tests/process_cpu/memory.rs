//! A failed allocation is an error, and nothing is written then. The tests refuse every allocation of every operator in
//! turn. An allocation that is not made through `try_reserve` ends the process, and the test with it.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ptr,
};

use tensorrt_scatter::Error;

use crate::{LARGE, SMALL, every_operator::calls};

/// Allocations of fewer bytes are of a size that no input sets.
pub const LARGE_BYTES: usize = 16 << 10;

/// More bytes than that are refused at all times, so that no test depends on what the system grants.
const MOST_BYTES: usize = 1 << 30;

thread_local! {
    /// Whether allocations of this thread are counted: inside of [`counted`].
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
    /// How many large allocations are granted until one is refused.
    static GRANTED: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The system's allocator, which refuses the allocations that a test wants refused.
pub struct Refusing;

impl Refusing {
    fn refuses(bytes: usize) -> bool {
        if bytes > MOST_BYTES {
            return true;
        }
        if bytes < LARGE_BYTES || !IS_COUNTED.get() {
            return false;
        }
        let granted = GRANTED.get();
        GRANTED.set(granted.wrapping_sub(1));
        granted == 0
    }
}

// SAFETY: a null pointer says that there is no memory; all else is the system's.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        if Self::refuses(layout.size()) { ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; all memory is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Runs a call of the library whose allocations may be refused.
pub fn counted<R>(call: impl FnOnce() -> R) -> R {
    IS_COUNTED.set(true);
    let result = call();
    IS_COUNTED.set(false);
    result
}

#[test]
fn every_allocation_that_is_refused_is_an_error() {
    for call in calls(LARGE) {
        let mut refused = 0;
        loop {
            GRANTED.set(refused);
            let result = (call.run)(None);
            // The count goes below 0 with the allocation that is refused.
            let was_refused = GRANTED.replace(usize::MAX) > refused;
            match result {
                Err(Error::OutOfMemory { .. }) => assert!(was_refused, "{}", call.name),
                Ok(_) => {
                    assert!(!was_refused, "{}: allocation {refused} was refused, and nobody noticed", call.name);
                    break;
                }
                Err(error) => panic!("{}: {error}", call.name),
            }
            refused += 1;
        }
        // A call that gives its result to the caller allocates that at least.
        assert!(refused > 0 || call.name.contains("_into"), "{} allocates nothing", call.name);
    }
}

#[test]
fn more_groups_than_memory_can_hold_are_an_error() {
    for call in calls(SMALL).into_iter().filter(|call| call.has_groups) {
        for groups in [1 << 40, 1 << 45, 1 << 50] {
            let result = (call.run)(Some(groups));
            assert!(matches!(result, Err(Error::OutOfMemory { .. })), "{} with {groups} groups", call.name);
        }
    }
}
